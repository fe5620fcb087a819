"""Polygons as run lengths: which pixels of an image lie inside.

A pixel belongs to a polygon when its centre does, by the even-odd rule; a centre on an edge belongs to the polygon
right of it or below it, so that neighbours share no pixel. Several polygons of one object are united. The rule is
that of drawing programs; COCO's own tool (maskApi.c, rleFrPoly) first moves the corners to a grid of 1/5 pixel and
draws the border generously, so that its masks differ from these in a few pixels of the border.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pixelwise.errors import InputError
from pixelwise.ops.run_lengths import Rle
from pixelwise.shapes import Size

MOST_CROSSINGS = 2**20
"""An object whose outline crosses more columns is refused: its run lengths would take 40 MB; real ones have
thousands."""


def fill_polygons(polygons: Sequence[Sequence[float | int]], size: Size, where: str) -> Rle:
    """The mask of an object that is drawn as polygons, cut to the image.

    Args:
        polygons: each x y x y ... of finite numbers in pixels, three points or more; closed by itself.
        size: height and width of the image; no memory is taken for its pixels.
        where: what to call the object in an error.

    Raises:
        InputError: the outline crosses more than 2**20 columns.

    >>> fill_polygons([[1, 0, 3, 0, 3, 2, 1, 2]], (2, 4), "a square")
    {'size': [2, 4], 'counts': [2, 4, 2]}
    """
    runs = [_crossings(np.asarray(polygon, dtype=np.float64).reshape(-1, 2), size, where) for polygon in polygons]
    places = runs[0] if len(runs) == 1 else _united(runs)
    starts, ends = places[0::2], places[1::2]
    filled = starts < ends
    starts, ends = starts[filled], ends[filled]
    if len(starts):
        apart = starts[1:] != ends[:-1]  # a run that goes on in the next column
        starts, ends = starts[np.append(True, apart)], ends[np.append(apart, True)]
    height, width = size
    edges = np.concatenate([[0], np.stack([starts, ends], axis=1).ravel(), [height * width]]).astype(np.int64)
    counts: list[int] = np.diff(edges).tolist()
    if len(counts) > 1 and counts[-1] == 0:  # the mask reaches the last pixel
        counts.pop()
    return {"size": [height, width], "counts": counts}


def _crossings(points: NDArray[np.float64], size: Size, where: str) -> NDArray[np.int64]:
    """Where the outline crosses the centres of columns, as places in a column-by-column mask, in order.

    Each column has an even number of them: outside ends at the first, begins again at the second, and so on.
    """
    height, width = size
    left, right = points, np.roll(points, -1, axis=0)
    backwards = left[:, 0] > right[:, 0]
    left, right = np.where(backwards[:, None], right, left), np.where(backwards[:, None], left, right)
    first = np.clip(np.ceil(left[:, 0] - 0.5), 0, width).astype(np.int64)
    last = np.clip(np.ceil(right[:, 0] - 0.5), 0, width).astype(np.int64)
    spans = last - first
    total = int(spans.sum())
    if total > MOST_CROSSINGS:
        raise InputError(
            f"a polygon that crosses at most {MOST_CROSSINGS} columns",
            f"{where}: {total} crossings of {len(points)} points",
            hint="simplify the polygon or remove the annotation",
        )
    edge = np.repeat(np.arange(len(points)), spans)
    column = np.arange(total) - np.repeat(np.cumsum(spans) - spans, spans) + first[edge]
    slope = (right[:, 1] - left[:, 1]) / np.where(spans > 0, right[:, 0] - left[:, 0], 1)
    y = left[edge, 1] + (column + 0.5 - left[edge, 0]) * slope[edge]
    row = np.clip(np.ceil(y - 0.5), 0, height).astype(np.int64)
    return np.sort(column * height + row)


def _united(runs: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Starts and ends of what lies in any of several sets of runs."""
    starts = np.sort(np.concatenate([places[0::2] for places in runs]))
    ends = np.sort(np.concatenate([places[1::2] for places in runs]))
    if not len(starts):
        return starts
    # The n-th start begins a new stretch when all n runs before it have ended.
    fresh = np.append(True, starts[1:] > ends[:-1])
    stretch_ends = np.append(ends[:-1][fresh[1:]], ends[-1])
    return np.stack([starts[fresh], stretch_ends], axis=1).ravel()

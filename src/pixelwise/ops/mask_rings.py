"""The outlines of a mask as rings of corner points, exact along the pixels' edges."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray
from scipy import ndimage  # type: ignore[import-untyped]  # scipy ships no types

Ring = list[tuple[int, int]]
"""Corners (x, y) in pixels, the first one again at the end; pixel (row, column) covers column..column + 1."""


def mask_polygons(mask: Bool[np.ndarray, "H W"], corner: tuple[int, int] = (0, 0)) -> list[list[Ring]]:
    """Each connected part of a mask as an outer ring and the rings of its holes.

    Pixels are connected along their edges; those that touch at a corner are parts of their own. Outer rings run
    clockwise to the eye (y points down), holes the other way; corners on a straight line are left out. So the area
    between the rings is exactly that of the pixels.

    Args:
        mask: True inside.
        corner: row and column that the mask's first pixel has in the image.

    >>> mask_polygons(np.array([[True, True], [True, False]]))
    [[[(0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2), (0, 0)]]]
    """
    parts, count = ndimage.label(mask)
    found = []
    for number, window in enumerate(ndimage.find_objects(parts, count), start=1):
        offset = window[0].start + corner[0], window[1].start + corner[1]
        rings = sorted(_rings(parts[window] == number, offset), key=_area, reverse=True)
        found.append(rings)  # the outer ring is the only one that runs clockwise
    return found


def _rings(inside: NDArray[np.bool_], offset: tuple[int, int]) -> Iterator[Ring]:
    """The rings of one connected part."""
    following = _edges(np.pad(inside, 1))
    top, left = offset[0] - 1, offset[1] - 1
    while following:
        start = next(iter(following))
        ring, point, direction = [start], start, None
        while True:
            ends = following[point]
            # Where two pixels of the part touch at a corner, turning right keeps to the one whose edge was followed.
            place = 0 if direction is None or len(ends) == 1 else _right_turn(point, direction, ends)
            end = ends.pop(place)
            if not ends:
                del following[point]
            direction = end[0] - point[0], end[1] - point[1]
            point = end
            if point == start:
                break
            ring.append(point)
        yield [(x + left, y + top) for x, y in _corners(ring)]


def _edges(padded: NDArray[np.bool_]) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Every edge between inside and outside by its first point (x, y), with the inside on the right."""
    edges: dict[tuple[int, int], list[tuple[int, int]]] = {}
    across, along = padded[1:] ^ padded[:-1], padded[:, 1:] ^ padded[:, :-1]
    sides = (
        (across & padded[1:], (0, 1), (1, 1)),  # outside above: to the right
        (across & padded[:-1], (1, 1), (0, 1)),  # outside below: to the left
        (along & padded[:, :-1], (1, 0), (1, 1)),  # outside to the right: down
        (along & padded[:, 1:], (1, 1), (1, 0)),  # outside to the left: up
    )
    for places, begin, end in sides:
        for row, column in np.argwhere(places).tolist():
            first = column + begin[0], row + begin[1]
            edges.setdefault(first, []).append((column + end[0], row + end[1]))
    return edges


def _right_turn(point: tuple[int, int], direction: tuple[int, int], ends: list[tuple[int, int]]) -> int:
    right = point[0] - direction[1], point[1] + direction[0]  # y points down
    return ends.index(right) if right in ends else 0


def _corners(ring: Ring) -> Ring:
    """The ring without the points at which it goes straight on, closed."""
    before, after = ring[-1:] + ring[:-1], ring[1:] + ring[:1]
    kept = [
        here
        for here, last, following in zip(ring, before, after, strict=True)
        if (here[0] - last[0], here[1] - last[1]) != (following[0] - here[0], following[1] - here[1])
    ]
    return [*kept, kept[0]]


def _area(ring: Ring) -> float:
    """The signed area: positive where the ring runs clockwise to the eye."""
    points = np.array(ring, dtype=np.float64)
    x, y = points[:, 0], points[:, 1]
    return float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) / 2)

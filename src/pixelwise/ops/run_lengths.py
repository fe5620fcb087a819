"""COCO's run lengths: masks as a few bytes, with area, box and overlap computed without decoding.

Source: Lin et al. 2014, and maskApi.c in COCO's own tools.

A mask is read column by column; run lengths alternate between outside and inside, starting outside. Most are written
as characters, see `pixelwise.ops.run_length_code`; crowds in COCO's files hold the lengths themselves, as a list.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypedDict

import numpy as np
from jaxtyping import Bool, Float, Int64
from numpy.typing import NDArray

from pixelwise.errors import InputError
from pixelwise.ops.run_length_code import compressed, decompressed
from pixelwise.shapes import Size

LARGEST = 2**32
"""Masks of more pixels are not decoded, as they would take over 4 GB; area, box and overlap work all the same."""


class Rle(TypedDict):
    """A mask as COCO stores it."""

    size: list[int]
    """Height and width."""
    counts: str | bytes | list[int]
    """Compressed, as text or bytes, or the lengths themselves. `encode_mask` writes text, which JSON can hold."""


def encode_mask(mask: Bool[np.ndarray, "h w"], size: Size | None = None, corner: tuple[int, int] = (0, 0)) -> Rle:
    """The run lengths of a mask.

    Args:
        mask: True inside.
        size: height and width of the image where `mask` is only a window of it; outside the window nothing is inside.
        corner: row and column of the window's first pixel.

    Raises:
        InputError: the window leaves the image.

    >>> encode_mask(np.array([[False, True], [True, True]]))
    {'size': [2, 2], 'counts': '13'}
    """
    height, width = mask.shape if size is None else size
    down, across = corner
    if min(corner) < 0 or down + mask.shape[0] > height or across + mask.shape[1] > width:
        raise InputError(
            f"a window inside the image of {height}x{width}",
            f"one of {mask.shape[0]}x{mask.shape[1]} at row {down} and column {across}",
            hint="cut the mask to the image first",
        )
    # A window's column ends outside, so that no run goes on into the next one; in the image it may.
    rows = mask.shape[0] + int(mask.shape[0] < height)
    columns = np.zeros((mask.shape[1], rows), dtype=np.bool_)
    columns[:, : mask.shape[0]] = mask.T
    flat = columns.ravel()
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    if len(flat) and flat[0]:
        changes = np.concatenate([[0], changes])
    if len(flat) and flat[-1]:
        changes = np.concatenate([changes, [len(flat)]])
    column, row = np.divmod(changes, max(1, rows))
    edges = np.concatenate([[0], (column + across) * height + row + down, [height * width]])
    counts = np.diff(edges)
    if len(counts) > 1 and counts[-1] == 0:  # the mask reaches the last pixel
        counts = counts[:-1]
    return {"size": [int(height), int(width)], "counts": compressed(counts)}


def decode_mask(rle: Rle, source: str = "a mask") -> Bool[np.ndarray, "H W"]:
    """The mask of compressed or plain run lengths, laid out column by column.

    Args:
        rle: size and counts.
        source: what to call it in an error: file and annotation.

    Raises:
        InputError: size or counts are not what they should be, counts do not fill the size exactly, or the mask has
            more than 2**32 pixels.
    """
    height, width = _size(rle, source)
    counts = _lengths(rle, source)
    if height * width > LARGEST:
        raise _too_large(width, height, source)
    return _decoded(counts, (height, width))


class Runs(NamedTuple):
    """What of a mask can be told without decoding it, and the decoding of the part that holds something."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    """Of the stretches inside, column after column, apart from each other and none of them empty."""
    size: Size
    """Height and width of the image."""

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x0 y0 x1 y1 around the mask, ends exclusive; zeros where it is empty."""
        if not len(self.starts):
            return 0, 0, 0, 0
        height = self.size[0]
        first, last = self.starts // height, (self.ends - 1) // height
        # A run that goes on into the next column touches the lower and the upper border.
        crossing = bool((first != last).any())
        top = 0 if crossing else int((self.starts % height).min())
        bottom = height if crossing else int(((self.ends - 1) % height).max()) + 1
        return int(first[0]), top, int(last[-1]) + 1, bottom

    def window(self) -> Bool[np.ndarray, "h w"]:
        """The mask within its box; only the box's columns are decoded.

        Raises:
            InputError: these have more than 2**32 pixels.
        """
        x0, y0, x1, y1 = self.box
        height, width = self.size[0], x1 - x0
        if width * height > LARGEST:
            raise _too_large(width, height, "the box of a mask")
        edges = np.stack([self.starts, self.ends], axis=1).ravel() - x0 * height
        lengths = np.diff(edges, prepend=0, append=width * height)
        return _decoded(lengths, (height, width))[y0:y1]


def read_runs(rle: Rle, source: str = "a mask") -> Runs:
    """The stretches of compressed or plain run lengths.

    Args:
        rle: size and counts.
        source: what to call it in an error.

    Raises:
        InputError: as `decode_mask`, but for the number of pixels.

    >>> runs = read_runs(encode_mask(np.array([[False, False, False], [False, True, True]])))
    >>> runs.box, runs.window()
    ((1, 1, 3, 2), array([[ True,  True]]))
    """
    return Runs(*_runs(rle, source), _size(rle, source))


def rle_area(rle: Rle, source: str = "a mask") -> int:
    """The number of pixels inside, without decoding.

    Raises:
        InputError: as `decode_mask`, but for the number of pixels.
    """
    return int(_lengths(rle, source)[1::2].sum())


def rle_boxes(masks: Sequence[Rle]) -> Int64[np.ndarray, "N 4"]:
    """The box x0 y0 x1 y1 around each mask, ends exclusive, without decoding; zeros where a mask is empty.

    COCO's own tool gives x, y, width and height instead.

    Raises:
        InputError: as `decode_mask`, but for the number of pixels.
    """
    boxes = [read_runs(rle, f"mask {place}").box for place, rle in enumerate(masks)]
    return np.array(boxes, dtype=np.int64).reshape(-1, 4)


def rle_iou(
    masks1: Sequence[Rle], masks2: Sequence[Rle], iscrowd: Sequence[int | bool] | None = None
) -> Float[np.ndarray, "N M"]:
    """Intersection over union of every pair of masks in float64, equal to COCO's, without decoding.

    Two empty masks have 0.

    Args:
        masks1: detections.
        masks2: true objects, of the same image size.
        iscrowd: for each of `masks2` whether it is a crowd; the union with a crowd is the detection alone, so that
            each part of a crowd can be found.

    Raises:
        InputError: as `decode_mask`, but for the number of pixels; sizes differ; or marks and masks differ in number.
    """
    sizes = {tuple(rle["size"]) for rle in (*masks1, *masks2)}
    if len(sizes) > 1 or (iscrowd is not None and len(iscrowd) != len(masks2)):
        raise InputError(
            "masks of one image size and a crowd mark for each of masks2",
            f"sizes {sorted(sizes)}, {len(masks2)} masks and {len(masks2 if iscrowd is None else iscrowd)} marks",
            hint="compare masks of one image at a time",
        )
    runs = [_runs(rle, f"mask {place} of masks2") for place, rle in enumerate(masks2)]
    starts = np.concatenate([np.zeros(0, np.int64), *(start for start, _ in runs)])
    ends = np.concatenate([np.zeros(0, np.int64), *(end for _, end in runs)])
    owner = np.repeat(np.arange(len(masks2)), [len(start) for start, _ in runs])
    areas = np.bincount(owner, ends - starts, minlength=len(masks2))
    crowd = np.zeros(len(masks2), np.bool_) if iscrowd is None else np.asarray(iscrowd, dtype=np.bool_)
    overlap = np.zeros((len(masks1), len(masks2)))
    for place, rle in enumerate(masks1):
        common, area = _covered(*_runs(rle, f"mask {place} of masks1"), starts, ends)
        intersection = np.bincount(owner, common, minlength=len(masks2))
        union = np.where(crowd, area, area + areas - intersection)
        overlap[place] = intersection / np.where(union == 0, 1, union)
    return overlap


def _decoded(lengths: NDArray[np.int64], size: Size) -> NDArray[np.bool_]:
    """The mask of run lengths that fill the size."""
    height, width = size
    inside = np.arange(len(lengths)) % 2 == 1
    return np.repeat(inside, lengths).reshape(width, height).T


def _too_large(width: int, height: int, source: str) -> InputError:
    return InputError(
        f"a mask of at most {LARGEST} pixels to decode",
        f"{height}x{width} in {source}",
        hint="area, box and overlap need no decoding: rle_area, rle_boxes, rle_iou",
    )


def _covered(
    starts: NDArray[np.int64], ends: NDArray[np.int64], from_: NDArray[np.int64], to: NDArray[np.int64]
) -> tuple[NDArray[np.float64], int]:
    """How many pixels of each stretch from_..to lie in the runs, and the runs' area."""
    if not len(starts):
        return np.zeros(len(from_)), 0
    # The number of inside pixels before a place rises by 1 per pixel along runs and stays flat between them.
    edges = np.stack([starts, ends], axis=1).ravel()
    inside = np.concatenate([[0], np.cumsum(ends - starts)])
    before = np.stack([inside[:-1], inside[1:]], axis=1).ravel()
    return np.interp(to, edges, before) - np.interp(from_, edges, before), int(inside[-1])


def _runs(rle: Rle, source: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First place and end of every stretch inside, apart from each other and none of them empty."""
    edges = np.concatenate([[0], np.cumsum(_lengths(rle, source))])
    starts, ends = edges[1:-1:2], edges[2::2]
    filled = starts < ends
    starts, ends = starts[filled], ends[filled]
    if not len(starts):
        return starts, ends
    apart = starts[1:] != ends[:-1]  # a length of 0 outside joins two stretches
    return starts[np.append(True, apart)], ends[np.append(apart, True)]


def _size(rle: Rle, source: str) -> tuple[int, int]:
    size: Any = rle.get("size")
    if not (
        isinstance(size, list | tuple) and len(size) == 2 and all(type(side) is int and side >= 0 for side in size)
    ):
        raise InputError(
            "a size of height and width", f"{size!r} in {source}", hint="the annotation needs size and counts"
        )
    return size[0], size[1]


def _lengths(rle: Rle, source: str) -> NDArray[np.int64]:
    """The run lengths, known to fill the size."""
    height, width = _size(rle, source)
    counts: Any = rle.get("counts")
    if isinstance(counts, str | bytes):
        lengths = decompressed(counts if isinstance(counts, bytes) else counts.encode("utf-8"), source)
    elif isinstance(counts, list) and all(type(count) is int and abs(count) < 2**62 for count in counts):
        lengths = np.array(counts, dtype=np.int64)
    else:
        raise InputError(
            "run lengths as text or as a list of whole numbers",
            f"{type(counts).__name__} in {source}",
            hint="a polygon must be drawn first",
        )
    total = sum(lengths.tolist())  # a hostile sum would wrap in int64
    if (lengths < 0).any() or total != height * width:
        raise InputError(
            f"run lengths of at least 0 with the sum {height * width} for {height}x{width} pixels",
            f"{len(lengths)} run lengths with the sum {total} in {source}",
            hint="write the annotation again with pixelwise.ops.run_lengths.encode_mask",
        )
    return lengths

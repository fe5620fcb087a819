"""The true masks of regions, read from run lengths for all regions of a batch at once."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from pixelwise.ops.roi_taps import AxisTaps, Grid, axis_taps
from pixelwise.ops.run_lengths import Rle, decode_window
from pixelwise.ops.taps import blend_rows

AT_ONCE = 1 << 24
"""Pixels of windows, and numbers in between, that are held at once: 64 MB of float32 each."""


def mask_targets(
    masks: Sequence[Rle], boxes: Float[Tensor, "P 4"], owners: Int64[Tensor, " P"], size: int
) -> Float[Tensor, "P s s"]:
    """The true mask of each region, as RoIAlign of the object's mask reads it: the inside share of each bin, 0..1.

    Only the windows of run lengths that hold something are decoded, in main memory; the reading is done where the
    boxes are. The values are those of `roi_align(whole mask, box, size, 1.0, -1, aligned=False)`, to rounding.

    Args:
        masks: run lengths of the true objects, of one image or of several.
        boxes: of the regions, in pixels of their object's image.
        owners: for each region the number of its object.
        size: bins along each axis.

    Raises:
        InputError: run lengths that are none.
    """
    precise = boxes.to(torch.promote_types(boxes.dtype, torch.float32))
    targets = precise.new_zeros(len(boxes), size, size)
    if not len(boxes):
        return targets.to(boxes.dtype)
    # What is known about objects is looked up in main memory, and given to the boxes' device in one piece.
    numbers, owner = np.unique(owners.cpu().numpy(), return_inverse=True)
    windows = [decode_window(masks[number], f"mask {number}") for number in numbers.tolist()]
    facts = [
        (*masks[number]["size"], *corner, *window.shape)
        for number, (window, corner) in zip(numbers, windows, strict=True)
    ]
    lengths, low, sides = torch.from_numpy(np.array(facts)[owner].T.reshape(3, -1)).to(boxes.device)
    grid = Grid((size, size), 1.0, -1, aligned=False, widened=True)
    taps = axis_taps(precise[:, [1, 0]].T.flatten(), precise[:, [3, 2]].T.flatten(), size, lengths, grid)
    rows, columns = _halves(_within(taps, low, sides))
    for first, after, table, tops in _tables([window for window, _ in windows]):
        pixels = torch.from_numpy(table).to(boxes.device).to(precise.dtype)
        here = np.flatnonzero((owner >= first) & (owner < after))
        mine, top = torch.from_numpy(np.stack([here, np.array(tops)[owner[here] - first]])).to(boxes.device)
        numbers_each = max(table.shape[1], columns.places.shape[2] * size) * size
        at_once = max(1, AT_ONCE // numbers_each)
        for part, start in zip(mine.split(at_once), top.split(at_once), strict=True):
            places = rows.places[part] + start[:, None, None]
            across = blend_rows(pixels, places.flatten(0, 1), rows.weights[part].flatten(0, 1))
            targets[part] = _read_columns(across.view(len(part), size, -1), columns.places[part], columns.weights[part])
    return targets.to(boxes.dtype)


def _within(taps: AxisTaps, low: Int64[Tensor, " N"], side: Int64[Tensor, " N"]) -> AxisTaps:
    """The taps as places in a window that begins at `low`; what lies outside it reads a pixel there with weight 0."""
    places = taps.places - low[:, None, None]
    inside = (places >= 0) & (places < side[:, None, None])
    return AxisTaps(places.where(inside, 0), taps.weights.where(inside, 0))


def _halves(taps: AxisTaps) -> tuple[AxisTaps, AxisTaps]:
    (rows, columns), (row_weights, column_weights) = taps.places.chunk(2), taps.weights.chunk(2)
    return AxisTaps(rows, row_weights), AxisTaps(columns, column_weights)


def _tables(
    windows: Sequence[Bool[np.ndarray, "_ _"]],
) -> Iterator[tuple[int, int, Bool[np.ndarray, "R C"], list[int]]]:
    """Windows one below the other, filled up to the widest, in tables of at most `AT_ONCE` pixels.

    Yields:
        the numbers of the first window and of the one after the last; the table; and for each window its first row.
        A table without rows or columns gets one, that places with weight 0 can point to.
    """
    start = 0
    while start < len(windows):
        stop, rows, widest = start + 1, len(windows[start]), windows[start].shape[1]
        while stop < len(windows):
            height, width = windows[stop].shape
            if (rows + height) * max(widest, width) > AT_ONCE:
                break
            stop, rows, widest = stop + 1, rows + height, max(widest, width)
        table = np.zeros((rows + 1, max(1, widest)), np.bool_)
        tops, row = [], 0
        for window in windows[start:stop]:
            table[row : row + len(window), : window.shape[1]] = window
            tops.append(row)
            row += len(window)
        yield start, stop, table, tops
        start = stop


def _read_columns(
    rows: Float[Tensor, "P s C"], places: Int64[Tensor, "P s T"], weights: Float[Tensor, "P s T"]
) -> Float[Tensor, "P s s"]:
    """For each bin the weighted sum along its row."""
    count, size, _ = rows.shape
    flat = places.flatten(1)[:, None].expand(-1, size, -1)
    return (rows.gather(2, flat).view(count, size, size, -1) * weights[:, None]).sum(dim=-1)

"""The true masks of regions, read from run lengths for all regions of a batch at once."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from numpy.typing import NDArray
from torch import Tensor

from pixelwise.ops.roi_taps import AxisTaps, Grid, square_taps
from pixelwise.ops.run_lengths import Rle, Runs, read_runs
from pixelwise.ops.taps import blend_rows

AT_ONCE = 1 << 24
"""Pixels of masks, and numbers on the way, that are held at once: 64 MB of float32 each."""


def mask_targets(
    masks: Sequence[Rle], boxes: Float[Tensor, "P 4"], owners: Int64[Tensor, " P"], size: int
) -> Float[Tensor, "P s s"]:
    """The true mask of each region, as RoIAlign of the object's mask reads it: the inside share of each bin, 0..1.

    Only the part of a mask that holds something is decoded, in main memory; the reading is done where the boxes are.
    The values are those of `roi_align(whole mask, box, size, 1.0, -1, aligned=False)`, to rounding.

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
    # What is known about objects is looked up in main memory, and given to the boxes' device in one piece.
    numbers, owner = np.unique(owners.cpu().numpy(), return_inverse=True)
    runs = [read_runs(masks[number], f"mask {number}") for number in numbers.tolist()]
    samples = _samples(precise.cpu().double().numpy(), size)
    grid = Grid((size, size), 1.0, -1, aligned=False, widened=True)
    for first, after, window, facts in _windows(runs):
        pixels = torch.from_numpy(window).to(boxes.device).to(precise.dtype)
        here = np.flatnonzero((owner >= first) & (owner < after))
        for part in _parts(here, samples, size, window.shape[1]):
            known = torch.from_numpy(np.vstack([part, facts[:, owner[part] - first]])).to(boxes.device)
            place, lengths, low, sides, top = known[0], known[1:3], known[3:5], known[5:7], known[7]
            rows, columns = square_taps(precise[place], lengths, size, grid)
            rows, columns = _within(rows, low[0], sides[0]), _within(columns, low[1], sides[1])
            places = rows.places + top[:, None, None]
            across = blend_rows(pixels, places.flatten(0, 1), rows.weights.flatten(0, 1))
            targets[place] = _read_columns(across.view(len(part), size, -1), columns.places, columns.weights)
    return targets.to(boxes.dtype)


def _samples(boxes: NDArray[np.float64], size: int) -> NDArray[np.int64]:
    """How many samples RoIAlign takes in a bin along the longer side, for an image without end."""
    sides = np.nan_to_num(boxes[:, 2:] - boxes[:, :2], nan=0, posinf=0, neginf=0)
    found: NDArray[np.int64] = np.ceil(sides.max(axis=1, initial=0) / size).clip(1, AT_ONCE).astype(np.int64)
    return found


def _windows(runs: Sequence[Runs]) -> Iterator[tuple[int, int, Bool[np.ndarray, "R C"], Int64[np.ndarray, "7 n"]]]:
    """What masks hold, one below the other, in tables of at most `AT_ONCE` pixels, or of one mask.

    Yields:
        the numbers of the first mask and of the one after the last; the table, filled up to the widest; and of each
        mask the image's height and width, the window's first row and column, its height and width, and its first row
        in the table. A row more than needed is there for taps without weight to point to.
    """
    boxes, start = [one.box for one in runs], 0
    while start < len(runs):
        stop, rows, widest = start, 0, 1
        while stop < len(runs):
            x0, y0, x1, y1 = boxes[stop]
            if stop > start and (rows + y1 - y0) * max(widest, x1 - x0) > AT_ONCE:
                break
            stop, rows, widest = stop + 1, rows + y1 - y0, max(widest, x1 - x0)
        table = np.zeros((rows + 1, widest), np.bool_)
        facts, top = [], 0
        for one, (x0, y0, x1, y1) in zip(runs[start:stop], boxes[start:stop], strict=True):
            table[top : top + y1 - y0, : x1 - x0] = one.window()
            facts.append((*one.size, y0, x0, y1 - y0, x1 - x0, top))
            top += y1 - y0
        yield start, stop, table, np.array(facts, np.int64).T
        start = stop


def _parts(
    regions: Int64[np.ndarray, " N"], samples: NDArray[np.int64], size: int, width: int
) -> Iterator[Int64[np.ndarray, " n"]]:
    """The regions in parts for which no more than `AT_ONCE` numbers are held; the many small ones come together.

    A part costs what its largest region costs, and one far larger than the image has many samples outside of it.
    """
    rest = regions[samples[regions].argsort(kind="stable")]
    costs = np.maximum(width, size * (samples[rest] + 2)) * size
    start = 0
    while start < len(rest):
        # Costs rise, so that the first part too many is found by bisection.
        fits = np.searchsorted(costs[start:] * np.arange(1, len(rest) - start + 1), AT_ONCE, side="right")
        stop = start + max(1, int(fits))
        yield rest[start:stop]
        start = stop


def _within(taps: AxisTaps, low: Int64[Tensor, " N"], side: Int64[Tensor, " N"]) -> AxisTaps:
    """The taps as places in a window that begins at `low`; what lies outside it reads a pixel there with weight 0."""
    places = taps.places - low[:, None, None]
    inside = (places >= 0) & (places < side[:, None, None])
    return AxisTaps(places.where(inside, 0), taps.weights.where(inside, 0))


def _read_columns(
    rows: Float[Tensor, "P s C"], places: Int64[Tensor, "P s T"], weights: Float[Tensor, "P s T"]
) -> Float[Tensor, "P s s"]:
    """For each bin the weighted sum along its row."""
    count, size, _ = rows.shape
    flat = places.flatten(1)[:, None].expand(-1, size, -1)
    return (rows.gather(2, flat).view(count, size, size, -1) * weights[:, None]).sum(dim=-1)

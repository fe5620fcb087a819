"""Which pixels each bin of each region reads, and how much each counts: bilinear samples, merged per axis.

A bin averages bilinear samples on a regular grid. The average is separable, so the weights of a bin are the outer
product of weights along y and along x, in which neighbouring samples that share a pixel are merged. However dense the
grid, a bin then reads each pixel once.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor

UNIT = 2.0**40
"""Weights are summed as integers times 2**-40: far below float32's rounding; 2**23 samples fit an int64."""

UNIT_DOUBLE = 2.0**52
"""The same for float64, at its rounding; 2**11 samples on one pixel fit."""


@dataclass(frozen=True)
class Grid:
    """How regions are cut into bins and bins into samples; the fields mean what `roi_align`'s arguments mean."""

    bins: tuple[int, int]
    scale: float
    ratio: int
    aligned: bool
    widened: bool
    """Regions narrower or lower than one pixel are widened to one, as in the old unaligned form."""


@dataclass(frozen=True)
class AxisTaps:
    """For each region and bin along one axis: pixels, and their weights; 0 where there are fewer taps than T."""

    places: Int[Tensor, "N bins T"]
    weights: Float[Tensor, "N bins T"]


def axis_taps(
    low: Float[Tensor, " N"], high: Float[Tensor, " N"], bins: int, length: int | Int64[Tensor, " N"], grid: Grid
) -> AxisTaps:
    """The taps of regions from `low` to `high` (in the units of the boxes) along an axis of `length` pixels.

    Regions may lie in features of different lengths. One that is not finite gets no weights at all.
    """
    length = length[:, None, None] if isinstance(length, Tensor) else length
    offset = 0.5 if grid.aligned else 0.0
    # Widening would turn an infinite region into one of one pixel; as NaN it stays without samples.
    start = torch.where((low + high).isfinite(), low * grid.scale - offset, torch.nan)
    size = high * grid.scale - offset - start
    if grid.widened:
        size = size.clamp(min=1)
    step = size / bins
    number = torch.full_like(step, grid.ratio) if grid.ratio > 0 else step.ceil()
    edges = start[:, None] + torch.arange(bins, dtype=step.dtype, device=step.device) * step[:, None]
    step, number = step[:, None, None], number[:, None, None]
    index = _sample_numbers(edges, step, number, length, grid.ratio)
    raw = edges[..., None] + (index + 0.5) * step / number
    counts = (raw >= -1) & (raw <= length) & (index < number)
    positions = torch.where(raw.isnan(), 0, raw).clamp(min=0).clamp(max=length - 1)
    return _merged(positions, torch.where(counts, 1 / number, 0), length, grid.ratio)


def square_taps(
    boxes: Float[Tensor, "N 4"], lengths: Int64[Tensor, "2 N"], bins: int, grid: Grid
) -> tuple[AxisTaps, AxisTaps]:
    """`axis_taps` along y and along x in one go, for as many bins along both.

    Args:
        boxes: x0 y0 x1 y1.
        lengths: height and width of what each region reads.
        bins: along each axis.
        grid: how regions are cut.
    """
    taps = axis_taps(boxes[:, [1, 0]].T.flatten(), boxes[:, [3, 2]].T.flatten(), bins, lengths.flatten(), grid)
    (rows, columns), (row_weights, column_weights) = (
        part.view(2, boxes.shape[0], bins, -1) for part in (taps.places, taps.weights)
    )
    return AxisTaps(rows, row_weights), AxisTaps(columns, column_weights)


def _sample_numbers(edges: Tensor, step: Tensor, number: Tensor, length: int | Tensor, ratio: int) -> Tensor:
    """The numbers of the samples to look at in each bin, so ordered that their positions rise."""
    if ratio > 0:
        # A region that ends before it starts is read backwards, as torchvision does.
        index = torch.arange(ratio, dtype=edges.dtype, device=edges.device)
        return torch.where(step < 0, index.flip(0), index).expand(*edges.shape, -1)
    # Only samples from -1 to `length` count, and where a bin has several they lie more than half a pixel apart:
    # a box of any size costs no more than the image.
    most = int(number.nan_to_num(0, 0, 0).clamp(min=1).clamp(max=2 * length + 8).max())
    first = ((-1 - edges[..., None]) * number / step - 2).floor().clamp(min=0)
    return first + torch.arange(most, dtype=edges.dtype, device=edges.device)


def _merged(positions: Tensor, shares: Tensor, length: int | Tensor, ratio: int) -> AxisTaps:
    pixels = positions.floor()
    above = (positions - pixels) * shares
    # Rising samples share their taps when they lie in the same or in neighbouring pixels.
    slots = pixels.diff(dim=-1, prepend=pixels[..., :1]).clamp(max=2).long().cumsum(-1)
    # Integers have the same sum in any order, so the weights are the same on every device and in every run.
    unit = UNIT_DOUBLE if positions.dtype == torch.float64 else UNIT
    # Where the most there can be is known, a device is not asked how many there are, as it would have to be waited for;
    # and a compiler cannot ask.
    unasked = ratio > 0 and (slots.device.type != "cpu" or torch.compiler.is_compiling())
    most = 2 * ratio if unasked else int(slots.max()) + 2
    sums = torch.zeros((*slots.shape[:2], most), dtype=torch.int64, device=slots.device)
    sums.scatter_add_(2, slots, ((shares - above).double() * unit).long())
    sums.scatter_add_(2, slots + 1, (above.double() * unit).long())
    # A tap without weight reads a pixel that its bin reads anyway: 0 times a NaN elsewhere would spoil the sum.
    pixels = pixels.long()
    places = pixels[..., :1].repeat(1, 1, sums.shape[2])
    places.scatter_(2, slots + 1, (pixels + 1).clamp(max=length - 1)).scatter_(2, slots, pixels)
    return AxisTaps(places, (sums.double() / unit).to(positions.dtype))

"""The taps of whole bins of regions, and the parts in which many regions are worked off in bounded memory."""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int64, Integer
from torch import Tensor

from pixelwise.ops.roi_taps import AxisTaps, Grid, axis_taps
from pixelwise.shapes import Size

MOST_TAPS = 1 << 21
"""Taps worked off at once: 12 bytes each, and as many again while they are made, stay below 64 MB."""

SIMILAR = 4
"""Regions whose numbers of taps differ by less stay in one part: taps of weight 0 cost less than apportioning does."""

Part = slice | Tensor
"""Some of the regions: neighbours, or their numbers."""


def bin_taps(
    rois: Float[Tensor, "N 5"], size: Size, grid: Grid
) -> tuple[Integer[Tensor, "N bins T"], Float[Tensor, "N bins T"]]:
    """For each bin of each region the pixels that it reads, as rows of the table of all pixels, and their weights.

    Bins are ordered row by row, and so are the pixels of a bin.

    Args:
        rois: number of the image, x0, y0, x1, y1.
        size: height and width of the features.
        grid: how regions are cut.
    """
    height, width = size
    rows = axis_taps(rois[:, 2], rois[:, 4], grid.bins[0], height, grid)
    columns = axis_taps(rois[:, 1], rois[:, 3], grid.bins[1], width, grid)
    images = rois[:, 0].long()
    pixels = (int(images.max()) + 1) * height * width
    return crossed(rows, columns, images * (height * width), width, pixels)


def crossed(
    rows: AxisTaps, columns: AxisTaps, starts: Int64[Tensor, " N"], stride: int | Int64[Tensor, " N"], pixels: int
) -> tuple[Integer[Tensor, "N bins T"], Float[Tensor, "N bins T"]]:
    """The taps of bins from those along both axes.

    Args:
        rows: taps along y.
        columns: taps along x.
        starts: for each region the row of the table that holds the upper left pixel of what it reads.
        stride: rows of the table from a pixel to the one below.
        pixels: rows of the table.
    """
    # Half the memory, and twice the speed of sorting for the gradient, unless the features are huge.
    index = torch.int32 if pixels <= torch.iinfo(torch.int32).max else torch.int64
    step = stride[:, None, None] if isinstance(stride, Tensor) else stride
    row_starts = (rows.places * step + starts[:, None, None]).to(index)
    # Axes: region, bin row, bin column, tap along y, tap along x.
    places = row_starts[:, :, None, :, None] + columns.places.to(index)[:, None, :, None, :]
    weights = rows.weights[:, :, None, :, None] * columns.weights[:, None, :, None, :]
    return places.flatten(3).flatten(1, 2), weights.flatten(3).flatten(1, 2)


def parts(costs: Float[Tensor, " N"], bins: int) -> Iterator[Part]:
    """The regions in parts of similar numbers of taps, each part small enough for `MOST_TAPS`.

    Within a part all bins get as many taps as the largest has, so regions of very different sizes are kept apart.

    Args:
        costs: taps per bin of each region, at least 1; there is at least one region.
        bins: number of bins of a region.
    """
    least, most = costs.aminmax()
    if most <= SIMILAR * least:
        yield from pieces(slice(0, len(costs)), len(costs), _part_length(most, bins))
        return
    classes = (costs / least).log2().floor().long()
    for kind in torch.unique(classes).tolist():
        members = (classes == kind).nonzero().squeeze(1)
        yield from pieces(members, len(members), _part_length(costs[members].max(), bins))


def _part_length(taps: Tensor, bins: int) -> int:
    return max(1, int(MOST_TAPS / (float(taps) * bins)))


def pieces(part: Part, number: int, length: int) -> Iterator[Part]:
    """A part of `number` regions cut into pieces of at most `length`."""
    for start in range(0, number, length):
        stop = min(start + length, number)
        yield slice(part.start + start, part.start + stop) if isinstance(part, slice) else part[start:stop]


def tap_counts(rois: Float[Tensor, "N 5"], size: Size, grid: Grid) -> Float[Tensor, " N"]:
    """About how many taps each bin of each region has, between 1 and the number of pixels."""
    counts = torch.ones_like(rois[:, 0])
    for first, bins, length in zip((2, 1), grid.bins, size, strict=True):
        step = ((rois[:, first + 2] - rois[:, first]) * (grid.scale / bins)).abs().nan_to_num(0, 0, 0)
        most = 2 * (grid.ratio if grid.ratio > 0 else step.ceil().clamp(min=1))
        counts = counts * (step + 2).clamp(max=length).minimum(torch.as_tensor(most).to(step))
    return counts

"""The taps of whole bins of regions, and the parts in which many regions are worked off in bounded memory."""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from pixelwise.ops.roi_taps import Grid, axis_taps
from pixelwise.shapes import Size

MOST_TAPS = 1 << 21
"""Taps worked off at once: 12 bytes each, and as many again while they are made, stay below 64 MB."""

SIMILAR = 4
"""Regions whose numbers of taps differ by less stay in one part: taps of weight 0 cost less than apportioning does."""

Part = slice | Tensor
"""Some of the regions: neighbours, or their numbers."""


def bin_taps(
    rois: Float[Tensor, "N 5"], size: Size, grid: Grid, bins_first: bool
) -> tuple[Integer[Tensor, "M T"], Float[Tensor, "M T"]]:
    """For each bin of each region the pixels that it reads, as rows of the table of all pixels, and their weights.

    Bins are ordered region, bin row, bin column; with `bins_first` bin row, bin column, region.

    Args:
        rois: number of the image, x0, y0, x1, y1.
        size: height and width of the features.
        grid: how regions are cut.
        bins_first: the order of the bins.
    """
    height, width = size
    rows = axis_taps(rois[:, 2], rois[:, 4], grid.bins[0], height, grid)
    columns = axis_taps(rois[:, 1], rois[:, 3], grid.bins[1], width, grid)
    row_starts = (rows.places + rois[:, 0].long()[:, None, None] * height) * width
    # Half the memory, and twice the speed of sorting for the gradient, unless the features are huge.
    index = torch.int32 if int(row_starts.max()) + width <= torch.iinfo(torch.int32).max else torch.int64
    y, x = _axes_apart(row_starts.to(index), columns.places.to(index), bins_first)
    over_y, over_x = _axes_apart(rows.weights, columns.weights, bins_first)
    taps = y.shape[3] * x.shape[4]
    return (y + x).reshape(-1, taps), (over_y * over_x).reshape(-1, taps)


def _axes_apart(along_y: Tensor, along_x: Tensor, bins_first: bool) -> tuple[Tensor, Tensor]:
    """Views whose outer product has the axes (region, bin row, bin column, tap in y, tap in x), or the bins first."""
    if bins_first:
        along_y, along_x = along_y.transpose(0, 1).contiguous(), along_x.transpose(0, 1).contiguous()
        return along_y[:, None, :, :, None], along_x[None, :, :, None, :]
    return along_y[:, :, None, :, None], along_x[:, None, :, None, :]


def parts(costs: Float[Tensor, " N"], bins: int, most_regions: int) -> Iterator[Part]:
    """The regions in parts of similar numbers of taps, each part small enough for `MOST_TAPS`.

    Within a part all bins get as many taps as the largest has, so regions of very different sizes are kept apart.

    Args:
        costs: taps per bin of each region, at least 1; there is at least one region.
        bins: number of bins of a region.
        most_regions: length of the longest part.
    """
    least, most = costs.aminmax()
    if most <= SIMILAR * least:
        step = _part_length(float(most), bins, most_regions)
        yield from (slice(start, start + step) for start in range(0, len(costs), step))
        return
    classes = (costs / least).log2().floor().long()
    for kind in torch.unique(classes).tolist():
        members = (classes == kind).nonzero().squeeze(1)
        yield from members.split(_part_length(float(costs[members].max()), bins, most_regions))


def _part_length(taps: float, bins: int, most_regions: int) -> int:
    return max(1, min(most_regions, int(MOST_TAPS / (taps * bins))))


def tap_counts(rois: Float[Tensor, "N 5"], size: Size, grid: Grid) -> Float[Tensor, " N"]:
    """About how many taps each bin of each region has, between 1 and the number of pixels."""
    counts = torch.ones_like(rois[:, 0])
    for first, bins, length in zip((2, 1), grid.bins, size, strict=True):
        step = ((rois[:, first + 2] - rois[:, first]) * (grid.scale / bins)).abs().nan_to_num(0, 0, 0)
        most = 2 * (grid.ratio if grid.ratio > 0 else step.ceil().clamp(min=1))
        counts = counts * (step + 2).clamp(max=length).minimum(torch.as_tensor(most).to(step))
    return counts

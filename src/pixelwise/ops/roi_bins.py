"""The taps of whole bins of regions, and the parts in which many regions are worked off in bounded memory."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from pixelwise.ops.roi_taps import Grid, axis_taps
from pixelwise.ops.taps import Taps
from pixelwise.shapes import Size

MOST_TAPS = 1 << 21
"""Taps worked off at once: 12 bytes each, and as many again while they are made, stay below 64 MB."""

Part = slice | Tensor
"""Some of the regions: neighbours, or their numbers."""


def bin_taps(rois: Float[Tensor, "N 5"], size: Size, grid: Grid, bins_first: bool) -> Taps:
    """The pixels that each bin of each region reads, as rows of the table of all pixels (image, row, column).

    Results are ordered region, bin row, bin column; with `bins_first` bin row, bin column, region. All have the same
    number of taps, some of weight 0.

    Args:
        rois: number of the image, x0, y0, x1, y1.
        size: height and width of the features.
        grid: how regions are cut.
        bins_first: the order of the results.
    """
    height, width = size
    rows = axis_taps(rois[:, 2], rois[:, 4], grid.bins[0], height, grid)
    columns = axis_taps(rois[:, 1], rois[:, 3], grid.bins[1], width, grid)
    row_starts = (rows.places + rois[:, 0].long()[:, None, None] * height) * width
    # From here: region, bin row, bin column, tap along y, tap along x; or the bins before the regions.
    order = (1, 2, 0, 3, 4) if bins_first else (0, 1, 2, 3, 4)
    places = row_starts[:, :, None, :, None].permute(order) + columns.places[:, None, :, None, :].permute(order)
    weights = rows.weights[:, :, None, :, None].permute(order) * columns.weights[:, None, :, None, :].permute(order)
    taps = places.shape[3] * places.shape[4]
    # A sum expanded over permuted axes may come out permuted in memory: flatten would copy, never misread.
    offsets = torch.arange(0, places.numel() + 1, taps, device=places.device)
    return Taps(places.flatten(), weights.flatten(), offsets)


def parts(rois: Float[Tensor, "N 5"], size: Size, grid: Grid, most_regions: int) -> Iterator[Part]:
    """The regions in parts of similar numbers of taps, each part small enough for `MOST_TAPS`.

    Within a part all bins get as many taps as the largest has, so regions of very different sizes are kept apart.

    Args:
        rois: number of the image, x0, y0, x1, y1; at least one.
        size: height and width of the features.
        grid: how regions are cut.
        most_regions: the largest part.
    """
    costs = _tap_counts(rois, size, grid)
    least, most = costs.aminmax()
    bins = grid.bins[0] * grid.bins[1]
    if most <= 2 * least:
        step = _part_length(float(most), bins, most_regions)
        yield from (slice(start, start + step) for start in range(0, len(rois), step))
        return
    classes = (costs / least).log2().floor().long()
    for kind in classes.unique().tolist():
        members = (classes == kind).nonzero().squeeze(1)
        yield from members.split(_part_length(float(costs[members].max()), bins, most_regions))


def _part_length(taps: float, bins: int, most_regions: int) -> int:
    return max(1, min(most_regions, int(MOST_TAPS / (taps * bins))))


def _tap_counts(rois: Tensor, size: Size, grid: Grid) -> Tensor:
    """About how many taps each bin of each region has, between 1 and the number of pixels."""
    counts = torch.ones_like(rois[:, 0])
    for first, bins, length in zip((2, 1), grid.bins, size, strict=True):
        step = ((rois[:, first + 2] - rois[:, first]) * (grid.scale / bins)).abs().nan_to_num(0, 0, 0)
        most = 2 * (grid.ratio if grid.ratio > 0 else step.ceil().clamp(min=1))
        counts = counts * (step + 2).clamp(max=length).minimum(torch.as_tensor(most).to(step))
    return counts

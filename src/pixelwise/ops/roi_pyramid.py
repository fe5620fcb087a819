"""RoIAlign from all levels of a pyramid at once, for devices on which a call costs more than its work.

The pixels of all levels become rows of one table, and each region reads the rows of its level. That copies the features
once, which main memory would pay for and a GPU hardly notices; results are those of `roi_align` level by level.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from pixelwise.ops.roi_bins import MOST_TAPS, crossed
from pixelwise.ops.roi_taps import Grid, axis_taps, square_taps
from pixelwise.ops.taps import blend_rows, summed_rows


def roi_align_together(
    features: Sequence[Float[Tensor, "B C _ _"]],
    regions: Float[Tensor, "K 5"],
    images: Int64[Tensor, " K"],
    levels: Int64[Tensor, " K"],
    bins: tuple[int, int],
    scales: Sequence[float],
    sampling_ratio: int,
    aligned: bool,
) -> Float[Tensor, "K C h w"]:
    """Each region, averaged by RoIAlign from its level, in channels-last memory format.

    Args:
        features: the levels.
        regions: number of the image, x0, y0, x1, y1 in image pixels.
        images: the numbers as int64, all of them in the batch.
        levels: of each region, from 0 on.
        bins: along y and x.
        scales: size of each level relative to the image; powers of 1/2, so that scaling does not round.
        sampling_ratio: samples per bin along each axis, at least 1.
        aligned: see `roi_align`.
    """
    precise = torch.promote_types(features[0].dtype, torch.float32)
    table = torch.cat([level.permute(0, 2, 3, 1).flatten(0, 2).to(precise) for level in features])
    sizes = [(level.shape[2], level.shape[3]) for level in features]
    counts = [height * width for height, width in sizes]
    starts = [len(features[0]) * sum(counts[:number]) for number in range(len(counts))]
    # Everything about levels in one transfer: start in the table, pixels of an image, height, width.
    facts = torch.tensor(list(zip(starts, counts, *zip(*sizes, strict=True), strict=True)), device=table.device)
    start, count, height, width = facts[levels].unbind(dim=1)
    start = start + images * count
    boxes = regions[:, 1:].to(precise) * torch.tensor(scales, dtype=precise, device=table.device)[levels, None]
    grid = Grid(bins, 1.0, sampling_ratio, aligned, widened=not aligned)
    # shape[0], not len(): torch.export would take that for a constant.
    found = [
        _read_rows(table, *_taps(boxes[part], start[part], torch.stack([height[part], width[part]]), grid, len(table)))
        for part in _parts(boxes.shape[0], grid)
    ]
    rows = found[0] if len(found) == 1 else torch.cat([table[:0], *found])
    return rows.to(features[0].dtype).view(regions.shape[0], *bins, table.shape[1]).permute(0, 3, 1, 2)


@torch.library.custom_op("pixelwise::read_rows", mutates_args=())
def _read_rows(table: Tensor, places: Tensor, weights: Tensor) -> Tensor:
    """`blend_rows` with the faster gradient of `summed_rows`; the weights get none."""
    return blend_rows(table, places, weights)


@_read_rows.register_fake
def _(table: Tensor, places: Tensor, weights: Tensor) -> Tensor:
    return table.new_empty(places.shape[0], table.shape[1])


@torch.library.custom_op("pixelwise::read_rows_backward", mutates_args=())
def _read_rows_backward(grad: Tensor, places: Tensor, weights: Tensor, pixels: int) -> Tensor:
    return summed_rows(grad, places, weights, pixels)


@_read_rows_backward.register_fake
def _(grad: Tensor, places: Tensor, weights: Tensor, pixels: int) -> Tensor:
    return grad.new_empty(pixels, grad.shape[1])


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    table, places, weights = inputs
    ctx.save_for_backward(places, weights)  # an eighth of what the results take, for 256 channels
    ctx.pixels = len(table)


def _gradient(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    return _read_rows_backward(grad, *ctx.saved_tensors, ctx.pixels), None, None


_read_rows.register_autograd(_gradient, setup_context=_keep)


def _parts(number: int, grid: Grid) -> list[slice]:
    """Neighbouring regions, few enough for `MOST_TAPS`: with a fixed number of samples no bin has more than these."""
    if torch.compiler.is_compiling():  # which could not loop over a number that it does not know
        return [slice(0, number)]
    length = max(1, MOST_TAPS // (grid.bins[0] * grid.bins[1] * (2 * grid.ratio) ** 2))
    return [slice(start, min(start + length, number)) for start in range(0, number, length)]


@torch.no_grad()
def _taps(boxes: Tensor, starts: Tensor, lengths: Tensor, grid: Grid, pixels: int) -> tuple[Tensor, Tensor]:
    """For each bin of each region the rows that it reads and their weights, bin after bin."""
    if grid.bins[0] == grid.bins[1]:
        rows, columns = square_taps(boxes, lengths, grid.bins[0], grid)
    else:
        rows = axis_taps(boxes[:, 1], boxes[:, 3], grid.bins[0], lengths[0], grid)
        columns = axis_taps(boxes[:, 0], boxes[:, 2], grid.bins[1], lengths[1], grid)
    places, weights = crossed(rows, columns, starts, lengths[1], pixels)
    return places.flatten(0, 1), weights.flatten(0, 1)

"""Position-sensitive RoIAlign: each bin of a region averages channels of its own (Li et al. 2018, Light-Head R-CNN)."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.ops.roi_bins import bin_taps, parts, tap_counts
from pixelwise.ops.roi_boxes import check_features, check_images, pair, regions_of
from pixelwise.ops.roi_taps import Grid
from pixelwise.ops.taps import blend_rows, spread_rows


def ps_roi_align(
    input: Float[Tensor, "B C H W"],
    boxes: Float[Tensor, "K 5"] | Sequence[Float[Tensor, "_ 4"]],
    output_size: int | Sequence[int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
) -> Float[Tensor, "K c h w"]:
    """The mean of bilinear samples in each bin of each region, every bin from channels of its own.

    Of the C = c * h * w channels, bin (i, j) of result channel k reads channel (k * h + i) * w + j. Samples lie as in
    `roi_align` with `aligned=True`.

    Signature and values are torchvision's. It differs in the corners that `roi_align` names, and in a region without
    extent on an adaptive grid, which gives 0 instead of NaN. Boxes get no gradient, and there is no second derivative.

    Args:
        input: the features.
        boxes: regions in image coordinates, either as rows (number of the image, x0, y0, x1, y1) or as one tensor of
            boxes per image.
        output_size: bins along y and x, or one number for both.
        spatial_scale: what boxes are multiplied by to get into feature coordinates.
        sampling_ratio: samples per bin along each axis; 0 or less for about one per pixel, ceil(region / bins).

    Raises:
        InputError: the channels are no multiple of the bins, shapes, dtypes or devices do not fit, or a region names
            an image that is not in the batch.
    """
    height, width = pair(output_size)
    check_features(input, (height, width))
    if input.shape[1] % (height * width):
        raise InputError(
            f"a multiple of {height * width} channels, one for each of {height} x {width} bins",
            f"{input.shape[1]} channels",
            hint="give the layer before it classes * bins channels",
        )
    regions = regions_of(input, boxes)
    result: Tensor = _ps_roi_align(input, regions, spatial_scale, height, width, sampling_ratio)
    return result


@torch.library.custom_op("pixelwise::ps_roi_align", mutates_args=())
def _ps_roi_align(
    input: Tensor, rois: Tensor, spatial_scale: float, pooled_height: int, pooled_width: int, sampling_ratio: int
) -> Tensor:
    check_images(rois, input.shape)
    out = _empty_result(input, rois, pooled_height, pooled_width)
    if out.numel():
        grid = Grid((pooled_height, pooled_width), spatial_scale, sampling_ratio, aligned=True, widened=False)
        bins, size = pooled_height * pooled_width, (input.shape[2], input.shape[3])
        dtype = torch.promote_types(input.dtype, torch.float32)
        # One row for each pixel and bin, holding the bin's own channels.
        table = input.to(dtype).reshape(len(input), -1, bins, *size).permute(0, 3, 4, 2, 1).reshape(-1, out.shape[1])
        rois = rois.to(dtype)
        for part in parts(tap_counts(rois, size, grid), bins):
            rows = blend_rows(table, *_own_taps(rois[part], size, grid))
            out[part] = rows.view(-1, *grid.bins, out.shape[1]).permute(0, 3, 1, 2).to(out.dtype)
    return out


@_ps_roi_align.register_fake
def _(input: Tensor, rois: Tensor, spatial_scale: float, pooled_height: int, pooled_width: int, _: int) -> Tensor:
    return _empty_result(input, rois, pooled_height, pooled_width)


def _empty_result(features: Tensor, rois: Tensor, height: int, width: int) -> Tensor:
    return features.new_empty((rois.shape[0], features.shape[1] // (height * width), height, width))


def _own_taps(
    rois: Float[Tensor, "N 5"], size: tuple[int, int], grid: Grid
) -> tuple[Integer[Tensor, "M T"], Float[Tensor, "M T"]]:
    places, weights = bin_taps(rois, size, grid)
    bins = places.shape[1]
    own = torch.arange(bins, device=places.device)[:, None]
    return (places.long() * bins + own).flatten(0, 1), weights.flatten(0, 1)


@torch.library.custom_op("pixelwise::ps_roi_align_backward", mutates_args=())
def _ps_roi_align_backward(
    grad: Tensor, rois: Tensor, spatial_scale: float, sampling_ratio: int, shape: Sequence[int]
) -> Tensor:
    batch, channels, height, width = shape
    own, bins = grad.shape[1], grad.shape[2] * grad.shape[3]
    dtype = torch.promote_types(grad.dtype, torch.float32)
    table = grad.new_zeros((batch * height * width * bins, own), dtype=dtype)
    if grad.numel():
        grid = Grid((grad.shape[2], grad.shape[3]), spatial_scale, sampling_ratio, aligned=True, widened=False)
        rois = rois.to(dtype)
        for part in parts(tap_counts(rois, (height, width), grid), bins):
            rows = grad[part].permute(0, 2, 3, 1).reshape(-1, own).to(dtype)
            spread_rows(rows, *_own_taps(rois[part], (height, width), grid), table)
    ordered = table.view(batch, height, width, bins, own).permute(0, 4, 3, 1, 2)
    return ordered.reshape(batch, channels, height, width).to(grad.dtype).contiguous()


@_ps_roi_align_backward.register_fake
def _(grad: Tensor, rois: Tensor, spatial_scale: float, sampling_ratio: int, shape: Sequence[int]) -> Tensor:
    return grad.new_empty(tuple(shape))


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    features, rois, scale, _, _, ratio = inputs
    ctx.save_for_backward(rois)
    ctx.settings = (scale, ratio, list(features.shape))


def _gradient(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    (rois,) = ctx.saved_tensors
    return _ps_roi_align_backward(grad, rois, *ctx.settings), None, None, None, None, None


_ps_roi_align.register_autograd(_gradient, setup_context=_keep)

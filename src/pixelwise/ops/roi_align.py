"""RoIAlign: features averaged over bins of regions, sampled between pixels (He et al. 2017, Mask R-CNN, section 3)."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from pixelwise.ops.roi_bins import bin_taps, parts, pieces, tap_counts
from pixelwise.ops.roi_boxes import check_features, check_images, pair, regions_of
from pixelwise.ops.roi_tables import (
    bin_rows,
    features_from_table,
    is_channels_last,
    pixel_table,
    put_bins,
    rows_from_bins,
)
from pixelwise.ops.roi_taps import Grid
from pixelwise.ops.taps import blend_rows, spread_rows

VALUES_IN_CACHE = 1 << 19
"""Results made before they are put in place: 2 MB of float32, which a core's cache still holds when they are moved.

Other devices make them in one go, as each call costs more there than the moving.
"""


def roi_align(
    input: Float[Tensor, "B C H W"],
    boxes: Float[Tensor, "K 5"] | Sequence[Float[Tensor, "_ 4"]],
    output_size: int | Sequence[int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
) -> Float[Tensor, "K C h w"]:
    """The mean of bilinear samples in each bin of each region, in the dtype and memory format of the features.

    Each region is cut into output_size bins, and each bin into a grid of samples. A sample further than one pixel
    outside the features counts as 0, one less far takes the value at the border.

    Signature and values are torchvision's. It differs in these corners: features and boxes may have different float
    dtypes, sums run in float32 at least, a region with a coordinate that is not finite gives zeros, an image number
    outside the batch is an error instead of a stray read, the work for a box far larger than the image is bounded, and
    the gradient is summed in the same order on every device and in every run. Boxes get no gradient, and there is no
    second derivative. A region whose end lies before its start is widened to one pixel; with `aligned` it gives zeros
    when the grid is adaptive and is read backwards when it is not.

    Args:
        input: the features; fastest in channels-last memory format, where nothing is copied.
        boxes: regions in image coordinates, either as rows (number of the image, x0, y0, x1, y1) or as one tensor of
            boxes per image.
        output_size: bins along y and x, or one number for both.
        spatial_scale: what boxes are multiplied by to get into feature coordinates, such as 1/16.
        sampling_ratio: samples per bin along each axis; 0 or less for about one per pixel, ceil(region / bins).
        aligned: whether pixel centres lie at +0.5, as everywhere in pixelwise. The old form without it reads half
            a pixel too far to the lower right; published weights expect whichever they were trained with.

    Returns:
        One map of h x w bins for each region, in the order of the boxes.

    Raises:
        InputError: shapes, dtypes or devices do not fit, or a region names an image that is not in the batch.
    """
    bins = pair(output_size)
    check_features(input, bins)
    result: Tensor = _roi_align(input, regions_of(input, boxes), spatial_scale, *bins, sampling_ratio, aligned)
    return result


@torch.library.custom_op("pixelwise::roi_align", mutates_args=())
def _roi_align(
    input: Tensor,
    rois: Tensor,
    spatial_scale: float,
    pooled_height: int,
    pooled_width: int,
    sampling_ratio: int,
    aligned: bool,
) -> Tensor:
    check_images(rois, input.shape)
    if not len(rois) or not input.shape[1]:
        return _empty_result(input, rois, pooled_height, pooled_width)
    grid = Grid((pooled_height, pooled_width), spatial_scale, sampling_ratio, aligned, widened=not aligned)
    return _pooled(input, rois, grid)


@_roi_align.register_fake
def _(input: Tensor, rois: Tensor, spatial_scale: float, pooled_height: int, pooled_width: int, *_: Any) -> Tensor:
    return _empty_result(input, rois, pooled_height, pooled_width)


def _empty_result(features: Tensor, rois: Tensor, height: int, width: int) -> Tensor:
    layout = torch.channels_last if is_channels_last(features) else torch.contiguous_format
    shape = (rois.shape[0], features.shape[1], height, width)
    return torch.empty(shape, dtype=features.dtype, device=features.device, memory_format=layout)


def _pooled(features: Tensor, rois: Tensor, grid: Grid) -> Tensor:
    last = is_channels_last(features)
    table = pixel_table(features, torch.promote_types(features.dtype, torch.float32))
    rois, size = rois.to(table.dtype), (features.shape[2], features.shape[3])
    out = _empty_result(features, rois, *grid.bins)
    length = max(1, VALUES_IN_CACHE // out[0].numel()) if rois.device.type == "cpu" else len(rois)
    for part in parts(tap_counts(rois, size, grid), grid.bins[0] * grid.bins[1]):
        places, weights = bin_taps(rois[part], size, grid)
        if last and len(places) == len(rois):  # nothing to put in order
            rows = blend_rows(table, places.flatten(0, 1), weights.flatten(0, 1))
            return rows.to(features.dtype).view(len(rois), *grid.bins, -1).permute(0, 3, 1, 2)
        for start, piece in enumerate(pieces(part, len(places), length)):
            here = slice(start * length, (start + 1) * length)
            rows = blend_rows(table, bin_rows(places[here], last), bin_rows(weights[here], last))
            put_bins(rows, out, piece, last)
    return out


@torch.library.custom_op("pixelwise::roi_align_backward", mutates_args=())
def _roi_align_backward(
    grad: Tensor,
    rois: Tensor,
    spatial_scale: float,
    sampling_ratio: int,
    aligned: bool,
    shape: Sequence[int],
    channels_last: bool,
) -> Tensor:
    batch, channels, height, width = shape
    table = grad.new_zeros((batch * height * width, channels), dtype=torch.promote_types(grad.dtype, torch.float32))
    if grad.numel():
        grid = Grid((grad.shape[2], grad.shape[3]), spatial_scale, sampling_ratio, aligned, widened=not aligned)
        rois, size, last = rois.to(table.dtype), (height, width), is_channels_last(grad)
        for part in parts(tap_counts(rois, size, grid), grid.bins[0] * grid.bins[1]):
            rows = rows_from_bins(grad[part], table.dtype, last)
            places, weights = bin_taps(rois[part], size, grid)
            spread_rows(rows, bin_rows(places, last), bin_rows(weights, last), table)
    return features_from_table(table, shape, grad.dtype, channels_last)


@_roi_align_backward.register_fake
def _empty_gradient(
    grad: Tensor, rois: Tensor, _scale: float, _ratio: int, _aligned: bool, shape: Sequence[int], channels_last: bool
) -> Tensor:
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return torch.empty(tuple(shape), dtype=grad.dtype, device=grad.device, memory_format=layout)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    features, rois, scale, _, _, ratio, aligned = inputs
    ctx.save_for_backward(rois)
    ctx.settings = (scale, ratio, aligned, list(features.shape), is_channels_last(features))


def _gradient(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    (rois,) = ctx.saved_tensors
    return _roi_align_backward(grad, rois, *ctx.settings), None, None, None, None, None, None


_roi_align.register_autograd(_gradient, setup_context=_keep)

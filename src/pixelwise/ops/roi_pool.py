"""RoIPool: the maximum of the features in each bin of regions rounded to pixels (Girshick 2015, Fast R-CNN, 2.1)."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from pixelwise.ops.roi_bins import Part, parts, pieces
from pixelwise.ops.roi_boxes import check_features, check_images, pair, regions_of
from pixelwise.ops.roi_tables import features_from_table, is_channels_last, pixel_table

VALUES_IN_CACHE = 1 << 18
"""Maxima made at once: 1 MB of float32, which a core's cache holds together with the pixels they are compared with."""

VALUES_ON_DEVICE = 1 << 24
"""The same elsewhere, 64 MB: a GPU has no use for small pieces, each of which costs a dozen launches."""


def roi_pool(
    input: Float[Tensor, "B C H W"],
    boxes: Float[Tensor, "K 5"] | Sequence[Float[Tensor, "_ 4"]],
    output_size: int | Sequence[int],
    spatial_scale: float = 1.0,
) -> Float[Tensor, "K C h w"]:
    """The largest feature in each bin of each region, in the dtype and memory format of the features.

    The corners of a region are rounded to pixels (halves away from 0) and belong to it, so it is at least one pixel
    large; bins are rounded outwards and overlap. A bin without pixels, such as one outside the features, gives 0.

    Signature and values are torchvision's. It differs in these corners: features and boxes may have different float
    dtypes and half precision works; a NaN among the features makes its bins NaN instead of being skipped; a region
    with a coordinate that is not finite gives zeros; an image number outside the batch is an error instead of a stray
    read; the gradient is the same in every run on every device. It goes to the first of equal maxima. Boxes get no
    gradient, and there is no second derivative.

    Args:
        input: the features.
        boxes: regions in image coordinates, either as rows (number of the image, x0, y0, x1, y1) or as one tensor of
            boxes per image.
        output_size: bins along y and x, or one number for both.
        spatial_scale: what boxes are multiplied by to get into feature coordinates, such as 1/16.

    Raises:
        InputError: shapes, dtypes or devices do not fit, or a region names an image that is not in the batch.
    """
    bins = pair(output_size)
    check_features(input, bins)
    keep_places = torch.is_grad_enabled() and input.requires_grad
    result: Tensor = _roi_pool(input, regions_of(input, boxes), spatial_scale, *bins, keep_places)[0]
    return result


@torch.library.custom_op("pixelwise::roi_pool", mutates_args=())
def _roi_pool(
    input: Tensor, rois: Tensor, spatial_scale: float, pooled_height: int, pooled_width: int, keep_places: bool
) -> tuple[Tensor, Tensor]:
    """The maxima and, if kept for the gradient, for each its row in the table of all pixels, -1 where there is none."""
    check_images(rois, input.shape)
    out, kept = _empty_results(input, rois, pooled_height, pooled_width, keep_places)
    if not out.numel():
        return out, kept
    table = pixel_table(input, torch.promote_types(input.dtype, torch.float32))
    for part, places, empty in _bins(rois.to(table.dtype), spatial_scale, input.shape[2:], out.shape):
        best = table.index_select(0, places[0])
        numbers = torch.zeros_like(best, dtype=torch.int32) if keep_places else None
        for number, place in enumerate(places[1:], start=1):
            value = table.index_select(0, place)
            if numbers is not None:
                numbers.masked_fill_(value > best, number)
            torch.maximum(best, value, out=best)
        shape = (-1, pooled_height, pooled_width, out.shape[1])
        out[part] = best.masked_fill_(empty[:, None], 0).to(out.dtype).view(shape).permute(0, 3, 1, 2)
        if numbers is not None:
            winners = places.t().gather(1, numbers.long())
            kept[part] = winners.masked_fill_(empty[:, None], -1).view(shape).permute(0, 3, 1, 2)
    return out, kept


@_roi_pool.register_fake
def _(
    input: Tensor, rois: Tensor, spatial_scale: float, pooled_height: int, pooled_width: int, keep_places: bool
) -> tuple[Tensor, Tensor]:
    return _empty_results(input, rois, pooled_height, pooled_width, keep_places)


def _empty_results(features: Tensor, rois: Tensor, height: int, width: int, keep_places: bool) -> tuple[Tensor, Tensor]:
    layout = torch.channels_last if is_channels_last(features) else torch.contiguous_format
    shape = (rois.shape[0], features.shape[1], height, width)
    out = torch.empty(shape, dtype=features.dtype, device=features.device, memory_format=layout)
    return out, torch.empty_like(out, dtype=torch.int64) if keep_places else out.new_empty(0, dtype=torch.int64)


def _bins(
    rois: Tensor, scale: float, size: Sequence[int], shape: Sequence[int]
) -> Iterator[tuple[Part, Tensor, Tensor]]:
    """Some regions, the pixels of each of their bins (T x M, row by row), and which bins have none.

    Args:
        rois: number of the image, x0, y0, x1, y1.
        scale: from the boxes to the features.
        size: height and width of the features.
        shape: of the result.
    """
    (height, width), (_, channels, rows, columns) = size, shape
    top, bottom = _windows(rois[:, 2] * scale, rois[:, 4] * scale, rows, height)
    left, right = _windows(rois[:, 1] * scale, rois[:, 3] * scale, columns, width)
    costs = (bottom - top).amax(1).clamp(min=1) * (right - left).amax(1).clamp(min=1)
    at_once = VALUES_IN_CACHE if rois.device.type == "cpu" else VALUES_ON_DEVICE
    length = max(1, at_once // (channels * rows * columns))
    for part in parts(costs.float(), rows * columns):
        for piece in pieces(part, len(costs[part]), length):
            y = _window_places(top[piece], bottom[piece], height) + rois[piece, :1, None].long() * height
            x = _window_places(left[piece], right[piece], width)
            places = (y * width)[:, :, None, :, None] + x[:, None, :, None, :]
            empty = (bottom <= top)[piece][:, :, None] | (right <= left)[piece][:, None, :]
            yield piece, places.flatten(3).flatten(0, 2).t().contiguous(), empty.flatten()


def _windows(low: Tensor, high: Tensor, bins: int, length: int) -> tuple[Tensor, Tensor]:
    """First pixel and the one after the last of each bin along one axis, within 0..length; both 0 if not finite."""
    start, end = _rounded(low), _rounded(high)
    extent = (end - start + 1).clamp(min=1)
    # By a tensor: a GPU multiplies by the reciprocal of a number, and 7 * (1 / 7) can be above 1, one pixel too many.
    step = (extent / torch.full_like(extent, bins))[:, None]
    numbers = torch.arange(bins, dtype=low.dtype, device=low.device)
    first = (numbers * step).floor() + start[:, None]
    after = ((numbers + 1) * step).ceil() + start[:, None]
    # Widening would turn an infinite region into one of one pixel.
    known = (start + end).isfinite()[:, None]
    first, after = torch.where(known, first, 0), torch.where(known, after, 0)
    return first.clamp(0, length).long(), after.clamp(0, length).long()


def _rounded(values: Tensor) -> Tensor:
    """To whole numbers, halves away from 0 as in C; torch.round takes halves to the even number."""
    whole = values.trunc()
    return whole + values.sign() * ((values - whole).abs() >= 0.5)


def _window_places(first: Tensor, after: Tensor, length: int) -> Tensor:
    """The pixels of each window, the last one repeated up to the length of the largest: it changes no maximum."""
    most = int((after - first).max().clamp(min=1))
    places = first[..., None] + torch.arange(most, device=first.device)
    return places.minimum(after[..., None] - 1).clamp(0, length - 1)


@torch.library.custom_op("pixelwise::roi_pool_backward", mutates_args=())
def _roi_pool_backward(grad: Tensor, places: Tensor, shape: Sequence[int], channels_last: bool) -> Tensor:
    batch, channels, height, width = shape
    table = grad.new_zeros((batch * height * width, channels), dtype=torch.promote_types(grad.dtype, torch.float32))
    if grad.numel():
        rows = grad.permute(0, 2, 3, 1).reshape(-1, channels).to(table.dtype)
        places = places.permute(0, 2, 3, 1).reshape(-1, channels)
        _add_at(table, places.clamp(min=0), rows.masked_fill(places < 0, 0))
    return features_from_table(table, shape, grad.dtype, channels_last)


@_roi_pool_backward.register_fake
def _(grad: Tensor, places: Tensor, shape: Sequence[int], channels_last: bool) -> Tensor:
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return torch.empty(tuple(shape), dtype=grad.dtype, device=grad.device, memory_format=layout)


def _add_at(table: Tensor, places: Tensor, values: Tensor) -> None:
    """Adds each value to its column in the row `places` of the table, in the same order in every run."""
    if table.device.type == "cpu":
        table.scatter_add_(0, places, values)
    else:  # on a GPU scatter_add_ adds in any order, and index_put_ sorts; on a CPU it is the other way round
        columns = torch.arange(table.shape[1], device=table.device).expand_as(places)
        table.index_put_((places, columns), values, accumulate=True)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    features, places = inputs[0], output[1]
    ctx.save_for_backward(places)
    ctx.mark_non_differentiable(places)
    ctx.settings = (list(features.shape), is_channels_last(features))


def _gradient(ctx: Any, grad: Tensor, _: Tensor | None) -> tuple[Tensor | None, ...]:
    (places,) = ctx.saved_tensors
    return _roi_pool_backward(grad, places, *ctx.settings), None, None, None, None, None


_roi_pool.register_autograd(_gradient, setup_context=_keep)

"""Overlap of every box with every other: IoU and its three extensions for boxes that do not touch.

All give N x M matrices of pairs. Where no gradient is wanted these are filled a block of rows at a time, so that
little beside the result is in memory; with a gradient ten matrices of its size or more are. 2000 boxes against 250 000
are 2 GB: cut one set into pieces (`boxes.split(10_000)`) where only the best of each is wanted.

Sources: Rezatofighi et al. 2019 (GIoU); Zheng et al. 2020 (DIoU, CIoU). The signatures are torchvision's.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Num
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.ops.boxes import box_area, box_convert, check_boxes, upcast

LARGEST = 1e18
"""A coordinate beyond this is no position: products of such sides overflow float32."""

BLOCK = 2**16
"""Pairs worked on at once: their half dozen temporary rows of 256 KB stay in the cache."""

BLOCK_ON_DEVICE = 2**23
"""The same on other devices, where each call costs more than the work: rows of 32 MB."""


def box_iou(
    boxes1: Num[Tensor, "*batch N 4"], boxes2: Num[Tensor, "*batch M 4"], fmt: str = "xyxy"
) -> Float[Tensor, "*batch N M"]:
    """Intersection over union of every pair of boxes, in 0..1.

    A box without area overlaps nothing: 0, not NaN as in torchvision; nor does a reversed box (x1 < x0), or one with
    coordinates that are NaN, infinite or beyond 1e18. Half precision and integers give float32.

    Args:
        boxes1: N boxes, or batches of N.
        boxes2: M boxes, or as many batches of M.
        fmt: format of both, one of `pixelwise.ops.boxes.FORMATS`; torchvision's rotated formats are refused.

    Raises:
        InputError: not boxes, different batches or devices, or an unknown format.

    >>> box_iou(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 0.0, 3.0, 2.0], [5.0, 5.0, 5.0, 5.0]]))
    tensor([[0.3333, 0.0000]])
    """
    _check_pairs(boxes1, boxes2)
    if fmt != "xyxy":
        boxes1, boxes2 = box_convert(upcast(boxes1), fmt, "xyxy"), box_convert(upcast(boxes2), fmt, "xyxy")
    both = _parts(_placed(torch.cat([_floating(boxes1), _floating(boxes2)], dim=-2)))
    count = boxes1.shape[-2]
    return _by_rows(_iou, both[..., :count], both[..., count:])


def generalized_box_iou(
    boxes1: Num[Tensor, "*batch N 4"], boxes2: Num[Tensor, "*batch M 4"]
) -> Float[Tensor, "*batch N M"]:
    """IoU less the part of the enclosing box that neither covers, in -1..1.

    Where the enclosing box has no area nothing is subtracted. NaN and infinite coordinates give NaN, so that a
    training that has diverged shows.

    Args:
        boxes1: N boxes of two corners, or batches of N.
        boxes2: M boxes, or as many batches of M.

    Raises:
        InputError: not boxes, or different batches or devices.
    """
    _check_pairs(boxes1, boxes2)
    return _by_rows(_giou, _parts(boxes1), _parts(boxes2))


def distance_box_iou(
    boxes1: Num[Tensor, "*batch N 4"], boxes2: Num[Tensor, "*batch M 4"], eps: float = 1e-7
) -> Float[Tensor, "*batch N M"]:
    """IoU less the squared distance of the centres over the squared diagonal of the enclosing box, in -1..1.

    NaN and infinite coordinates give NaN.

    Args:
        boxes1: N boxes of two corners, or batches of N.
        boxes2: M boxes, or as many batches of M.
        eps: square pixels added to the squared diagonal, which is 0 for two equal points.

    Raises:
        InputError: not boxes, or different batches or devices.
    """
    _check_pairs(boxes1, boxes2)
    return _by_rows(lambda a, b: _iou(a, b) - _distance(a, b, eps), _parts(boxes1), _parts(boxes2))


def complete_box_iou(
    boxes1: Num[Tensor, "*batch N 4"], boxes2: Num[Tensor, "*batch M 4"], eps: float = 1e-7
) -> Float[Tensor, "*batch N M"]:
    """Distance IoU less a term for different aspect ratios.

    The term's weight passes no gradient, as published. A box without area has the aspect of its longer side; a point
    and a reversed side count as width or height 0 (torchvision gives NaN for points). NaN and infinite coordinates
    give NaN.

    Args:
        boxes1: N boxes of two corners, or batches of N.
        boxes2: M boxes, or as many batches of M.
        eps: keeps denominators above 0.

    Raises:
        InputError: not boxes, or different batches or devices.
    """
    _check_pairs(boxes1, boxes2)
    angled = [torch.cat([_parts(boxes), _angle(_floating(boxes))[None]]) for boxes in (boxes1, boxes2)]
    return _by_rows(lambda a, b: _ciou(a, b, eps), *angled)


def _check_pairs(boxes1: Tensor, boxes2: Tensor) -> None:
    check_boxes(boxes1, "boxes1")
    check_boxes(boxes2, "boxes2")
    if boxes1.ndim < 2 or boxes1.shape[:-2] != boxes2.shape[:-2] or boxes1.device != boxes2.device:
        raise InputError(
            "two sets of boxes (..., N, 4) and (..., M, 4) with the same batch axes on one device",
            f"{tuple(boxes1.shape)} on {boxes1.device} and {tuple(boxes2.shape)} on {boxes2.device}",
            hint="one box is a set of shape (1, 4); move sets with boxes2.to(boxes1.device)",
        )


def _placed(boxes: Tensor) -> Tensor:
    """The boxes, with a point for each that has no place."""
    boxes = _floating(boxes)
    return boxes.where((boxes.abs() <= LARGEST).all(dim=-1, keepdim=True), 0)  # False for NaN


def _parts(boxes: Tensor) -> Tensor:
    """x0, y0, x1, y1 and area of all boxes, one after the other: vector code reaches only what lies together."""
    boxes = _floating(boxes)
    return torch.stack([*boxes.unbind(-1), box_area(boxes)])


def _angle(boxes: Tensor) -> Tensor:
    """The angle of the diagonal, from 0 (no width) to a right angle (no height)."""
    width, height = (boxes[..., 2] - boxes[..., 0]).clamp(min=0), (boxes[..., 3] - boxes[..., 1]).clamp(min=0)
    # A point has no angle and a gradient of NaN; as a box of height 1 it has angle 0 and none.
    return torch.atan2(width, height.masked_fill((width == 0) & (height == 0), 1))


def _floating(boxes: Tensor) -> Tensor:
    wide = upcast(boxes)
    return wide if wide.is_floating_point() else wide.to(torch.get_default_dtype())


def _by_rows(pairs: Callable[[Tensor, Tensor], Tensor], first: Tensor, second: Tensor) -> Tensor:
    """All pairs of the given parts, with the memory of a block of rows where autograd keeps nothing."""
    first, second = first.unsqueeze(-1), second.unsqueeze(-2)
    recorded = torch.is_grad_enabled() and (first.requires_grad or second.requires_grad)
    batch, size, others = first.shape[1:-2], first.shape[-2], second.shape[-1]
    block = BLOCK if first.device.type == "cpu" else BLOCK_ON_DEVICE
    # A compiler fuses the steps itself, and could not trace a loop over a number that it does not know.
    if torch.compiler.is_compiling() or recorded or batch.numel() * size * others <= block:
        return pairs(first, second)
    dtype = torch.promote_types(first.dtype, second.dtype)
    result = first.new_empty((*batch, size, others), dtype=dtype)
    rows = max(1, block // (batch.numel() * others))
    for start in range(0, size, rows):
        some = slice(start, start + rows)
        result[..., some, :] = pairs(first[..., some, :], second)
    return result


def _iou(first: Tensor, second: Tensor) -> Tensor:
    intersection, union = _intersection_and_union(first, second)
    # Not the quotient is masked but the divisor: a division by 0 has a gradient of NaN even where it is thrown away.
    return intersection / union.masked_fill(union == 0, 1)


def _giou(first: Tensor, second: Tensor) -> Tensor:
    intersection, union = _intersection_and_union(first, second)
    width, height = _enclosing(first, second)
    enclosing = width * height
    rest = (enclosing - union).masked_fill(enclosing == 0, 0)
    return intersection / union.masked_fill(union == 0, 1) - rest / enclosing.masked_fill(enclosing == 0, 1)


def _ciou(first: Tensor, second: Tensor, eps: float) -> Tensor:
    iou = _iou(first, second)
    aspect = 4 / math.pi**2 * (first[5] - second[5]) ** 2  # 4 / pi^2 scales it to 0..1
    weight = (aspect / (1 - iou + aspect + eps)).detach()
    return iou - _distance(first, second, eps) - weight * aspect


def _intersection_and_union(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    width = (first[2].minimum(second[2]) - first[0].maximum(second[0])).clamp(min=0)
    height = (first[3].minimum(second[3]) - first[1].maximum(second[1])).clamp(min=0)
    intersection = width * height
    return intersection, first[4] + second[4] - intersection


def _enclosing(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Width and height of the smallest box around both."""
    width = (first[2].maximum(second[2]) - first[0].minimum(second[0])).clamp(min=0)
    height = (first[3].maximum(second[3]) - first[1].minimum(second[1])).clamp(min=0)
    return width, height


def _distance(first: Tensor, second: Tensor, eps: float) -> Tensor:
    width, height = _enclosing(first, second)
    across = (first[0] + first[2]) / 2 - (second[0] + second[2]) / 2
    down = (first[1] + first[3]) / 2 - (second[1] + second[3]) / 2
    return (across**2 + down**2) / (width**2 + height**2 + eps)

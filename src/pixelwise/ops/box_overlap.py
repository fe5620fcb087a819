"""Overlap of every box with every other: IoU and its three extensions for boxes that do not touch.

All take and give N x M matrices of pairs. Each holds about four matrices of the result's size at its peak (box_iou) or
seven (complete_box_iou): 2000 boxes against 250 000 are 2 GB a matrix, so cut the larger set into pieces
(`boxes.split(10_000)`) where only the best of each row or column is wanted.

Sources: Rezatofighi et al. 2019 (GIoU); Zheng et al. 2020 (DIoU, CIoU). The signatures are torchvision's.
"""

import math

import torch
from jaxtyping import Float, Num
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.ops.boxes import box_area, box_convert, check_boxes, upcast


def box_iou(
    boxes1: Num[Tensor, "*batch N 4"], boxes2: Num[Tensor, "*batch M 4"], fmt: str = "xyxy"
) -> Float[Tensor, "*batch N M"]:
    """Intersection over union of every pair of boxes, in 0..1.

    A box without area overlaps nothing: 0, not NaN as in torchvision; nor does a reversed box (x1 < x0), or one with
    NaN or infinite coordinates. Half precision and integers give float32.

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
    return _iou_and_union(boxes1, boxes2)[0]


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
    iou, union = _iou_and_union(boxes1, boxes2)
    width, height = _enclosing(upcast(boxes1), upcast(boxes2))
    enclosing = width * height
    empty = enclosing == 0
    return iou - ((enclosing - union) / enclosing.masked_fill(empty, 1)).masked_fill(empty, 0)


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
    return _iou_and_union(boxes1, boxes2)[0] - _distance(_floating(boxes1), _floating(boxes2), eps)


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
    iou, _ = _iou_and_union(boxes1, boxes2)
    boxes1, boxes2 = _floating(boxes1), _floating(boxes2)
    difference = _aspect(boxes1)[..., :, None] - _aspect(boxes2)[..., None, :]
    aspect = 4 / math.pi**2 * difference**2  # 4 / pi^2 scales it to 0..1
    weight = (aspect / (1 - iou + aspect + eps)).detach()
    return iou - _distance(boxes1, boxes2, eps) - weight * aspect


def _check_pairs(boxes1: Tensor, boxes2: Tensor) -> None:
    check_boxes(boxes1, "boxes1")
    check_boxes(boxes2, "boxes2")
    if boxes1.ndim < 2 or boxes1.shape[:-2] != boxes2.shape[:-2] or boxes1.device != boxes2.device:
        raise InputError(
            "two sets of boxes (..., N, 4) and (..., M, 4) with the same batch axes on one device",
            f"{tuple(boxes1.shape)} on {boxes1.device} and {tuple(boxes2.shape)} on {boxes2.device}",
            hint="one box is a set of shape (1, 4); move sets with boxes2.to(boxes1.device)",
        )


def _iou_and_union(boxes1: Tensor, boxes2: Tensor) -> tuple[Tensor, Tensor]:
    # Axis by axis: a trailing axis of length 2 would spoil the vector code of every step.
    a, b = upcast(boxes1)[..., :, None, :], upcast(boxes2)[..., None, :, :]
    width = (a[..., 2].minimum(b[..., 2]) - a[..., 0].maximum(b[..., 0])).clamp(min=0)
    height = (a[..., 3].minimum(b[..., 3]) - a[..., 1].maximum(b[..., 1])).clamp(min=0)
    intersection = width * height
    union = box_area(boxes1)[..., :, None] + box_area(boxes2)[..., None, :] - intersection
    proper = (union > 0) & (union < math.inf)  # False for NaN
    # Twice masked: a division by 0 that is thrown away afterwards still has a gradient of NaN.
    return (intersection / union.masked_fill(~proper, 1)).masked_fill(~proper, 0), union


def _enclosing(boxes1: Tensor, boxes2: Tensor) -> tuple[Tensor, Tensor]:
    """Width and height of the smallest box around both."""
    a, b = boxes1[..., :, None, :], boxes2[..., None, :, :]
    width = (a[..., 2].maximum(b[..., 2]) - a[..., 0].minimum(b[..., 0])).clamp(min=0)
    height = (a[..., 3].maximum(b[..., 3]) - a[..., 1].minimum(b[..., 1])).clamp(min=0)
    return width, height


def _distance(boxes1: Tensor, boxes2: Tensor, eps: float) -> Tensor:
    width, height = _enclosing(boxes1, boxes2)
    centre1 = (boxes1[..., :2] + boxes1[..., 2:])[..., :, None, :] / 2
    centre2 = (boxes2[..., :2] + boxes2[..., 2:])[..., None, :, :] / 2
    squared = (centre1[..., 0] - centre2[..., 0]) ** 2 + (centre1[..., 1] - centre2[..., 1]) ** 2
    return squared / (width**2 + height**2 + eps)


def _aspect(boxes: Tensor) -> Tensor:
    """The angle of the diagonal, from 0 (no width) to a right angle (no height)."""
    width, height = (boxes[..., 2] - boxes[..., 0]).clamp(min=0), (boxes[..., 3] - boxes[..., 1]).clamp(min=0)
    # A point has no angle and a gradient of NaN; as a box of height 1 it has angle 0 and none.
    return torch.atan2(width, height.masked_fill((width == 0) & (height == 0), 1))


def _floating(boxes: Tensor) -> Tensor:
    wide = upcast(boxes)
    return wide if wide.is_floating_point() else wide.to(torch.get_default_dtype())

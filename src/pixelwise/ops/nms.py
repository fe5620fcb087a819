"""Non-maximum suppression: of boxes that overlap much, the one with the highest score stays.

The work is one custom operator, `torch.ops.pixelwise.nms`, because the number of results depends on the values; through
it torch.compile and torch.export pass. It has three implementations with equal results: for main memory `nms_rounds` in
plain torch, and a compiled loop in `pixelwise.kernels` where numba is installed; for other devices, where each call
costs more than its work, `nms_dense`, unless there are too many boxes for it.
"""

import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.kernels.switch import twins_wanted
from pixelwise.ops import nms_dense, nms_rounds
from pixelwise.ops.nms_pairs import Ranked
from pixelwise.shapes import Boxes


def nms(
    boxes: Boxes, scores: Float[Tensor, " N"], iou_threshold: float, max_output: int | None = None
) -> Int[Tensor, " K"]:
    """Indices (int64) of the boxes that stay, in decreasing order of score.

    A box stays when its intersection over union with every box that stays before it is at most the threshold. Of equal
    scores the lower index comes first. Half precision is computed in float32.

    A box without a finite area above zero overlaps nothing and stays: zero sides, x1 < x0 or y1 < y0, coordinates that
    are NaN or infinite, or an area beyond the range of the dtype. A NaN score counts as minus infinity: it comes last.

    Differs from torchvision's: `max_output`; NaN scores come last, not first; the test is made without a division, so
    an overlap within rounding of the threshold may be decided otherwise; a threshold outside 0..1 is an error.

    Args:
        boxes: x0 y0 x1 y1, any float dtype and layout; negative coordinates are fine.
        scores: one for each box, any float dtype.
        iou_threshold: largest intersection over union at which both boxes stay, 0 to 1.
        max_output: stop after this many; None keeps all.

    Raises:
        InputError: shapes, dtypes or devices that do not fit, a threshold outside 0..1, or a negative `max_output`.

    >>> boxes = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]])
    >>> nms(boxes, torch.tensor([0.5, 0.9, 0.8]), iou_threshold=0.5).tolist()
    [1, 2]
    """
    check_scored_boxes(boxes, scores, iou_threshold, max_output)
    kept: Tensor = torch.ops.pixelwise.nms(boxes, scores, iou_threshold, max_output, None)
    return kept


def batched_nms(
    boxes: Boxes,
    scores: Float[Tensor, " N"],
    idxs: Integer[Tensor, " N"],
    iou_threshold: float,
    max_output: int | None = None,
    class_agnostic: bool = False,
) -> Int[Tensor, " K"]:
    """Indices (int64) of the boxes that stay when only boxes of the same class suppress each other, by falling score.

    Classes are kept apart exactly, not by shifting their boxes (torchvision's way, which is wrong for negative
    coordinates and loses precision with many classes or in half precision). Otherwise as `nms`.

    Args:
        boxes: x0 y0 x1 y1, any float dtype and layout.
        scores: one for each box.
        idxs: the class of each box, or the image or pyramid level: any integers.
        iou_threshold: largest intersection over union at which both boxes stay, 0 to 1.
        max_output: stop after this many over all classes; None keeps all.
        class_agnostic: all boxes suppress each other, whatever their class.

    Raises:
        InputError: as `nms`; or `idxs` holds no integers, or not one for each box.
    """
    check_scored_boxes(boxes, scores, iou_threshold, max_output)
    if idxs.shape != scores.shape or idxs.is_floating_point() or idxs.is_complex() or idxs.device != boxes.device:
        raise InputError(
            f"{len(boxes)} integer class indices on {boxes.device}",
            f"{idxs.dtype} of shape {tuple(idxs.shape)} on {idxs.device}",
            hint="pass idxs with one entry for each box, such as labels.long()",
        )
    kept: Tensor = torch.ops.pixelwise.nms(boxes, scores, iou_threshold, max_output, None if class_agnostic else idxs)
    return kept


def check_scored_boxes(boxes: Tensor, scores: Tensor, iou_threshold: float, max_output: int | None) -> None:
    """Raises an InputError unless there is one float score for each box and the settings are in range."""
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not boxes.is_floating_point():
        raise InputError(
            "float boxes of shape (N, 4)",
            f"{boxes.dtype} of shape {tuple(boxes.shape)}",
            hint="give x0 y0 x1 y1 for each box, such as boxes.reshape(-1, 4).float()",
        )
    if scores.shape != boxes.shape[:1] or not scores.is_floating_point() or scores.device != boxes.device:
        raise InputError(
            f"{len(boxes)} float scores on {boxes.device}, one for each box",
            f"{scores.dtype} of shape {tuple(scores.shape)} on {scores.device}",
            hint="pass scores of shape (N,) on the device of the boxes",
        )
    if not 0 <= iou_threshold <= 1:
        raise InputError(
            "an iou_threshold from 0 to 1", str(iou_threshold), hint="0.5 and 0.7 are usual; 1 keeps every box"
        )
    if max_output is not None and max_output < 0:
        raise InputError("a max_output of at least 0", str(max_output), hint="pass None to keep all")


def by_score(scores: Float[Tensor, " N"]) -> Int[Tensor, " N"]:
    """Indices in decreasing order of score; equal ones keep their order, NaN counts as minus infinity."""
    return scores.masked_fill(scores.isnan(), -torch.inf).argsort(descending=True, stable=True)


def _kept(
    boxes: Tensor, scores: Tensor, iou_threshold: float, max_output: int | None = None, idxs: Tensor | None = None
) -> Tensor:
    order = by_score(scores)
    limit = len(order) if max_output is None else min(max_output, len(order))
    if limit == 0:
        return order[:0]
    precise = boxes.to(torch.promote_types(boxes.dtype, torch.float32))
    groups = None if idxs is None else idxs[order]
    if boxes.device.type != "cpu":
        alive = nms_dense.survivors(_ranked(precise[order], groups), iou_threshold, limit)
    elif twins_wanted():
        alive = _survivors_compiled(precise, order, groups, iou_threshold, limit)
    else:
        alive = nms_rounds.survivors(_ranked(precise[order], groups), iou_threshold, limit)
    return order[alive][:limit]


def _fake(
    boxes: Tensor, scores: Tensor, iou_threshold: float, max_output: int | None = None, idxs: Tensor | None = None
) -> Tensor:
    return boxes.new_empty((torch.library.get_ctx().new_dynamic_size(),), dtype=torch.int64)


def _ranked(boxes: Tensor, groups: Tensor | None) -> Ranked:
    corners = boxes.T
    sides = (corners[2:] - corners[:2]).clamp_(min=0)
    columns = torch.cat([corners, sides[:1] * sides[1:]])
    if groups is None:
        return Ranked(columns, torch.zeros_like(columns[0], dtype=torch.int64), 1)
    classes, numbers = torch.unique(groups, return_inverse=True)
    return Ranked(columns, numbers, len(classes))


def _survivors_compiled(boxes: Tensor, order: Tensor, groups: Tensor | None, threshold: float, limit: int) -> Tensor:
    # Imported here because the module needs numba, which is optional.
    from pixelwise.kernels import suppression  # noqa: PLC0415

    table = boxes.detach().contiguous().numpy()
    if groups is None:
        starts = torch.tensor([0, len(order)])
        return torch.from_numpy(suppression.survivors(table, order.numpy(), starts.numpy(), threshold, limit))
    groups, by_group = groups.sort(stable=True)  # slices of one order: within a class still by score
    _, sizes = torch.unique_consecutive(groups, return_counts=True)
    starts = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    flags = suppression.survivors(table, order[by_group].numpy(), starts.numpy(), threshold, limit)
    return torch.zeros_like(order, dtype=torch.bool).index_copy_(0, by_group, torch.from_numpy(flags))


# Defined without torch.library.custom_op, whose wrapper costs more than the compiled loop takes for a few boxes.
SCHEMA = "(Tensor boxes, Tensor scores, float iou_threshold, int? max_output=None, Tensor? idxs=None) -> Tensor"
torch.library.define("pixelwise::nms", SCHEMA)
torch.library.impl("pixelwise::nms", "CompositeExplicitAutograd", _kept)
torch.library.register_fake("pixelwise::nms", _fake)

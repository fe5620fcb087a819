"""Soft non-maximum suppression: boxes lose score, not their place, when they overlap better ones.

Bodla, Singh, Chellappa, Davis 2017, "Soft-NMS: improving object detection with one line of code". The loop is one
operator, `torch.ops.pixelwise.soft_nms`, because the number of results depends on the values.
"""

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.ops.nms import check_scored_boxes
from pixelwise.shapes import Boxes


def soft_nms(
    boxes: Boxes,
    scores: Float[Tensor, " N"],
    method: Literal["gaussian", "linear"] = "gaussian",
    sigma: float = 0.5,
    iou_threshold: float = 0.3,
    score_threshold: float = 0.001,
    max_output: int | None = None,
) -> tuple[Int[Tensor, " K"], Float[Tensor, " K"]]:
    """Indices (int64) of the boxes that stay and their lowered scores, in decreasing order of these scores.

    Again and again the box with the highest score is taken, and every remaining one that overlaps it by u is lowered:
    "gaussian" multiplies its score by exp(-u^2 / sigma) (eq. 3 of the paper), "linear" by 1 - u where u is at least
    `iou_threshold` (eq. 2). Boxes whose score falls below `score_threshold` go.

    Of equal scores the lower index comes first. A box without a finite area above zero overlaps nothing. A NaN score
    counts as minus infinity, so its box goes, and plus infinity as the largest finite number. Half precision is
    computed in float32. Gradients reach the scores, not the boxes. The loop has one step for each result: thousands of
    boxes take seconds where `nms` takes milliseconds.

    Args:
        boxes: x0 y0 x1 y1, any float dtype and layout.
        scores: one for each box, at least 0 where they shall be lowered, any float dtype.
        method: how an overlap lowers a score.
        sigma: width of the Gaussian, above 0; 0.5 in the paper. Not used by "linear".
        iou_threshold: overlaps below it lower nothing, 0 to 1; 0.3 in the paper. Not used by "gaussian".
        score_threshold: lowest score that stays; 0.001 in the paper's code.
        max_output: stop after this many; None keeps all.

    Raises:
        InputError: as `nms`; or an unknown method, or a sigma that is not above 0.

    >>> boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 20]])
    >>> keep, lowered = soft_nms(boxes, torch.tensor([0.9, 0.8]), method="linear")
    >>> keep.tolist(), [round(score, 3) for score in lowered.tolist()]
    ([0, 1], [0.9, 0.4])
    """
    check_scored_boxes(boxes, scores, iou_threshold, max_output)
    if method not in ("gaussian", "linear"):
        raise InputError('the method "gaussian" or "linear"', f'"{method}"', hint="for hard suppression call nms")
    if not sigma > 0:
        raise InputError("a sigma above 0", str(sigma), hint="the paper uses 0.5; smaller suppresses more")
    scores = scores.masked_fill(scores.isnan(), -torch.inf).clamp(max=torch.finfo(scores.dtype).max)
    # The operator answers with factors: scores times factors is then differentiable without a rule of its own.
    keep, factors = torch.ops.pixelwise.soft_nms(
        boxes.detach(), scores.detach(), method, sigma, iou_threshold, score_threshold, max_output
    )
    return keep, (scores[keep] * factors).to(scores.dtype)


def _lowered(
    boxes: Tensor,
    scores: Tensor,
    method: str,
    sigma: float,
    iou_threshold: float,
    score_threshold: float,
    max_output: int | None = None,
) -> tuple[Tensor, Tensor]:
    corners = boxes.to(torch.promote_types(boxes.dtype, torch.float32)).T
    precise = scores.to(torch.promote_types(scores.dtype, torch.float32))
    factors, taken = torch.ones_like(precise), torch.zeros_like(precise, dtype=torch.bool)
    keep: list[Tensor] = []
    for _ in range(len(scores) if max_output is None else min(max_output, len(scores))):
        current = (precise * factors).masked_fill_(taken, -torch.inf)
        best = current.argmax()
        if current[best] < score_threshold or current[best].isneginf():
            break
        keep.append(best)
        taken[best] = True
        overlap = _overlap(corners, best)
        if method == "gaussian":
            decay = torch.exp(-(overlap**2) / sigma)
        else:
            decay = torch.where(overlap >= iou_threshold, 1 - overlap, 1)
        factors *= decay.masked_fill_(taken, 1)  # what was taken keeps its score
    index = torch.stack(keep) if keep else torch.zeros(0, dtype=torch.int64, device=boxes.device)
    return index, factors[index]


def _overlap(corners: Tensor, best: Tensor) -> Tensor:
    """Intersection over union of one box with all; 0 where there is no finite area."""
    chosen = corners.index_select(1, best[None])
    sides = (corners[2:].minimum(chosen[2:]) - corners[:2].maximum(chosen[:2])).clamp(min=0)
    extents, extent = (corners[2:] - corners[:2]).clamp(min=0), (chosen[2:] - chosen[:2]).clamp(min=0)
    intersection = sides[0] * sides[1]
    overlap = intersection / (extents[0] * extents[1] + extent[0] * extent[1] - intersection)
    return overlap.nan_to_num(nan=0, posinf=0)


def _fake(
    boxes: Tensor,
    scores: Tensor,
    method: str,
    sigma: float,
    iou_threshold: float,
    score_threshold: float,
    max_output: int | None = None,
) -> tuple[Tensor, Tensor]:
    count = torch.library.get_ctx().new_dynamic_size()
    dtype = torch.promote_types(scores.dtype, torch.float32)
    return boxes.new_empty((count,), dtype=torch.int64), scores.new_empty((count,), dtype=dtype)


SCHEMA = (
    "(Tensor boxes, Tensor scores, str method, float sigma, float iou_threshold, float score_threshold, "
    "int? max_output=None) -> (Tensor, Tensor)"
)
torch.library.define("pixelwise::soft_nms", SCHEMA)
torch.library.impl("pixelwise::soft_nms", "CompositeExplicitAutograd", _lowered)
torch.library.register_fake("pixelwise::soft_nms", _fake)

"""Which true box each anchor or proposal shall learn.

Source: Ren et al. 2015, section 3.1.2; the marks are torchvision's.
"""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from pixelwise.errors import InputError

BELOW = -1
"""No true box overlaps enough: background."""
BETWEEN = -2
"""Too much overlap for background, too little for an object: to be left out of the loss."""


def match_boxes(
    quality: Float[Tensor, "G N"],
    high: float | int,
    low: float | int,
    rescue: bool = False,
    crowd: Bool[Tensor, " G"] | None = None,
) -> Int64[Tensor, " N"]:
    """For each box the index of its true box, or `BELOW` or `BETWEEN`.

    A box belongs to the true box it overlaps most (the first of equals) if that is at least `high`; below `low` it is
    background. With `rescue` the boxes that overlap a true box most of all, every one of equals, are never left
    without an object: each gets the true box that it itself overlaps most. A true box that nothing overlaps rescues
    nothing (in torchvision and detectron2 it then gives every box an object). Without true boxes all are `BELOW`;
    a box with a quality of NaN is `BELOW`, and a true box with one rescues nothing.

    Args:
        quality: overlap of true boxes (rows) and boxes (columns), such as `box_iou(truth, boxes)`.
        high: least overlap of an object: 0.7 for region proposals, 0.5 for box heads.
        low: overlap below which a box is background: 0.3 for region proposals, 0.5 for box heads.
        rescue: match every true box that overlaps anything at all: for region proposals.
        crowd: True for rows that stand for groups: they are never matched, and a box without an object that overlaps
            one by at least `low` is `BETWEEN`.

    Raises:
        InputError: `quality` is no matrix of floats, not 0 <= `low` <= `high`, or `crowd` has another length.

    >>> match_boxes(torch.tensor([[0.8, 0.4, 0.1], [0.2, 0.5, 0.0]]), high=0.7, low=0.3).tolist()
    [0, -2, -1]
    """
    _check(quality, high, low, crowd)
    if quality.shape[0] == 0:
        return torch.full((quality.shape[1],), BELOW, dtype=torch.int64, device=quality.device)
    near_crowd = None
    if crowd is not None:
        near_crowd = ((quality >= low) & crowd[:, None]).any(dim=0)
        quality = quality.masked_fill(crowd[:, None], -1)  # less than no overlap, so never the best
    best, index = quality.max(dim=0)
    matched = index.masked_fill(~(best >= high), BETWEEN).masked_fill(~(best >= low), BELOW)
    if near_crowd is not None:
        matched = matched.masked_fill((matched < 0) & near_crowd, BETWEEN)
    return _rescued(quality, matched, best, index) if rescue else matched


def _rescued(quality: Tensor, matched: Tensor, best: Tensor, index: Tensor) -> Tensor:
    if quality.shape[1] == 0:
        return matched
    most = quality.amax(dim=1, keepdim=True)
    closest = ((quality == most) & (most > 0)).any(dim=0)
    return torch.where(closest & (best > 0), index, matched)  # False for NaN


def _check(quality: Tensor, high: float | int, low: float | int, crowd: Tensor | None) -> None:
    if quality.ndim != 2 or not quality.is_floating_point():
        raise InputError(
            "overlaps as a float matrix, true boxes by boxes",
            f"{quality.dtype} of shape {tuple(quality.shape)}",
            hint="pass box_iou(truth, boxes)",
        )
    if not 0 <= low <= high:
        raise InputError("thresholds with 0 <= low <= high", f"low {low} and high {high}", hint="swap them")
    if crowd is not None and (crowd.shape != quality.shape[:1] or crowd.dtype != torch.bool):
        raise InputError(
            f"a crowd mark (bool) for each of {quality.shape[0]} true boxes",
            f"{crowd.dtype} of shape {tuple(crowd.shape)}",
            hint="pass iscrowd.bool()",
        )

"""What a mask for each class costs, with and without competition between classes.

Source: He et al. 2017, "Mask R-CNN", section 3, and table 2b for the competition.
"""

import math
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from pixelwise.errors import InputError

Competition = Literal["sigmoid", "softmax"]
"""Each class for itself, as published; or one class per pixel, as in semantic segmentation."""


def mask_loss(
    logits: Float[Tensor, "P K h w"],
    labels: Int64[Tensor, " P"],
    wanted: Float[Tensor, "P h w"],
    competition: Competition = "sigmoid",
) -> Float[Tensor, ""]:
    """The mean cross-entropy over the pixels of regions with an object, in nats; 0 without regions.

    "sigmoid" asks the mask of the region's own class alone, with a binary cross-entropy; what the other masks say
    costs nothing. "softmax" lets classes compete for each pixel: the own class inside, class 0 outside. A wanted
    value between 0 and 1 is a probability in both.

    Args:
        logits: a mask for each class, before sigmoid or softmax.
        labels: 1..K-1.
        wanted: the true mask of each region, 0..1.
        competition: see `Competition`.

    Raises:
        InputError: sizes that do not fit, a label that is no class of objects, or an unknown competition.
    """
    _check(logits, labels, wanted, competition)
    own = logits[torch.arange(len(labels), device=labels.device), labels]
    wanted = wanted.to(logits.dtype)
    if competition == "sigmoid":
        total = F.binary_cross_entropy_with_logits(own, wanted, reduction="sum")
    else:
        # -(t log p_own + (1 - t) log p_0), with one logarithm of the sum for both
        total = (logits.logsumexp(dim=1) - wanted * own - (1 - wanted) * logits[:, 0]).sum()
    return total / max(1, wanted.numel())


def competing_logits(logits: Float[Tensor, "P K h w"]) -> Float[Tensor, "P K h w"]:
    """Logits whose sigmoid is the softmax over classes: for decoding masks that were trained with "softmax".

    A probability that rounds to 1 becomes an infinite logit, whose sigmoid is 1 again.

    >>> one = torch.tensor([2.0, -1.0, 0.5]).view(1, 3, 1, 1)
    >>> torch.allclose(competing_logits(one).sigmoid(), one.softmax(dim=1))
    True
    """
    chance = logits.log_softmax(dim=1)
    # log(1 - exp(x)) in the form that keeps its digits on either side of -log 2 (Maechler 2012).
    other = torch.where(chance > -math.log(2), (-torch.expm1(chance)).log(), torch.log1p(-chance.exp()))
    return chance - other


def _check(logits: Tensor, labels: Tensor, wanted: Tensor, competition: str) -> None:
    if competition not in get_args(Competition):
        raise InputError(
            f"competition as one of {', '.join(get_args(Competition))}", repr(competition), hint='pass "sigmoid"'
        )
    if len(labels) != len(logits) or wanted.shape != (len(logits), *logits.shape[2:]):
        raise InputError(
            f"a label and a mask of {tuple(logits.shape[2:])} for each of {len(logits)} regions",
            f"{len(labels)} labels and masks of shape {tuple(wanted.shape)}",
            hint="give mask_targets the size of the network's masks",
        )
    if len(labels) and not 1 <= int(labels.min()) <= int(labels.max()) < logits.shape[1]:
        raise InputError(
            f"labels 1..{logits.shape[1] - 1} of objects",
            f"{int(labels.min())}..{int(labels.max())}",
            hint="background has no mask: give only regions with an object",
        )

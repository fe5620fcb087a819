"""What answers about boxes cost: is there an object, of which class, and where exactly.

Sources: Girshick 2015, "Fast R-CNN", section 2.3, equations 1 to 3; Ren et al. 2015, section 3.1.2. All sums are over
the drawn boxes of the whole batch at once. Without any box a loss is exactly 0, with zero gradients.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from pixelwise.errors import InputError

BETA = 1 / 9
"""Where smooth L1 turns from square to straight: 1 / sigma^2 with the sigma = 3 of the authors' code, as published."""


def objectness_loss(logits: Float[Tensor, " S"], objects: Bool[Tensor, " S"]) -> Float[Tensor, ""]:
    """The mean binary cross-entropy of drawn anchors, in nats.

    Differs from the paper: one logit with a sigmoid instead of two with a softmax, as published.

    Args:
        logits: object against background, before the sigmoid.
        objects: True where there is one.

    Raises:
        InputError: different lengths.
    """
    _check_alike(logits, objects, "marks of objects")
    total = F.binary_cross_entropy_with_logits(logits, objects.to(logits.dtype), reduction="sum")
    return total / max(1, len(logits))


def class_loss(logits: Float[Tensor, "R K"], labels: Int64[Tensor, " R"]) -> Float[Tensor, ""]:
    """The mean cross-entropy of drawn regions, in nats.

    Args:
        logits: class scores before the softmax, background first.
        labels: 0 for background, 1..K-1.

    Raises:
        InputError: different lengths, or a label that is no class.
    """
    _check_alike(logits, labels, "labels")
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < logits.shape[1]:
        raise InputError(
            f"labels 0..{logits.shape[1] - 1}, as the model has {logits.shape[1]} classes with the background",
            f"{int(labels.min())}..{int(labels.max())}",
            hint=f"build the model with num_classes={int(labels.max()) + 1} or more",
        )
    return F.cross_entropy(logits, labels, reduction="sum") / max(1, len(labels))


def box_loss(
    deltas: Float[Tensor, "P 4"], wanted: Float[Tensor, "P 4"], count: int, beta: float = BETA
) -> Float[Tensor, ""]:
    """Smooth L1 between deltas, summed over objects and coordinates and divided by the number of all drawn boxes.

    Below `beta` the difference costs d^2 / (2 beta), above it |d| - beta / 2. The division by all boxes, background
    included, gives each object the same weight whether it is alone or one of many (Ren et al. 2015, equation 1, with
    lambda as published).

    Args:
        deltas: what the network says about the boxes with an object.
        wanted: `pixelwise.ops.encode_boxes` of the true boxes.
        count: of all drawn boxes, objects and background.
        beta: see `BETA`.

    Raises:
        InputError: different lengths, or a count below that of the objects.
    """
    _check_alike(deltas, wanted, "wanted deltas")
    if count < len(deltas):
        raise InputError(
            f"a count of all drawn boxes, at least {len(deltas)}", str(count), hint="count objects and background"
        )
    return F.smooth_l1_loss(deltas, wanted.to(deltas.dtype), beta=beta, reduction="sum") / max(1, count)


def own_deltas(deltas: Float[Tensor, "R K 4"], labels: Int64[Tensor, " R"]) -> Float[Tensor, "R 4"]:
    """Of the deltas for every class those for the labelled one."""
    return deltas[torch.arange(len(labels), device=labels.device), labels]


def _check_alike(answers: Tensor, truth: Tensor, name: str) -> None:
    if len(answers) != len(truth):
        raise InputError(f"{len(answers)} {name}, one for each box", str(len(truth)), hint="index both with the draw")

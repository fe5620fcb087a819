"""Losses of semantic segmentation: how far class scores are from a label map, counting only labelled pixels."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.shapes import IGNORE, LabelMaps, Scores


def cross_entropy(
    scores: Scores, labels: LabelMaps, class_weights: Float[Tensor, " K"] | None = None
) -> Float[Tensor, ""]:
    """The mean negative log-probability of the true class over all counted pixels, in nats; 0 or more.

    Pixels labelled 255 do not count. The mean runs over the counted pixels of the whole batch at once, as in FCN
    (Long et al. 2015), so an image with few labelled pixels weighs little. With class weights it is the weighted
    mean, sum(w * loss) / sum(w): doubling all weights changes nothing. A batch without a counted pixel (or only of
    weight 0) gives 0, with zero gradients, not NaN.

    Args:
        scores: logits, one per class and pixel.
        labels: class indices 0..K-1, or 255 for ignore.
        class_weights: one weight per class, 0 or more.

    Raises:
        InputError: sizes differ, a label is neither a class nor 255, or there are not K weights of at least 0.
    """
    _check_labels(scores, labels)
    if class_weights is not None:
        _check_weights(class_weights, scores.shape[1])
        class_weights = class_weights.to(scores)
    targets = labels.long()
    total = F.cross_entropy(scores, targets, weight=class_weights, ignore_index=IGNORE, reduction="sum")
    counted = targets != IGNORE
    if class_weights is None:
        return total / counted.sum().clamp(min=1)
    weight = (class_weights[targets.where(counted, 0)] * counted).sum()
    return total / weight.where(weight > 0, 1)


def dice_loss(scores: Scores, labels: LabelMaps) -> Float[Tensor, ""]:
    """One minus the soft Dice overlap of probabilities and truth, averaged over the classes in the truth; 0..1.

    Soft Dice of one class is 2 sum(p g) / (sum(p^2) + sum(g^2)) with p the softmax probability and g 1 on the class,
    0 elsewhere (Milletari et al. 2016, V-Net, section 3; Sudre et al. 2017 leave the squares out). Sums run over all
    counted pixels of the batch.

    Differs from the usual code: there is no smoothing constant. It serves to divide 0 by 0 for absent classes; here
    only classes with a true pixel enter the mean, so no denominator is below 1. A class that is absent but predicted
    is still paid for, by the true classes that lost its probability. A batch without a counted pixel gives 0, with
    zero gradients.

    Args:
        scores: logits, one per class and pixel.
        labels: class indices 0..K-1, or 255 for ignore.

    Raises:
        InputError: sizes differ, or a label is neither a class nor 255.
    """
    _check_labels(scores, labels)
    classes = torch.arange(scores.shape[1], device=scores.device)[:, None, None]
    truth = labels[:, None] == classes  # B K H W
    probabilities = scores.softmax(dim=1).masked_fill((labels == IGNORE)[:, None], 0)
    pixels = (0, 2, 3)
    overlap = probabilities.where(truth, 0).sum(pixels)
    true_pixels = truth.sum(pixels)
    # The clamp only touches absent classes, which the mean leaves out: present ones have at least one true pixel.
    dice = 2 * overlap / (probabilities.square().sum(pixels) + true_pixels).clamp(min=1)
    present = true_pixels > 0
    return (1 - dice).where(present, 0).sum() / present.sum().clamp(min=1)


def _check_labels(scores: Tensor, labels: Tensor) -> None:
    """Refuses what torch would turn into an index error, or on a GPU into a dead process."""
    batch, classes, *size = scores.shape
    if labels.shape != (batch, *size) or labels.is_floating_point():
        raise InputError(
            f"integer labels of shape {(batch, *size)}, as the scores are {tuple(scores.shape)}",
            f"{labels.dtype} of shape {tuple(labels.shape)}",
            hint="resize the scores with torch.nn.functional.interpolate, or turn one-hot maps into class indices",
        )
    outside = ((labels < 0) | (labels >= classes)) & (labels != IGNORE)
    if bool(outside.any()):
        wrong = labels[outside]
        raise InputError(
            f"labels 0..{classes - 1}, or {IGNORE} for ignore",
            f"{wrong.numel()} pixels with other labels, the first being {int(wrong[0])}",
            hint="build the model with as many classes as the data has, or map unused ids to 255",
        )
    if classes > IGNORE:
        raise InputError(
            f"at most {IGNORE} classes, as label {IGNORE} means ignore", str(classes), hint="merge rare classes"
        )


def _check_weights(class_weights: Tensor, classes: int) -> None:
    # Written as "not all good" so that NaN is refused too.
    if class_weights.shape != (classes,) or not bool(((class_weights >= 0) & class_weights.isfinite()).all()):
        raise InputError(
            f"{classes} class weights of at least 0",
            str(class_weights.tolist()),
            hint="pass one weight per class, such as 1 / share of pixels",
        )

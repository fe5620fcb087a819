"""Losses of semantic segmentation: how far class scores are from a label map, counting only labelled pixels."""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.losses.label_checks import check_labels
from pixelwise.shapes import IGNORE, LabelMaps, Scores


def cross_entropy(
    scores: Scores,
    labels: LabelMaps,
    class_weights: Float[Tensor, " K"] | None = None,
    pixel_weights: Float[Tensor, "B H W"] | None = None,
    reduction: Literal["mean", "sum"] = "mean",
) -> Float[Tensor, ""]:
    """The mean negative log-probability of the true class over all counted pixels, in nats; 0 or more.

    Pixels labelled 255 do not count. The mean runs over the counted pixels of the whole batch at once, as in FCN
    (Long et al. 2015), so an image with few labelled pixels weighs little. With weights it is the weighted mean,
    sum(w * loss) / sum(w): doubling all weights changes nothing. A pixel's weight is that of its class times its own.
    A batch without a counted pixel (or only of weight 0) gives 0, with zero gradients, not NaN.

    `reduction="sum"` leaves the division out: sum(w * loss) over the pixels of the batch, the "heavy" learning of
    FCN (Shelhamer et al. 2017: one image a step, momentum 0.99). The sum and its gradient are as many times larger as
    there are pixels, so the learning rate of SGD must be as many times smaller: the authors' solver has 1e-10, for
    images of some 500 x 500 pixels.

    Args:
        scores: logits, one per class and pixel.
        labels: class indices 0..K-1, or 255 for ignore.
        class_weights: one weight per class, 0 or more.
        pixel_weights: one weight per pixel, 0 or more, such as U-Net's (`pixelwise.data.border_weights`; Ronneberger
            et al. 2015, equation 1, which is a sum). What they say of ignored pixels does not matter.
        reduction: "mean" or "sum".

    Raises:
        InputError: sizes differ, a label is neither a class nor 255, there are not K class weights of at least 0, or
            pixel weights are of another size, negative or not finite.
    """
    check_labels(scores, labels)
    if reduction not in ("mean", "sum"):
        raise InputError(
            "the reduction mean or sum", repr(reduction), hint='pass reduction="sum" for FCN\'s heavy loss'
        )
    if class_weights is not None:
        _check_class_weights(class_weights, scores.shape[1])
        class_weights = class_weights.to(scores)
    targets = labels.long()
    if pixel_weights is None:
        total = F.cross_entropy(scores, targets, weight=class_weights, ignore_index=IGNORE, reduction="sum")
    else:
        _check_pixel_weights(pixel_weights, targets)
        pixel_weights = pixel_weights.to(scores).where(targets != IGNORE, 0)
        losses = F.cross_entropy(scores, targets, weight=class_weights, ignore_index=IGNORE, reduction="none")
        total = (pixel_weights * losses).sum()
    return total if reduction == "sum" else total / _total_weight(targets, class_weights, pixel_weights)


def _total_weight(targets: Tensor, class_weights: Tensor | None, pixel_weights: Tensor | None) -> Tensor:
    """The sum of the counted pixels' weights; 1 where it is 0, so that nothing is divided by it."""
    weights = targets != IGNORE
    if class_weights is not None:
        weights = class_weights[targets.where(weights, 0)] * weights
    if pixel_weights is not None:
        weights = weights * pixel_weights
    total = weights.sum()
    return total.where(total > 0, 1)


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
    check_labels(scores, labels)
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


def _check_class_weights(class_weights: Tensor, classes: int) -> None:
    # Written as "not all good" so that NaN is refused too.
    if class_weights.shape != (classes,) or not bool(((class_weights >= 0) & class_weights.isfinite()).all()):
        raise InputError(
            f"{classes} class weights of at least 0",
            str(class_weights.tolist()),
            hint="pass one weight per class, such as 1 / share of pixels",
        )


def _check_pixel_weights(pixel_weights: Tensor, targets: Tensor) -> None:
    if pixel_weights.shape != targets.shape:
        raise InputError(
            f"pixel weights of shape {tuple(targets.shape)}, as the labels are",
            str(tuple(pixel_weights.shape)),
            hint="compute them from the same label maps",
        )
    good = (pixel_weights >= 0) & pixel_weights.isfinite()
    if not bool((good | (targets == IGNORE)).all()):
        wrong = pixel_weights[~good]
        raise InputError(
            "finite pixel weights of at least 0",
            f"{wrong.numel()} others, the first being {float(wrong[0])}",
            hint="weigh pixels that should not count with 0",
        )

"""Scores of separated objects, in two steps: count matches per image, then turn (sums of) counts into ratios.

The score is that of the 2018 Data Science Bowl (Caicedo et al. 2019, "Nucleus segmentation across imaging experiments",
methods): at each of ten IoU thresholds, TP / (TP + FP + FN) over the objects of an image; the mean over the thresholds;
the mean over the images. It is called average precision there, though it is no area under a curve and asks for no
confidences.
"""

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.shapes import LabelMap

TWENTIETHS = range(10, 20)
"""The thresholds in twentieths: whole numbers, so that an IoU of exactly 0.6 is compared without rounding."""

IOU_THRESHOLDS = tuple(each / 20 for each in TWENTIETHS)
"""0.50, 0.55, ... 0.95. From 0.5 on an object matches at most one other, so no assignment has to be searched."""


def instance_counts(prediction: LabelMap, truth: LabelMap) -> Int64[Tensor, "T 3"]:
    """Per threshold: objects matched (TP), predicted objects without a match (FP), true ones without a match (FN).

    Two objects match when their IoU is greater than the threshold, as in the organisers' rule: exactly 0.5 is no match
    at 0.5. All pixels of one number are one object, connected or not. Everything follows from one table of how many
    pixels each pair of numbers shares.

    Args:
        prediction: object numbers of one image, 0 where there is none; numbers may have gaps.
        truth: the same for the truth.

    Raises:
        InputError: the sizes differ, or a number is negative.

    >>> truth = torch.tensor([[1, 1, 1, 0, 2]])
    >>> instance_counts(torch.tensor([[1, 1, 0, 0, 0]]), truth)[:4].tolist()  # IoU 2/3 with object 1; 2 is missed
    [[1, 0, 1], [1, 0, 1], [1, 0, 1], [1, 0, 1]]
    """
    _check(prediction, truth)
    predicted, true = prediction.flatten().long(), truth.flatten().long()
    span = int(predicted.max()) + 1 if predicted.numel() else 1
    pairs, pixels = torch.unique(true * span + predicted, return_counts=True)
    rows, row_of = torch.unique(pairs // span, return_inverse=True)
    columns, column_of = torch.unique(pairs % span, return_inverse=True)
    row_areas = torch.zeros_like(rows).index_add_(0, row_of, pixels)
    column_areas = torch.zeros_like(columns).index_add_(0, column_of, pixels)
    union = row_areas[row_of] + column_areas[column_of] - pixels
    both = (rows[row_of] > 0) & (columns[column_of] > 0)
    limits = torch.tensor(list(TWENTIETHS), device=truth.device).unsqueeze(1)
    matched = ((pixels[both] * 20) > limits * union[both]).sum(1)
    return torch.stack([matched, (columns > 0).sum() - matched, (rows > 0).sum() - matched], dim=1)


def instance_precision(counts: Int64[Tensor, "*rows T 3"]) -> Float64[Tensor, "*rows T"]:
    """Per threshold, TP / (TP + FP + FN); 0..1.

    NaN where neither truth nor prediction has an object: there is nothing to measure, and the image counts in no mean.
    0 where only one of them has. Counts summed over images give the pooled score, in which an image weighs by its
    objects.
    """
    true_positive, objects = counts[..., 0].double(), counts.sum(-1).double()
    return (true_positive / objects.clamp(min=1)).where(objects > 0, torch.nan)


def average_precision(counts: Int64[Tensor, "*rows T 3"]) -> Float64[Tensor, "*rows"]:
    """The mean of `instance_precision` over the thresholds; NaN where there is no object.

    The data set's score is the mean over its images: `average_precision(stacked).nanmean()`.
    """
    return instance_precision(counts).mean(-1)


def _check(prediction: Tensor, truth: Tensor) -> None:
    if prediction.shape != truth.shape:
        raise InputError(
            f"a prediction of the truth's shape {tuple(truth.shape)}",
            f"{tuple(prediction.shape)}",
            hint="compare maps of one image, at one size",
        )
    for name, labels in (("prediction", prediction), ("truth", truth)):
        if labels.numel() and int(labels.long().min()) < 0:
            raise InputError(
                f"object numbers of 0 or more in the {name}", str(int(labels.long().min())), hint="use 0 for no object"
            )

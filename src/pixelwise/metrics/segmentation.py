"""Scores of semantic segmentation, in two steps: count pixels per image, then turn (sums of) counts into ratios.

Counts of images add up, so a data set's score is a ratio of the summed counts. The ratios take any leading
dimensions: a stack of per-image or resampled count tables gives as many scores in one call. The protocol: pixels
whose *truth* is 255 do not count; every other pixel counts once, wherever it lies; scores are float64; NaN says that
there was nothing to measure.
"""

import torch
from jaxtyping import Float64, Int64, Integer
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.shapes import IGNORE

Confusion = Int64[Tensor, "*rows K K"]


def confusion_matrix(
    prediction: Integer[Tensor, "*shape"], truth: Integer[Tensor, "*shape"], num_classes: int
) -> Int64[Tensor, "K K"]:
    """How many pixels of each true class (row) were predicted as each class (column).

    Pixels whose truth is 255 are left out, whatever the prediction says there.

    Args:
        prediction: class indices, of one image or of a batch.
        truth: class indices of the same shape, or 255.
        num_classes: K; at most 255.

    Raises:
        InputError: the shapes differ, or a counted pixel has a class outside 0..K-1.

    >>> confusion_matrix(torch.tensor([0, 1, 1, 1]), torch.tensor([0, 0, 1, 255]), num_classes=2).tolist()
    [[1, 1], [0, 1]]
    """
    check_label_maps(prediction, truth, num_classes)
    cells = truth.long() * num_classes + prediction
    # One more cell collects the ignored pixels: faster than gathering the counted ones.
    cells = cells.where(truth != IGNORE, num_classes**2).flatten()
    return torch.bincount(cells, minlength=num_classes**2 + 1)[:-1].view(num_classes, num_classes)


def intersection_over_union(confusion: Confusion) -> Float64[Tensor, "*rows K"]:
    """Per class, the pixels where truth and prediction agree on it over those where either has it (Jaccard); 0..1.

    NaN for a class that is in neither. As in the PASCAL VOC challenge (Everingham et al. 2015, section 4.3): TP / (TP
    + FP + FN).
    """
    agreed = confusion.diagonal(dim1=-2, dim2=-1).double()
    return agreed / (confusion.sum(-1) + confusion.sum(-2) - agreed)


def mean_iou(confusion: Confusion) -> Float64[Tensor, "*rows"]:
    """The mean of `intersection_over_union` over the classes in the truth or the prediction; NaN if none is.

    The background is a class like any other. Protocols differ on the absent classes: here a class in neither map is
    left out (as in Cityscapes' script), and a class that was only predicted counts with 0 (leaving it out would
    forgive false alarms).
    """
    return intersection_over_union(confusion).nanmean(-1)


def pixel_accuracy(confusion: Confusion) -> Float64[Tensor, "*rows"]:
    """The share of counted pixels whose class is right; NaN without counted pixels. Dominated by large classes."""
    return confusion.diagonal(dim1=-2, dim2=-1).sum(-1).double() / confusion.sum((-2, -1))


def class_accuracy(confusion: Confusion) -> Float64[Tensor, "*rows K"]:
    """Per class, the share of its true pixels that were found (recall); NaN for a class without true pixels.

    Its mean over classes is the "mean accuracy" of FCN (Long et al. 2015, section 5).
    """
    return confusion.diagonal(dim1=-2, dim2=-1).double() / confusion.sum(-1)


def dice(confusion: Confusion) -> Float64[Tensor, "*rows K"]:
    """Per class, 2 TP / (2 TP + FP + FN), the F1 of its pixels (Dice 1945); 0..1, NaN for a class in neither map.

    It ranks like the IoU, as Dice = 2 IoU / (1 + IoU).
    """
    agreed = confusion.diagonal(dim1=-2, dim2=-1).double()
    return 2 * agreed / (confusion.sum(-1) + confusion.sum(-2))


def check_label_maps(prediction: Tensor, truth: Tensor, num_classes: int) -> None:
    """Refuses label maps that cannot be compared: other shapes, or classes outside 0..K-1 at counted pixels."""
    if prediction.shape != truth.shape:
        raise InputError(
            f"a prediction of the truth's shape {tuple(truth.shape)}",
            f"{tuple(prediction.shape)}",
            hint="compare at the size of the truth: resize the prediction (nearest), not the truth",
        )
    if not 1 <= num_classes <= IGNORE:
        raise InputError(f"1 to {IGNORE} classes", str(num_classes), hint=f"label {IGNORE} means ignore")
    counted = truth != IGNORE
    for name, labels in (("truth", truth), ("prediction", prediction)):
        outside = ((labels < 0) | (labels >= num_classes)) & counted
        if bool(outside.any()):
            wrong = labels[outside]
            raise InputError(
                f"{name} classes in 0..{num_classes - 1}",
                f"{wrong.numel()} counted pixels with others, the first being {int(wrong[0])}",
                hint=f"map ids to 0..{num_classes - 1} first; in the truth, {IGNORE} leaves a pixel out",
            )

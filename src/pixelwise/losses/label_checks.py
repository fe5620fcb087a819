"""Refuses labels that torch would turn into an index error, or on a GPU into a dead process."""

from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.shapes import IGNORE


def check_labels(scores: Tensor, labels: Tensor) -> None:
    """Makes sure that labels belong to scores.

    Raises:
        InputError: sizes differ, labels are not whole numbers, or one is neither a class nor 255.
    """
    batch, classes, *size = scores.shape
    if labels.shape != (batch, *size) or labels.is_floating_point():
        raise InputError(
            f"integer labels of shape {(batch, *size)}, as the scores are {tuple(scores.shape)}",
            f"{labels.dtype} of shape {tuple(labels.shape)}",
            hint="resize the scores with torch.nn.functional.interpolate, or turn one-hot maps into class indices",
        )
    check_classes(labels, classes)


def check_classes(labels: Tensor, classes: int) -> None:
    """Makes sure that every label is a class or 255.

    Raises:
        InputError: one is neither, or there are more classes than labels can say.
    """
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

"""A class for every pixel: pixels right, wrongly predicted and missed, by class and image."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64
from numpy.typing import NDArray
from torch import Tensor

from pixelwise.audits.statistics.judge import UnusableError
from pixelwise.audits.statistics.samples import Sample
from pixelwise.audits.statistics.table import Task
from pixelwise.errors import InputError
from pixelwise.metrics import confusion_matrix
from pixelwise.results import Segmentation
from pixelwise.shapes import IGNORE

Counts = Int64[np.ndarray, "K 3"]


class SegmentationJudge:
    """Keeps the array `counts` (N, K, 3): pixels of each image and class right, wrongly predicted, and missed.

    An answer is a `Segmentation`, a label map (H, W), or scores (K, H, W), of which the highest counts. Pixels whose
    truth is 255 do not count. Without an answer every true pixel is missed.
    """

    task: Task = "segmentation"

    def __init__(self, classes: Sequence[str]) -> None:
        """Fixes the order of the classes."""
        self.classes = tuple(classes)

    def judge(self, sample: Sample, answer: Any) -> Counts:
        """The counts of one image.

        Raises:
            UnusableError: no label map, another size, classes that do not exist, or NaN.
            InputError: the truth is no label map of these classes.
        """
        truth = self._truth(sample)
        labels = label_map(answer, len(self.classes))
        if labels.shape != truth.shape:
            raise UnusableError(f"an answer of {_size(labels)} to an image of {_size(truth)}")
        outside = ((labels < 0) | (labels >= len(self.classes))) & (truth != IGNORE)
        if bool(outside.any()):
            raise UnusableError(f"class {int(labels[outside][0])} of {len(self.classes)}")
        table = confusion_matrix(labels, truth, len(self.classes))
        right = table.diagonal()
        return torch.stack([right, table.sum(0) - right, table.sum(1) - right], dim=1).numpy()

    def unanswered(self, sample: Sample) -> Counts:
        """Every true pixel is missed."""
        truth = self._truth(sample).long()
        missed = np.zeros((len(self.classes), 3), dtype=np.int64)
        missed[:, 2] = torch.bincount(truth[truth != IGNORE].flatten(), minlength=len(self.classes)).numpy()
        return missed

    def arrays(self, rows: Sequence[Counts]) -> dict[str, NDArray[Any]]:
        """The counts of all images."""
        return {"counts": np.stack(rows)}

    def _truth(self, sample: Sample) -> Tensor:
        found = sample.read_truth()
        truth = found if isinstance(found, Tensor) else torch.from_numpy(np.ascontiguousarray(found))
        counted = truth[truth != IGNORE]
        wrong = truth.ndim != 2 or truth.is_floating_point()
        if wrong or (counted.numel() and not 0 <= int(counted.min()) <= int(counted.max()) < len(self.classes)):
            raise InputError(
                f"a label map (H, W) with classes 0..{len(self.classes) - 1} as the truth of {sample.name}",
                f"shape {tuple(truth.shape)}, type {truth.dtype}",
                hint=f"{IGNORE} marks pixels that do not count",
            )
        return truth


def label_map(answer: Any, classes: int) -> Int64[Tensor, "H W"]:
    """The class of each pixel that an answer means; the size and the classes are not checked.

    Args:
        answer: a `Segmentation`, a label map (H, W), or scores (K, H, W), of which the highest counts.
        classes: K.

    Raises:
        UnusableError: none of these, or scores that are no numbers.
    """
    found = answer.labels if isinstance(answer, Segmentation) else answer
    try:
        labels = found.detach().cpu() if isinstance(found, Tensor) else torch.from_numpy(np.ascontiguousarray(found))
    except TypeError as problem:
        raise UnusableError(f"{type(answer).__name__} is no label map") from problem
    if labels.ndim == 3 and labels.is_floating_point() and len(labels) == classes:
        wrong = int((~labels.isfinite()).sum())
        if wrong:
            raise UnusableError(f"{wrong} of {labels.numel()} scores are NaN or infinite")
        return labels.argmax(0)
    if labels.ndim != 2 or labels.is_floating_point() or labels.is_complex():
        raise UnusableError(f"shape {tuple(labels.shape)} of {labels.dtype} is no label map")
    return labels.long()


def _size(labels: Tensor) -> str:
    return "x".join(map(str, labels.shape))

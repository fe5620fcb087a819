"""Scores of a segmentation, computed from per-image counts, with the protocol written beside them."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pixelwise.evaluation.object_scores import OBJECT_PROTOCOL, ObjectScores
from pixelwise.evaluation.statistics import TOLERANCES, ImageStatistics
from pixelwise.metrics import boundary_f1, class_accuracy, dice, intersection_over_union, mean_iou, pixel_accuracy

PROTOCOL = (
    "All pixels of all images counted together; pixels labelled ignore are left out. IoU of a class: pixels that truth "
    "and prediction share over pixels that either has. Mean IoU: plain mean over the classes that occur in the truth "
    "or the prediction. Boundary F1: harmonic mean of precision and recall of boundary pixels, each found when one of "
    "the same class lies within the tolerance; counts of all images together."
)


@dataclass(frozen=True)
class Scores:
    """The scores of one model on one set of images. Ratios of nothing (a class that never occurs) are NaN.

    `majority` is the class that a guesser would give to every pixel: the most frequent one of the training set.
    """

    classes: tuple[str, ...]
    images: tuple[ImageStatistics, ...]
    split: str
    majority: int

    @property
    def confusion(self) -> Tensor:
        """Pixels by true class (rows) and predicted class (columns), over all images."""
        return torch.stack([image.confusion for image in self.images]).sum(0)

    @property
    def iou(self) -> dict[str, float]:
        """Intersection over union of each class."""
        return self._by_class(intersection_over_union(self.confusion))

    @property
    def dice(self) -> dict[str, float]:
        """Dice coefficient (F1 over pixels) of each class."""
        return self._by_class(dice(self.confusion))

    @property
    def recall(self) -> dict[str, float]:
        """Share of each class's true pixels that were found."""
        return self._by_class(class_accuracy(self.confusion))

    @property
    def mean_iou(self) -> float:
        """Mean of the classes' IoU."""
        return float(mean_iou(self.confusion))

    @property
    def pixel_accuracy(self) -> float:
        """Share of pixels with the right class."""
        return float(pixel_accuracy(self.confusion))

    @property
    def majority_mean_iou(self) -> float:
        """Mean IoU of giving the majority class to every pixel: the floor to be beaten."""
        return float(mean_iou(self._guessed()))

    @property
    def majority_pixel_accuracy(self) -> float:
        """Pixel accuracy of giving the majority class to every pixel."""
        return float(pixel_accuracy(self._guessed()))

    @property
    def objects(self) -> ObjectScores | None:
        """Scores of the separated objects; None where none were matched."""
        counts = [image.objects.separated for image in self.images if image.objects is not None]
        return ObjectScores(torch.stack(counts)) if counts else None

    @property
    def components(self) -> ObjectScores | None:
        """Scores of the connected components of the same foreground, the floor; None where none were matched."""
        counts = [image.objects.components for image in self.images if image.objects is not None]
        return ObjectScores(torch.stack(counts)) if counts else None

    def boundary_f1(self, tolerance: int) -> dict[str, float]:
        """Boundary F1 of each class at a tolerance of 1, 2 or 3 pixels."""
        counts = torch.stack([image.boundaries[TOLERANCES.index(tolerance)] for image in self.images]).sum(0)
        return self._by_class(boundary_f1(counts))

    def worst(self, count: int) -> list[tuple[float, ImageStatistics]]:
        """The images with the lowest mean IoU of their own, the worst first, but none without a counted pixel."""
        ranked = [(float(mean_iou(image.confusion)), image) for image in self.images]
        return sorted((pair for pair in ranked if not math.isnan(pair[0])), key=lambda pair: (pair[0], pair[1].name))[
            :count
        ]

    def to_json(self) -> dict[str, Any]:
        """All scores as plain values; NaN becomes None."""
        return {
            "split": self.split,
            "images": len(self.images),
            "mean_iou": _plain(self.mean_iou),
            "pixel_accuracy": _plain(self.pixel_accuracy),
            "majority": {
                "class": self.classes[self.majority],
                "mean_iou": _plain(self.majority_mean_iou),
                "pixel_accuracy": _plain(self.majority_pixel_accuracy),
            },
            "iou": {name: _plain(value) for name, value in self.iou.items()},
            "dice": {name: _plain(value) for name, value in self.dice.items()},
            "recall": {name: _plain(value) for name, value in self.recall.items()},
            "boundary_f1": {
                str(each): {name: _plain(value) for name, value in self.boundary_f1(each).items()}
                for each in TOLERANCES
            },
            "confusion": self.confusion.tolist(),
            "protocol": PROTOCOL,
        } | self._objects_json()

    def _objects_json(self) -> dict[str, Any]:
        """The object scores, where there are any."""
        if self.objects is None or self.components is None:
            return {}
        floor = self.components.to_json()
        return {"objects": self.objects.to_json(), "components": floor, "object_protocol": OBJECT_PROTOCOL}

    def _by_class(self, values: Tensor) -> dict[str, float]:
        return dict(zip(self.classes, values.tolist(), strict=True))

    def _guessed(self) -> Tensor:
        guessed = torch.zeros_like(self.confusion)
        guessed[:, self.majority] = self.confusion.sum(1)
        return guessed


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value

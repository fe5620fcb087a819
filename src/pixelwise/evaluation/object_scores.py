"""Scores of separated objects, computed from per-image counts, with the protocol written beside them."""

import math
from dataclasses import dataclass
from typing import Any

from jaxtyping import Int64
from torch import Tensor

from pixelwise.metrics.instances import IOU_THRESHOLDS, average_precision, instance_precision

OBJECT_PROTOCOL = (
    "AP of an image at an IoU threshold: TP / (TP + FP + FN), where a predicted and a true object of one class match "
    "when their IoU is greater than the threshold. AP: mean over the thresholds 0.50, 0.55, ... 0.95, then over the "
    "images that have a true or a predicted object (2018 Data Science Bowl). Pooled: the objects of all images counted "
    "together, so that an image weighs by its objects. Connected components: the same foreground without the learned "
    "borders, the floor to be beaten."
)


@dataclass(frozen=True)
class ObjectScores:
    """The scores of one way to separate objects, from the TP, FP and FN of each image and threshold.

    Ratios of nothing (no object anywhere) are NaN.
    """

    counts: Int64[Tensor, "N T 3"]

    @property
    def average_precision(self) -> float:
        """Mean over the thresholds, then over the images that have objects."""
        return float(average_precision(self.counts).nanmean())

    @property
    def precision(self) -> dict[float, float]:
        """Mean over the images at each threshold."""
        return dict(zip(IOU_THRESHOLDS, instance_precision(self.counts).nanmean(0).tolist(), strict=True))

    @property
    def pooled(self) -> dict[float, float]:
        """The objects of all images together at each threshold."""
        return dict(zip(IOU_THRESHOLDS, instance_precision(self.counts.sum(0)).tolist(), strict=True))

    @property
    def matches(self) -> dict[float, tuple[int, int, int]]:
        """TP, FP and FN over all images at each threshold."""
        rows = self.counts.sum(0).tolist()
        return {each: (row[0], row[1], row[2]) for each, row in zip(IOU_THRESHOLDS, rows, strict=True)}

    def to_json(self) -> dict[str, Any]:
        """All scores as plain values; NaN becomes None."""
        return {
            "average_precision": _plain(self.average_precision),
            "at": {
                f"{each:.2f}": {
                    "average_precision": _plain(self.precision[each]),
                    "pooled": _plain(self.pooled[each]),
                    **dict(zip(("tp", "fp", "fn"), self.matches[each], strict=True)),
                }
                for each in IOU_THRESHOLDS
            },
        }


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value

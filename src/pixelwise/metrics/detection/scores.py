"""COCO's twelve numbers, and the same by class, from one table of matches."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from pixelwise.errors import InputError
from pixelwise.metrics.detection.matching import match_objects
from pixelwise.metrics.detection.precision import class_ap, class_ar
from pixelwise.metrics.detection.protocol import AREAS, MAX_DETECTIONS, Kind, protocol
from pixelwise.metrics.detection.records import Found, Truth
from pixelwise.metrics.detection.table import MatchTable, threshold_place

SIZES = tuple(name for name in AREAS if name != "all")


@dataclass(frozen=True, eq=False)
class DetectionScores:
    """The scores of detections on a set of images; NaN where there is no true object to find.

    `classes` starts with the background. `table` holds the matches, from which all else follows.
    """

    classes: tuple[str, ...]
    kind: Kind
    table: MatchTable

    @property
    def protocol(self) -> str:
        """How the numbers are computed."""
        return protocol(self.kind, len(self.table.found.image), self.table.images)

    @property
    def ap(self) -> float:
        """Mean over thresholds and the classes that occur."""
        return _mean(self._ap["all"])

    @property
    def ap50(self) -> float:
        """AP at IoU 0.5."""
        return self.ap_at(0.5)

    @property
    def ap75(self) -> float:
        """AP at IoU 0.75."""
        return self.ap_at(0.75)

    def ap_at(self, iou: float) -> float:
        """AP at one of the thresholds 0.5, 0.55, ... 0.95."""
        return _mean(self._ap["all"][threshold_place(iou)])

    @property
    def ap_by_size(self) -> dict[str, float]:
        """AP over the small, medium and large objects."""
        return {name: _mean(self._ap[name]) for name in SIZES}

    @property
    def ar_by_limit(self) -> dict[int, float]:
        """AR where at most 1, 10 and 100 detections of a class and image count."""
        return {limit: _mean(class_ar(self.table, limit=limit)[0]) for limit in MAX_DETECTIONS}

    @property
    def ar_by_size(self) -> dict[str, float]:
        """AR over the small, medium and large objects, at most 100 detections of a class and image."""
        return {name: _mean(class_ar(self.table, area=name)[0]) for name in SIZES}

    @property
    def ap_by_class(self) -> dict[str, float]:
        """AP of each class."""
        return self._by_class(self._ap["all"].mean(0))

    def ap_by_class_at(self, iou: float) -> dict[str, float]:
        """AP of each class at one threshold."""
        return self._by_class(self._ap["all"][threshold_place(iou)])

    def ap_by_class_and_size(self, size: str) -> dict[str, float]:
        """AP of each class over its small, medium or large objects."""
        return self._by_class(self._ap[size].mean(0))

    @property
    def ar_by_class(self) -> dict[str, float]:
        """AR of each class, at most 100 detections of an image."""
        return self._by_class(class_ar(self.table)[0].mean(0))

    @property
    def truths_by_class(self) -> dict[str, int]:
        """How many objects of each class count."""
        counts = self.table.outcomes().truths.sum(0).tolist()
        return dict(zip(self.classes[1:], counts, strict=True))

    @property
    def coco(self) -> tuple[float, ...]:
        """COCO's twelve numbers in its order: AP, AP50, AP75, APs, APm, APl, AR1, AR10, AR100, ARs, ARm, ARl.

        Where there is nothing to find COCO writes -1, we NaN.
        """
        sizes, limits = self.ap_by_size.values(), self.ar_by_limit.values()
        return (self.ap, self.ap50, self.ap75, *sizes, *limits, *self.ar_by_size.values())

    def resampled_ap(self, weights: Float64[np.ndarray, "B N"], thresholds: tuple[int, ...] = tuple(range(10))) -> Any:
        """AP of each draw (B) in which the images have these weights; draws without an object are NaN.

        Args:
            weights: by draw and image, such as how often a bootstrap drew each.
            thresholds: places in IOU_THRESHOLDS; (0,) gives AP50, which costs a tenth.

        Raises:
            InputError: weights that are not one per image, or below 0.
        """
        by_class = class_ap(self.table, weights, thresholds=thresholds)
        return _rows_mean(by_class.reshape(len(by_class), -1))

    def to_json(self) -> dict[str, Any]:
        """All scores as plain values; NaN becomes None."""
        limits = {str(limit): _plain(value) for limit, value in self.ar_by_limit.items()}
        return {
            "kind": self.kind,
            "images": self.table.images,
            "ap": _plain(self.ap),
            "ap50": _plain(self.ap50),
            "ap75": _plain(self.ap75),
            "ap_by_size": _plain_values(self.ap_by_size),
            "ar_by_limit": limits,
            "ar_by_size": _plain_values(self.ar_by_size),
            "ap_by_class": _plain_values(self.ap_by_class),
            "ap50_by_class": _plain_values(self.ap_by_class_at(0.5)),
            "ar_by_class": _plain_values(self.ar_by_class),
            "truths_by_class": self.truths_by_class,
            "protocol": self.protocol,
        }

    @cached_property
    def _ap(self) -> dict[str, NDArray[np.float64]]:
        """AP by threshold and class, for each range of areas."""
        return {name: class_ap(self.table, area=name)[0] for name in AREAS}

    def _by_class(self, values: NDArray[np.float64]) -> dict[str, float]:
        return dict(zip(self.classes[1:], values.tolist(), strict=True))


def coco_scores(
    truths: Sequence[Truth], found: Sequence[Found], classes: tuple[str, ...], kind: Kind = "boxes"
) -> DetectionScores:
    """COCO's AP and AR, over all and by class and size.

    Equal to COCO's program, which takes the boxes' areas for masks where a result file holds both; we take the masks'.
    Classes without a true object enter no mean and have NaN. With no true object at all everything is NaN; with no
    detection everything is 0. Images that hold only crowds add nothing but what is found outside them.

    Args:
        truths: the true objects, by image.
        found: the detections, by image, in any order.
        classes: their names, the background first.
        kind: whether boxes or masks are compared.

    Raises:
        InputError: no class but the background, or records that do not fit (see
            `pixelwise.metrics.detection.records.check_records`).

    >>> import torch
    >>> from pixelwise.metrics.detection.records import ImageDetections, ImageTruth
    >>> box, one = torch.tensor([[0.0, 0.0, 10.0, 10.0]]), torch.tensor([1])
    >>> truth = ImageTruth(box, one, torch.tensor([False]))
    >>> scores = coco_scores([truth], [ImageDetections(box, torch.tensor([0.9]), one)], ("background", "cow"))
    >>> round(scores.ap, 3)
    1.0
    """
    if len(classes) < 2:
        raise InputError("at least one class beside the background", f"{classes!r}", hint='("background", "cow")')
    return DetectionScores(classes, kind, match_objects(truths, found, len(classes) - 1, kind))


def _mean(values: NDArray[np.float64]) -> float:
    return float(_rows_mean(values.reshape(1, -1))[0])


def _rows_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of the numbers of each row, NaN where there are none (numpy's nanmean warns there)."""
    known = ~np.isnan(values)
    count = known.sum(1)
    mean: NDArray[np.float64] = np.where(count > 0, np.where(known, values, 0).sum(1) / np.maximum(count, 1), np.nan)
    return mean


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value


def _plain_values(values: dict[str, float]) -> dict[str, float | None]:
    return {name: _plain(value) for name, value in values.items()}

"""Matches of detections and true objects: matched once, so that every score and every resampling is arithmetic."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray

from pixelwise.metrics.detection.protocol import AREAS, IOU_THRESHOLDS, MAX_DETECTIONS

AREA_NAMES = tuple(AREAS)


@dataclass(frozen=True, eq=False)
class FoundObjects:
    """The detections of all images by image, class and falling score, at most 100 of each image and class.

    `place` is the detection's place in its image as given, `rank` its place by score among those of its image and
    class. `outside` tells, for each range of areas, which are outside it.
    """

    image: Int64[np.ndarray, " M"]
    place: Int64[np.ndarray, " M"]
    label: Int64[np.ndarray, " M"]
    score: Float64[np.ndarray, " M"]
    rank: Int64[np.ndarray, " M"]
    outside: Bool[np.ndarray, "A M"]


@dataclass(frozen=True, eq=False)
class TrueObjects:
    """The true objects of all images, in the order given.

    `ignored` tells, for each range of areas, which do not count: crowds, difficult ones, and those outside the range.
    """

    image: Int64[np.ndarray, " G"]
    place: Int64[np.ndarray, " G"]
    label: Int64[np.ndarray, " G"]
    crowd: Bool[np.ndarray, " G"]
    ignored: Bool[np.ndarray, "A G"]


@dataclass(frozen=True, eq=False)
class Pairs:
    """The detections and true objects of one image, of whatever class, that overlap by 0.1 or more."""

    found: Int64[np.ndarray, " P"]
    truth: Int64[np.ndarray, " P"]
    iou: Float64[np.ndarray, " P"]


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What the detections are worth in one range of areas and at one IoU threshold.

    `right` ones are matched to an object that counts; only `counted` ones are right or wrong. `truths` is the number
    of objects that count, by image and class (class 1 in column 0).
    """

    image: Int64[np.ndarray, " M"]
    label: Int64[np.ndarray, " M"]
    score: Float64[np.ndarray, " M"]
    right: Bool[np.ndarray, " M"]
    counted: Bool[np.ndarray, " M"]
    truths: Int64[np.ndarray, "N K"]


@dataclass(frozen=True, eq=False)
class MatchTable:
    """The sufficient statistics of every detection score.

    `partner` is, for each range of areas, IoU threshold and detection, the number of the true object it is matched to,
    or -1. `images` and `classes` are how many there are, classes without the background.
    """

    found: FoundObjects
    truth: TrueObjects
    pairs: Pairs
    partner: Int64[np.ndarray, "A T M"]
    images: int
    classes: int

    def outcomes(self, area: str = "all", threshold: int = 0, limit: int = MAX_DETECTIONS[-1]) -> Outcomes:
        """The outcomes in one range of areas, at one IoU threshold, for the best detections of each image and class.

        Args:
            area: one of AREAS.
            threshold: place in IOU_THRESHOLDS.
            limit: at most this many detections of an image and class count.
        """
        row = AREA_NAMES.index(area)
        kept = self.found.rank < limit
        partner = self.partner[row, threshold, kept]
        matched = partner >= 0
        set_aside = self.found.outside[row, kept]  # of those without a partner
        if len(self.truth.image):
            set_aside = np.where(matched, self.truth.ignored[row, partner], set_aside)
        return Outcomes(
            self.found.image[kept],
            self.found.label[kept],
            self.found.score[kept],
            matched & ~set_aside,
            ~set_aside,
            self._truths(row),
        )

    def _truths(self, row: int) -> NDArray[np.int64]:
        counted = ~self.truth.ignored[row]
        cells = self.truth.image[counted] * self.classes + self.truth.label[counted] - 1
        return np.bincount(cells, minlength=self.images * self.classes).reshape(self.images, self.classes)


def threshold_place(iou: float) -> int:
    """The place of 0.5, 0.55, ... in IOU_THRESHOLDS."""
    place = int(np.abs(IOU_THRESHOLDS - iou).argmin())
    assert abs(IOU_THRESHOLDS[place] - iou) < 1e-6, "one of IOU_THRESHOLDS"
    return place

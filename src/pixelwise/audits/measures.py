"""What can be measured on a table of statistics: each measure is a score of any group of images under any weights."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray

from pixelwise.audits.resampling import AT_ONCE, Weights, class_ious, divided, mean_over_classes
from pixelwise.audits.statistics.detection import match_table
from pixelwise.audits.statistics.table import Statistics
from pixelwise.errors import InputError
from pixelwise.metrics import FLOW_SUMS
from pixelwise.metrics.detection import image_counts
from pixelwise.metrics.detection.precision import outcomes_ap
from pixelwise.metrics.detection.protocol import IOU_THRESHOLDS
from pixelwise.metrics.detection.table import MatchTable, Outcomes

Values = Float64[np.ndarray, "..."]
Masks = Bool[np.ndarray, "N G"]
Owner = Int64[np.ndarray, " N"]
"""The number of the unit that each image belongs to: itself, a cluster, or several of these."""

ROUNDING = 1e-9
"""A share of a sum that may be lost by adding up 20,000 images in float64, with much to spare."""

SHARE_MARGIN = 0.05
"""A gap of five points of a share; where less matters, say so with --margin."""

EPE_MARGIN = 0.5
"""Half a pixel of motion."""

SHOWN_SCORE = 0.5
"""Where detections are counted one by one, those below this score are left out, as in the evaluation's report."""


@runtime_checkable
class Measure(Protocol):
    """A score of groups of images."""

    @property
    def name(self) -> str:
        """Such as "mean_iou" or "recall:cow"."""

    @property
    def what(self) -> str:
        """What it divides by what, in words."""

    @property
    def higher_is_better(self) -> bool:
        """Whether more is better."""

    @property
    def margin(self) -> float:
        """The gap that does not matter, where nobody says another."""

    def groups_and_rests(self, weights: Weights, masks: Masks) -> tuple[Values, Values]:
        """The score of each group (B, G) and of all other images (B, G), for each draw of weights."""

    def without_each(self, owner: Owner, masks: Masks) -> tuple[Values, Values]:
        """The same two scores (U, G) with the images of one owner 0..U-1 left out, for each owner."""


@dataclass(frozen=True, eq=False)
class SumMeasure:
    """A function of sums over images, such as a ratio of two: `columns` (N, C) are summed, then `score` is taken.

    `rate` marks a count of images over images, which has intervals in closed form: column 0 of column 1, all 0 or 1.
    """

    name: str
    what: str
    columns: Float64[np.ndarray, "N C"]
    score: Callable[[Values], Values]
    higher_is_better: bool = True
    margin: float = SHARE_MARGIN
    rate: bool = False

    def groups_and_rests(self, weights: Weights, masks: Masks) -> tuple[Values, Values]:
        """The score of each group and of all other images."""
        total = weights @ self.columns
        # Gathering the images of each group costs one product for all groups; masks would cost one for each.
        inside = [np.flatnonzero(mask) for mask in masks.T]
        parts = [total if len(each) == len(masks) else weights[:, each] @ self.columns[each] for each in inside]
        sums = np.stack(parts, axis=1)
        return self.score(sums), self.score(_less(total[:, None], sums))

    def without_each(self, owner: Owner, masks: Masks) -> tuple[Values, Values]:
        """The same two scores (U, G) with the images of one owner 0..U-1 left out, for each owner."""
        every, total = _owned(self.columns, owner, int(owner.max()) + 1), self.columns.sum(0)
        groups, rests = [], []
        for mask in masks.T:
            inside = _owned(self.columns[mask], owner[mask], len(every))
            left = inside.sum(0) - inside
            groups.append(self.score(_less(inside.sum(0), inside)))
            rests.append(self.score(_less(total, every + left)))
        return np.stack(groups, axis=1), np.stack(rests, axis=1)


@dataclass(frozen=True, eq=False)
class ApMeasure:
    """COCO's average precision, from matches; `thresholds` are places in IOU_THRESHOLDS."""

    name: str
    what: str
    table: MatchTable
    thresholds: tuple[int, ...]
    higher_is_better: bool = True
    margin: float = SHARE_MARGIN

    def groups_and_rests(self, weights: Weights, masks: Masks) -> tuple[Values, Values]:
        """The score of each group and of all other images."""
        chosen = [self.table.outcomes("all", each) for each in self.thresholds]
        both = [
            [self._score(chosen, weights, side[:, group]) for group in range(masks.shape[1])]
            for side in (masks, ~masks)
        ]
        groups, rests = (np.stack(side, axis=1) for side in both)
        return groups, rests

    def without_each(self, owner: Owner, masks: Masks) -> tuple[Values, Values]:
        """The same two scores (U, G) with the images of one owner 0..U-1 left out, for each owner."""
        weights = (owner != np.arange(int(owner.max()) + 1)[:, None]).astype(np.float64)
        step = max(1, AT_ONCE // len(owner))
        parts = [self.groups_and_rests(weights[at : at + step], masks) for at in range(0, len(weights), step)]
        groups, rests = (np.concatenate(side) for side in zip(*parts, strict=True))
        return groups, rests

    def _score(self, chosen: Sequence[Outcomes], weights: Weights, inside: NDArray[np.bool_]) -> Values:
        """The mean over thresholds and the classes that occur, on some of the images."""
        drawn = weights * inside
        values = np.stack([outcomes_ap(_of_images(each, inside), drawn) for each in chosen], axis=1)
        return mean_over_classes(values.reshape(len(weights), -1))


def measures_of(statistics: Statistics) -> dict[str, Measure]:
    """Every measure of the table's task by name, the one that stands for the task first."""
    offered: list[Measure] = {
        "classification": _classification,
        "segmentation": _segmentation,
        "detection": _detection,
        "flow": _flow,
    }[statistics.task](statistics)
    answered = statistics.answered.astype(np.float64)
    offered.append(
        _rate("answered", "images with an answer that can be judged, of all images", answered, np.ones(len(statistics)))
    )
    return {measure.name: measure for measure in offered}


def choose_measures(statistics: Statistics, names: Sequence[str]) -> list[Measure]:
    """Measures by name; without names the one that stands for the task, and "answered" where something failed.

    Raises:
        InputError: the task has no measure of that name.
    """
    offered = measures_of(statistics)
    unknown = [name for name in names if name not in offered]
    if unknown:
        raise InputError(f"a measure of {statistics.task}: {', '.join(offered)}", repr(unknown[0]), "check the name")
    if names:
        return [offered[name] for name in dict.fromkeys(names)]
    first = next(iter(offered))
    return [offered[first], offered["answered"]] if statistics.failures else [offered[first]]


def _classification(statistics: Statistics) -> list[Measure]:
    truth, answer = statistics.arrays["truth"], statistics.arrays["answer"]
    right = truth == answer
    measures: list[Measure] = [
        _rate(
            "accuracy",
            "images with the right class, of all images (no answer is not right)",
            right,
            np.ones(len(truth)),
        )
    ]
    for number, name in enumerate(statistics.classes):
        there, said = truth == number, answer == number
        measures.append(_rate(f"recall:{name}", f"images of {name} that were called so", right & there, there))
        measures.append(_rate(f"precision:{name}", f"images called {name} that are so", right & said, said))
    return measures


def _segmentation(statistics: Statistics) -> list[Measure]:
    counts = statistics.arrays["counts"].astype(np.float64)
    images, classes, _ = counts.shape
    flat = counts.reshape(images, -1)

    def mean_iou(sums: Values) -> Values:
        return mean_over_classes(class_ious(sums.reshape(*sums.shape[:-1], classes, 3)))

    single = mean_iou(flat)
    known = ~np.isnan(single)
    measures: list[Measure] = [
        SumMeasure("mean_iou", "mean over the classes of IoU, all pixels of all images pooled", flat, mean_iou),
        _ratio("image_iou", "mean over the images of their own mean IoU", np.where(known, single, 0), known),
        _ratio(
            "pixel_accuracy", "pixels of the right class, of all", counts[:, :, 0].sum(1), counts[:, :, ::2].sum((1, 2))
        ),
    ]
    for number, name in enumerate(statistics.classes):
        right, wrong, missed = counts[:, number].T
        measures.append(
            _ratio(f"iou:{name}", f"pixels rightly {name}, of those true or predicted", right, right + wrong + missed)
        )
        measures.append(_ratio(f"recall:{name}", f"pixels of {name} that were found", right, right + missed))
    return measures


def _detection(statistics: Statistics) -> list[Measure]:
    table = match_table(statistics)
    right, wrong, missed = image_counts(table, SHOWN_SCORE).astype(np.float64).T
    every = tuple(range(len(IOU_THRESHOLDS)))
    kept = f"of detections with a score of {SHOWN_SCORE} or more, at IoU 0.50"
    return [
        ApMeasure("ap50", "average precision at IoU 0.50, mean over the classes that occur", table, (0,)),
        ApMeasure("ap", "average precision at IoU 0.50 to 0.95, mean over the classes that occur", table, every),
        _ratio("recall", f"true objects that were found, {kept}", right, right + missed),
        _ratio("precision", f"detections that are right, {kept}", right, right + wrong),
    ]


def _flow(statistics: Statistics) -> list[Measure]:
    sums = dict(zip(FLOW_SUMS, statistics.arrays["sums"].T, strict=True))
    return [
        _ratio(
            "epe",
            "mean end-point error in pixels, all known pixels pooled",
            sums["error"],
            sums["pixels"],
            False,
            EPE_MARGIN,
        ),
        _ratio("fl", "pixels with an error above 3 px and 5 %, of all known", sums["outliers"], sums["pixels"], False),
    ]


def _rate(name: str, what: str, part: NDArray[np.generic], whole: NDArray[np.generic]) -> SumMeasure:
    columns = np.stack([part.astype(np.float64), whole.astype(np.float64)], axis=1)
    return SumMeasure(name, what, columns, _first_of_second, rate=True)


def _ratio(
    name: str,
    what: str,
    part: NDArray[np.generic],
    whole: NDArray[np.generic],
    higher_is_better: bool = True,
    margin: float = SHARE_MARGIN,
) -> SumMeasure:
    columns = np.stack([part.astype(np.float64), whole.astype(np.float64)], axis=1)
    return SumMeasure(name, what, columns, _first_of_second, higher_is_better, margin)


def _less(total: Values, part: Values) -> Values:
    """The total without the part.

    Where that is all there is, a rounding error of 0 may be left if the columns are no integers.
    """
    left: Values = total - part
    left[np.abs(left) < ROUNDING * np.abs(total)] = 0
    return left


def _owned(columns: Float64[np.ndarray, "N C"], owner: Owner, owners: int) -> Float64[np.ndarray, "U C"]:
    """Sums of the columns over the images of each owner."""
    return np.stack([np.bincount(owner, column, owners) for column in columns.T], axis=1)


def _first_of_second(sums: Values) -> Values:
    return divided(sums[..., 0], sums[..., 1])


def _of_images(outcomes: Outcomes, inside: NDArray[np.bool_]) -> Outcomes:
    """The detections in some of the images."""
    kept = inside[outcomes.image]
    return Outcomes(
        outcomes.image[kept],
        outcomes.label[kept],
        outcomes.score[kept],
        outcomes.right[kept],
        outcomes.counted[kept],
        outcomes.truths,
    )

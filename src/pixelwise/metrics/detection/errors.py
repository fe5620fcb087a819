"""Why detections are wrong, and what each kind of error costs.

Source: Bolya et al. 2020, "TIDE: a general toolbox for identifying object detection errors", sections 2.2 and 2.3, with
their thresholds 0.5 (found) and 0.1 (background) and, where a detection fits several definitions, the order in which
their program asks: location, class, duplicate, background, both. Differs from the paper: an overlap of exactly 0.5 is
found, not badly located; at most 100 detections of each image *and class* count, as for AP.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Int64
from numpy.typing import NDArray

from pixelwise.metrics.detection.precision import outcomes_ap
from pixelwise.metrics.detection.protocol import LOWEST_IOU
from pixelwise.metrics.detection.table import MatchTable, Outcomes

FOUND_IOU = 0.5
"""Bolya et al. 2020, section 2.2: the foreground threshold."""

ERROR_KINDS = ("class", "location", "both", "duplicate", "background", "missed")
"""Wrong class; right class but too far off; both; found once more; nothing there; object that nothing explains."""

CLASS, LOCATION, BOTH, DUPLICATE, BACKGROUND, MISSED = range(6)

ERROR_PROTOCOL = (
    "Errors at IoU 0.5 (Bolya et al. 2020). Location: overlaps an object of its class by 0.1 to 0.5. Class: overlaps "
    "an object of another class by 0.5 or more. Duplicate: a surer detection has its object. Background: overlaps no "
    "object by 0.1. Both: what is left, an overlap of 0.1 to 0.5 with another class. Missed: a true object without a "
    "detection that no class or location error explains. AP50 gained: how much AP50 rises if that kind of error alone "
    "is mended; the gains do not add up. Wrong detections of low scores are many and cost little."
)


@dataclass(frozen=True, eq=False)
class DetectionErrors:
    """The error of every detection and the missed objects.

    `kind` is a place in ERROR_KINDS for a wrong detection, -1 for others. `target` is the true object that a class or
    location error was meant for, -1 for others. `missed` marks true objects.
    """

    table: MatchTable
    kind: Int64[np.ndarray, " M"]
    target: Int64[np.ndarray, " M"]
    missed: Bool[np.ndarray, " G"]

    @property
    def counts(self) -> dict[str, int]:
        """How many errors of each kind there are."""
        detections = np.bincount(self.kind[self.kind >= 0], minlength=MISSED)
        return dict(zip(ERROR_KINDS, [*detections.tolist(), int(self.missed.sum())], strict=True))

    @property
    def gains(self) -> dict[str, float]:
        """By how much AP50 rises if only errors of one kind are mended; NaN without true objects.

        A class or location error becomes right if its object is free, the surest one first; it is removed otherwise.
        Both, duplicate and background errors are removed, and missed objects no longer asked for.
        """
        before = self.table.outcomes()
        base = _mean_ap(before)
        return {name: _mean_ap(self._mended(before, number)) - base for number, name in enumerate(ERROR_KINDS)}

    def _mended(self, before: Outcomes, number: int) -> Outcomes:
        if number == MISSED:
            truth = self.table.truth
            cells = truth.image[self.missed], truth.label[self.missed] - 1
            truths = before.truths.copy()
            np.subtract.at(truths, cells, 1)
            return replace(before, truths=truths)
        wrong = self.kind == number
        mended = np.zeros_like(wrong)
        if number in (CLASS, LOCATION):
            mended[self._first_for_free_objects(wrong)] = True
        label = before.label.copy()
        label[mended] = self.table.truth.label[self.target[mended]]
        kept = before.counted & (~wrong | mended)
        return replace(before, label=label, right=before.right | mended, counted=kept)

    def _first_for_free_objects(self, wrong: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The surest of these errors for each object that nothing has found."""
        taken = _taken(self.table)
        errors = np.flatnonzero(wrong)
        errors = errors[~taken[self.target[errors]]]
        errors = errors[np.argsort(-self.table.found.score[errors], kind="stable")]
        first: NDArray[np.int64] = errors[np.unique(self.target[errors], return_index=True)[1]]
        return first


def detection_errors(table: MatchTable) -> DetectionErrors:
    """Why each wrong detection is wrong at IoU 0.5, and which true objects are missed.

    Detections matched to crowds or difficult objects are no errors, and such objects are never missed.
    """
    counted = ~table.truth.ignored[0]
    pairs, truth = table.pairs, table.truth
    here = counted[pairs.truth]
    same = table.found.label[pairs.found] == truth.label[pairs.truth]
    count = len(table.found.image)
    own, own_object = _best(table, here & same, count)
    other, other_object = _best(table, here & ~same, count)
    wrong = table.partner[0, 0] < 0
    tests = [
        (own >= LOWEST_IOU) & (own < FOUND_IOU),
        other >= FOUND_IOU,
        own >= FOUND_IOU,
        np.maximum(own, other) < LOWEST_IOU,
    ]
    kind = np.where(wrong, np.select(tests, [LOCATION, CLASS, DUPLICATE, BACKGROUND], BOTH), -1)
    target = np.where(kind == LOCATION, own_object, np.where(kind == CLASS, other_object, -1))
    explained = _taken(table)
    explained[target[target >= 0]] = True
    return DetectionErrors(table, kind, target, counted & ~explained)


def _best(table: MatchTable, chosen: NDArray[np.bool_], count: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The largest overlap of each detection in some of the pairs, 0 where there is none, and with which object."""
    found, truth, iou = (part[chosen] for part in (table.pairs.found, table.pairs.truth, table.pairs.iou))
    order = np.lexsort((iou, found))
    last = order[np.flatnonzero(np.diff(found[order], append=-1))] if len(order) else order
    best, which = np.zeros(count), np.full(count, -1)
    best[found[last]], which[found[last]] = iou[last], truth[last]
    return best, which


def _taken(table: MatchTable) -> NDArray[np.bool_]:
    """Which true objects are found at IoU 0.5."""
    taken = np.zeros(len(table.truth.image), np.bool_)
    partner = table.partner[0, 0]
    taken[partner[partner >= 0]] = True
    return taken


def _mean_ap(outcomes: Outcomes) -> float:
    values = outcomes_ap(outcomes, np.ones((1, len(outcomes.truths))))
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")

"""Objects in images: detections matched with true objects once, by the evaluator."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pixelwise.audits.statistics.judge import UnusableError
from pixelwise.audits.statistics.samples import Sample
from pixelwise.audits.statistics.table import Statistics, Task
from pixelwise.errors import InputError
from pixelwise.metrics.detection import ImageDetections, match_objects
from pixelwise.metrics.detection.protocol import Kind
from pixelwise.metrics.detection.records import Found, Truth, check_records
from pixelwise.metrics.detection.table import FoundObjects, MatchTable, Pairs, TrueObjects

PARTS = {"found": FoundObjects, "truth": TrueObjects, "pairs": Pairs}
"""The records of a table of matches; their fields are arrays called PART.FIELD."""


class DetectionJudge:
    """Keeps the evaluator's table of matches as arrays, one for each of its fields, and `partner`.

    An answer is a record with boxes, scores and labels 1..K, such as `pixelwise.results.Detections`. Without an answer
    nothing is found.
    """

    task: Task = "detection"

    def __init__(self, classes: Sequence[str], kind: Kind = "boxes") -> None:
        """Fixes the order of the classes, the background first, and what is compared."""
        self.classes, self.kind = tuple(classes), kind

    def judge(self, sample: Sample, answer: Any) -> tuple[Truth, Found]:
        """The truth and the answer, checked.

        Raises:
            UnusableError: no such record, parts of unlike length, boxes or scores that are no numbers, other classes.
            InputError: the truth is no record of objects.
        """
        truth = self._truth(sample)
        if not isinstance(answer, Found):
            raise UnusableError(f"{type(answer).__name__} has no boxes, scores, labels and masks")
        try:
            check_records([truth], [answer], len(self.classes) - 1, self.kind)
        except InputError as problem:
            raise UnusableError(f"{problem.got} instead of {problem.wanted}") from problem
        return truth, answer

    def unanswered(self, sample: Sample) -> tuple[Truth, Found]:
        """The truth, and nothing found."""
        nothing = ImageDetections(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.int64), ())
        return self._truth(sample), nothing

    def arrays(self, rows: Sequence[tuple[Truth, Found]]) -> dict[str, NDArray[Any]]:
        """The matches of all images."""
        truths, found = [row[0] for row in rows], [row[1] for row in rows]
        table = match_objects(truths, found, len(self.classes) - 1, self.kind)
        arrays = {"partner": table.partner}
        for part, record in PARTS.items():
            arrays |= {f"{part}.{each.name}": getattr(getattr(table, part), each.name) for each in fields(record)}
        return arrays

    def _truth(self, sample: Sample) -> Truth:
        truth = sample.read_truth()
        if not isinstance(truth, Truth):
            raise InputError(
                f"a record of objects as the truth of {sample.name}",
                type(truth).__name__,
                hint="pixelwise.data.detection.objects.objects_of makes one",
            )
        return truth


def match_table(statistics: Statistics) -> MatchTable:
    """The table of matches that a detection audit keeps.

    Raises:
        InputError: an array is missing, as in a damaged file.
    """
    try:
        parts = {
            part: record(**{each.name: statistics.arrays[f"{part}.{each.name}"] for each in fields(record)})
            for part, record in PARTS.items()
        }
        partner = statistics.arrays["partner"]
    except KeyError as missing:
        raise InputError(
            "the statistics of a detection audit", f"no {missing}", hint="run the audit again"
        ) from missing
    images, classes = len(statistics), len(statistics.classes) - 1
    return MatchTable(parts["found"], parts["truth"], parts["pairs"], np.asarray(partner), images, classes)

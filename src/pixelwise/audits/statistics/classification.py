"""One class per image: right, wrong or no answer."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pixelwise.audits.statistics.judge import UnusableError, finite
from pixelwise.audits.statistics.samples import Sample
from pixelwise.audits.statistics.table import Task
from pixelwise.errors import InputError

NONE = -1
"""The answer of an image without one."""


class ClassificationJudge:
    """Keeps the true and the answered class of each image: arrays `truth` and `answer` (N), the latter -1 for none.

    An answer is a class name, a class number, or one score per class, of which the highest counts.
    """

    task: Task = "classification"

    def __init__(self, classes: Sequence[str]) -> None:
        """Fixes the order of the classes."""
        self.classes = tuple(classes)

    def judge(self, sample: Sample, answer: Any) -> tuple[int, int]:
        """The true and the answered class.

        Raises:
            UnusableError: no class of that name or number, scores of another number, or NaN.
            InputError: the truth is no class.
        """
        return self._truth(sample), class_number(answer, self.classes)

    def unanswered(self, sample: Sample) -> tuple[int, int]:
        """The true class, and none."""
        return self._truth(sample), NONE

    def arrays(self, rows: Sequence[tuple[int, int]]) -> dict[str, NDArray[Any]]:
        """All true and answered classes."""
        table = np.array(rows, dtype=np.int64).reshape(-1, 2)
        return {"truth": table[:, 0], "answer": table[:, 1]}

    def _truth(self, sample: Sample) -> int:
        try:
            return class_number(sample.read_truth(), self.classes)
        except UnusableError as problem:
            raise InputError(
                f"a class as the truth of {sample.name}", f"{problem}", hint=f"classes are {list(self.classes)[:8]}"
            ) from problem


def class_number(answer: Any, classes: Sequence[str]) -> int:
    """The class that an answer means.

    Args:
        answer: a class name, a class number, or one score per class, of which the highest counts.
        classes: their names.

    Raises:
        UnusableError: no class of that name or number, scores of another number, or NaN.
    """
    if isinstance(answer, str):
        if answer not in classes:
            raise UnusableError(f"no class is called {answer!r}")
        return classes.index(answer)
    values = answer.detach().cpu().numpy() if isinstance(answer, Tensor) else np.asarray(answer)
    if values.dtype.kind not in "iufb":
        raise UnusableError(f"{type(answer).__name__} is neither a class nor scores")
    finite(values)
    if values.size == len(classes) > 1 and values.dtype.kind == "f":
        return int(values.argmax())
    if values.size != 1 or values.dtype.kind == "f":
        raise UnusableError(f"{values.size} numbers for {len(classes)} classes")
    number = int(values.reshape(()))
    if not 0 <= number < len(classes):
        raise UnusableError(f"class {number} of {len(classes)}")
    return number

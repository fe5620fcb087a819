"""What a task must know to judge answers: one file per task fills it in."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pixelwise.audits.statistics.samples import Sample
from pixelwise.audits.statistics.table import Task


class UnusableError(Exception):
    """An answer that cannot be judged; the message says why, in a few words."""


@runtime_checkable
class Judge(Protocol):
    """Judges the answers of one task, one image at a time."""

    @property
    def task(self) -> Task:
        """Which task."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes; none for flow."""

    def judge(self, sample: Sample, answer: Any) -> Any:
        """The counts of one image.

        Raises:
            UnusableError: the answer cannot be judged.
        """

    def unanswered(self, sample: Sample) -> Any:
        """The counts of an image without an answer: all that was to be found is missed."""

    def arrays(self, rows: Sequence[Any]) -> dict[str, NDArray[Any]]:
        """The counts of all images, as `Statistics.arrays`."""


def finite(values: NDArray[Any]) -> NDArray[Any]:
    """The values.

    Raises:
        UnusableError: some are NaN or infinite.
    """
    wrong = int(values.size - np.isfinite(values).sum()) if values.dtype.kind == "f" else 0
    if wrong:
        raise UnusableError(f"{wrong} of {values.size} numbers are NaN or infinite")
    return values

"""What is asked of an evaluation, whatever the task."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

Progress = Callable[[int, int], None]


class Asked(NamedTuple):
    """`pixelwise.evaluation.evaluate` says what these are."""

    split: str | None = None
    out: Path | None = None
    splits: Path | None = None
    attributes: Path | None = None
    progress: Progress | None = None


def chosen_split(splits: Sequence[str]) -> str:
    """The part of a data set that a model is judged by where nobody says: test, else val, else everything."""
    return next((name for name in ("test", "val") if name in splits), "all")

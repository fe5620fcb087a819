"""What a task's results look like on the disk: one set of files for each image."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pixelwise.inference.inputs import Input

Progress = Callable[[int, int], None]


class Outcome(NamedTuple):
    """What is to be told of one image: in a line, and where there are such, each class's share and how many objects."""

    told: str
    shares: dict[str, float] | None = None
    objects: int | None = None


def _nothing_more(out: Path, inputs: Sequence[Input]) -> tuple[Path, ...]:
    return ()


class ResultFiles(NamedTuple):
    """The files of one image, by their endings, and the function that writes them.

    `write` is called with the image, the path of each ending, and a listener for its tiles. `noted` is what the results
    depend on beside the weights, as plain JSON: a folder holds results of one such note alone. `finish` is called once
    with the folder and all images that have results, and gives the files it adds for all of them together.
    """

    endings: tuple[str, ...]
    write: Callable[[Input, Mapping[str, Path], Progress | None], Outcome]
    noted: Mapping[str, Any]
    finish: Callable[[Path, Sequence[Input]], tuple[Path, ...]] = _nothing_more

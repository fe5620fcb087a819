"""The table of an audit: a row per image with its outcome, attributes and counts; it fits in one file."""

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Bool, Int64
from numpy.typing import NDArray

from pixelwise.errors import InputError
from pixelwise.files import write_named

Task = Literal["classification", "segmentation", "detection", "flow"]

ANSWERED = "answered"
"""The outcome of an image on which the model said something that can be judged."""

NO_ANSWER = "no answer"
"""The outcome of an image on which the model returned None."""

FORMAT = 1
"""Raised when a reader of the old form would misread the new one."""


@dataclass(frozen=True, eq=False)
class Statistics:
    """What a model did on N images.

    `outcomes` say for each image "answered", "no answer", or why its answer cannot be judged. `attributes` are columns
    of words, `numbers` columns of measured values (NaN where there is none). `arrays` hold the counts of the task, as
    its file in this folder describes; all that follows is arithmetic on them. `source` says which model and data they
    come from.
    """

    task: Task
    classes: tuple[str, ...]
    names: tuple[str, ...]
    outcomes: tuple[str, ...]
    attributes: Mapping[str, tuple[str, ...]]
    arrays: Mapping[str, NDArray[Any]]
    numbers: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    source: str = ""

    def __len__(self) -> int:
        return len(self.names)

    @property
    def answered(self) -> Bool[np.ndarray, " N"]:
        """Which images have an answer that can be judged."""
        return np.array([outcome == ANSWERED for outcome in self.outcomes], dtype=np.bool_)

    @property
    def failures(self) -> dict[str, str]:
        """Why, for each image whose answer cannot be judged or is missing."""
        pairs = zip(self.names, self.outcomes, strict=True)
        return {name: outcome for name, outcome in pairs if outcome != ANSWERED}

    def rows(self, names: Sequence[str]) -> Int64[np.ndarray, " M"]:
        """The places of images by name.

        Raises:
            InputError: an image is not in the table.
        """
        place = {name: number for number, name in enumerate(self.names)}
        missing = [name for name in names if name not in place]
        if missing:
            raise InputError(
                f"the same images ({len(self.names)})",
                f"{len(missing)} others, such as {missing[0]}",
                hint="run both models on the same split of the same folder",
            )
        return np.array([place[name] for name in names], dtype=np.int64)

    def save(self, path: str | Path) -> None:
        """Writes the table as one .npz file without pickles.

        Raises:
            InputError: the path cannot be written.
        """
        about = {
            "format": FORMAT,
            "task": self.task,
            "classes": self.classes,
            "source": self.source,
            "names": self.names,
            "outcomes": self.outcomes,
            "attributes": dict(self.attributes),
        }
        content = BytesIO()
        parts = {f"array:{name}": array for name, array in self.arrays.items()}
        parts |= {f"number:{name}": array for name, array in self.numbers.items()}
        np.savez_compressed(content, about=np.array(json.dumps(about)), **parts)  # type: ignore[arg-type]
        write_named(Path(path), content.getvalue())


def load_statistics(path: str | Path) -> Statistics:
    """The table that `Statistics.save` wrote. Nothing in the file is executed.

    Raises:
        InputError: no such file, another format, or a damaged one.
    """
    try:
        # numpy itself would leave a damaged archive open.
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as content:
            about = json.loads(str(content["about"]))
            parts = {name: content[name] for name in content.files if name != "about"}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError, RecursionError) as error:
        raise InputError("a table of statistics", f"{path}: {type(error).__name__}: {error}", HINT) from error
    fault = _fault(about, parts)
    if fault:
        raise InputError("a table of statistics", f"{path}: {fault}", HINT)
    return Statistics(
        task=about["task"],
        classes=tuple(about["classes"]),
        names=tuple(about["names"]),
        outcomes=tuple(about["outcomes"]),
        attributes={name: tuple(column) for name, column in about["attributes"].items()},
        arrays={name.removeprefix("array:"): part for name, part in parts.items() if name.startswith("array:")},
        numbers={name.removeprefix("number:"): part for name, part in parts.items() if name.startswith("number:")},
        source=about["source"],
    )


HINT = "make it again: pixelwise audit RUN DATA --out REPORT"


def _fault(about: Any, parts: Mapping[str, NDArray[Any]]) -> str:
    """What no audit could have written, or nothing."""
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        return f"format {about.get('format') if isinstance(about, dict) else about!r}, not {FORMAT}"
    if about.get("task") not in get_args(Task):
        return f"task {about.get('task')!r}"
    columns = about.get("attributes")
    if not isinstance(columns, dict) or not isinstance(about.get("source"), str):
        return "no attributes or no source"
    images = about.get("names")
    count = len(images) if isinstance(images, list) else -1
    for name, column in {"names": images, "outcomes": about.get("outcomes"), **columns}.items():
        if not isinstance(column, list) or len(column) != count or not all(isinstance(cell, str) for cell in column):
            return f"the column {name!r} is not {count} words"
    classes = about.get("classes")
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        return f"classes {classes!r}"
    wrong = [name for name, part in parts.items() if name.startswith("number:") and part.shape != (count,)]
    return f"{wrong[0]} is not a number for each image" if wrong else ""

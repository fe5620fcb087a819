"""What a task adds to training: the steps between a folder and a finished run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from pixelwise.inference.run_record import RunRecord
from pixelwise.training.hardware import Hardware
from pixelwise.training.listener import Listener
from pixelwise.training.start import DataSource


@runtime_checkable
class Settings(Protocol):
    """What the settings of every recipe have."""

    @property
    def precision(self) -> str:
        """Arithmetic: 32, bf16 or 16."""


class Recipe(NamedTuple):
    """The steps of one task, in the order in which `pixelwise.training.train` takes them.

    `settings` checks what the user asked for, by name. A new run goes through `begin`, which examines the data and
    gives the record of the run and the data; one that is continued through `reopen`, which makes sure that the data is
    what it was. `fit` trains and writes the weights. `report` writes report.html and gives the scores on validation
    images, None where there are none.
    """

    settings: Callable[[dict[str, Any]], Settings]
    begin: Callable[[DataSource, Any, Listener], tuple[RunRecord, Any]]
    reopen: Callable[[DataSource, RunRecord, Listener], Any]
    fit: Callable[[Path, RunRecord, Any, Hardware, Listener], None]
    report: Callable[[Path, RunRecord, Any, Hardware], Any]

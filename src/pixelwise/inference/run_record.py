"""What run.json says of a run, whatever its task."""

from dataclasses import dataclass, field
from typing import Any

from pixelwise.data.classes import ClassTable

Channels = tuple[float, float, float]
"""One number for each of red, green and blue."""


@dataclass(frozen=True)
class RunRecord:
    """The content of run.json.

    `model_settings` are the keyword arguments of the catalog's builder; `settings` those of the training recipe;
    `finished` is false until the weights are written. `classes` and `class_pixels` (the training set's pixels per
    class, from which the majority baseline follows) are there where label maps are; `facts` are what else a task needs
    to know of its data, as plain JSON, such as the class names of boxes. `pixelwise.inference.run_tasks` says which
    task has which.
    """

    task: str
    model: str
    model_settings: dict[str, Any]
    classes: ClassTable | None
    mean: Channels
    std: Channels
    settings: dict[str, Any]
    data: dict[str, Any]
    class_pixels: tuple[int, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    finished: bool = False
    facts: dict[str, Any] = field(default_factory=dict)

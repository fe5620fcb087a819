"""The samples of an audit with their task and classes: from a folder, opened as the model's task asks, or given."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixelwise.audits.statistics.classification import ClassificationJudge
from pixelwise.audits.statistics.detection import DetectionJudge
from pixelwise.audits.statistics.flow import FlowJudge
from pixelwise.audits.statistics.judge import Judge
from pixelwise.audits.statistics.samples import Sample, detection_samples, flow_samples, segmentation_samples
from pixelwise.audits.statistics.segmentation import SegmentationJudge
from pixelwise.audits.statistics.table import Task
from pixelwise.data.classes import ClassTable
from pixelwise.data.detection.folder import DetectionFolder, open_detection
from pixelwise.data.flow import FlowFolder, open_flow
from pixelwise.data.folder import SegmentationFolder, open_folder
from pixelwise.errors import InputError
from pixelwise.evaluation.asked import chosen_split

AnyFolder = SegmentationFolder | DetectionFolder | FlowFolder

JUDGES: dict[Task, Callable[[Sequence[str]], Judge]] = {
    "classification": ClassificationJudge,
    "segmentation": SegmentationJudge,
    "detection": DetectionJudge,
    "flow": lambda classes: FlowJudge(),
}


@dataclass(frozen=True, eq=False)
class SampleSet:
    """Samples of one task.

    `classes` are the names of the classes in the order of their numbers: the background first where there is one
    (detection always has it), none for flow. `name` is what a report calls the data.
    """

    task: Task
    classes: tuple[str, ...]
    samples: Sequence[Sample]
    name: str = "samples"

    @property
    def judge(self) -> Judge:
        """What judges answers to them."""
        return JUDGES[self.task](self.classes)


def sample_set(model: Any, data: Any, split: str | None = None, attributes: Path | None = None) -> SampleSet:
    """The samples that a model is to be asked about.

    Args:
        model: what will be asked; a predictor says its task and its classes.
        data: a folder, one that is open already, or a `SampleSet`. A path with a plain function is a folder of images
            and label maps.
        split: which part of a folder; None takes test, or val where there is no test, or everything.
        attributes: a CSV of attributes by file name, where it is not the folder's own.

    Raises:
        InputError: no such folder or split, files that cannot be read, or data of another task than the model's.
    """
    if isinstance(data, SampleSet):
        return data
    record = getattr(model, "record", None)
    folder = data if isinstance(data, AnyFolder) else _opened(Path(data), model, attributes)
    task, take = next(OPENED[kind] for kind in OPENED if isinstance(folder, kind))
    if record is not None and record.task != task:
        raise InputError(f"data of {record.task}", f"{task} data in {folder.root}", "open the folder for the task")
    chosen = split or chosen_split(folder.splits)
    part = folder if chosen == "all" else folder.only(chosen)
    classes, samples = take(part, model, attributes)
    name = f"{folder.root.name}, {'all images' if chosen == 'all' else f'split {chosen}'}"
    return SampleSet(task, classes, samples, name)


def _opened(root: Path, model: Any, attributes: Path | None) -> AnyFolder:
    """The folder as the model's task reads it."""
    record = getattr(model, "record", None)
    task = "segmentation" if record is None else record.task
    table = None if record is None else record.classes
    if task == "detection":
        return open_detection(root, model.classes, masks=False, table=table)
    if task == "flow":
        return open_flow(root)
    return open_folder(root, table, attributes=attributes)


Taken = tuple[tuple[str, ...], list[Sample]]


def _segmentation(folder: Any, model: Any, attributes: Path | None) -> Taken:
    record = getattr(model, "record", None)
    table: ClassTable = folder.classes if record is None else record.classes
    return table.names, segmentation_samples(folder, table)


def _detection(folder: Any, model: Any, attributes: Path | None) -> Taken:
    return folder.classes, detection_samples(folder, attributes)


def _flow(folder: Any, model: Any, attributes: Path | None) -> Taken:
    return (), flow_samples(folder, attributes)


OPENED: dict[type, tuple[Task, Callable[[Any, Any, Path | None], Taken]]] = {
    SegmentationFolder: ("segmentation", _segmentation),
    DetectionFolder: ("detection", _detection),
    FlowFolder: ("flow", _flow),
}

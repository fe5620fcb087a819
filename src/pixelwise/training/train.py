"""Training from a folder to a run folder, one call, whatever the task."""

import dataclasses
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pixelwise.errors import InputError
from pixelwise.evaluation.evaluate import AnyScores
from pixelwise.inference.predictor import Predictor, load
from pixelwise.inference.run_folder import read_record, write_record
from pixelwise.inference.run_record import RunRecord
from pixelwise.training.detection.recipe import DETECTION
from pixelwise.training.flow.recipe import FLOW
from pixelwise.training.hardware import Hardware
from pixelwise.training.listener import Listener
from pixelwise.training.recipe import Recipe
from pixelwise.training.segmentation.recipe import SEGMENTATION
from pixelwise.training.start import DataSource, check_free, check_same_settings

RECIPES: dict[str, Recipe] = {"segmentation": SEGMENTATION, "detection": DETECTION, "flow": FLOW}


@dataclass(frozen=True)
class Run:
    """A finished training run: where it is, and its scores on the validation images (None where there are none)."""

    folder: Path
    scores: AnyScores | None

    def predictor(self) -> Predictor:
        """The trained model, ready to predict."""
        return load(self.folder)


def train(  # noqa: PLR0913 - keyword arguments of the one door to training
    task: str,
    data: str | Path,
    *,
    out: str | Path,
    resume: bool = False,
    classes: str | Path | None = None,
    splits: str | Path | None = None,
    attributes: str | Path | None = None,
    device: str = "auto",
    workers: int | None = None,
    memory: str = "1GB",
    listener: Listener | None = None,
    **settings: Any,
) -> Run:
    """Trains a model on a folder and leaves a run folder.

    It holds run.json, model.safetensors, metrics.csv, checkpoints/, tensorboard/ and report.html.

    Args:
        task: "segmentation", "detection" or "flow".
        data: a folder of images with label maps (docs/guides/your_own_folder.md), with boxes
            (docs/guides/detection.md), or of pairs with their motion (docs/guides/flow_data.md).
        out: the run folder; must not hold a run already, unless resumed.
        resume: continue the run in `out` after its last finished epoch, with its own settings and files; the weights
            come out as if it had never stopped.
        classes: a file of class names, and of stored values for label maps; None takes those of the folder.
        splits: a file that says which image belongs to which split; None takes the folder's own.
        attributes: a file of attributes of the images, for the setting `groups`; None takes the folder's own.
        device: "auto", "cpu" or "cuda".
        workers: processes that read images; None chooses.
        memory: budget for validation images, which are predicted whole or in tiles.
        listener: who is told about progress.
        settings: see `SegmentationSettings`, `DetectionSettings` and `FlowSettings`.

    Raises:
        InputError: data that the doctor calls fatal, settings out of range, a run folder in the way, or a loss that is
            not finite.
        KeyboardInterrupt: stopped by Ctrl-C; `resume=True` continues.
    """
    recipe = RECIPES.get(task)
    if recipe is None:
        raise InputError(f"a task of: {', '.join(RECIPES)}", repr(task), "pixelwise train segmentation DATA --out RUN")
    if find_spec("lightning") is None:
        raise InputError("the package lightning", "none", "pip install 'pixelwise[train]'")
    hardware = Hardware(device, workers, memory)
    tell = listener or Listener()
    run = Path(out)
    if attributes is not None and task != "segmentation":
        raise InputError("attributes for training over groups, which segmentation has", task, "leave attributes away")
    source = DataSource(Path(data), *(None if file is None else Path(file) for file in (classes, splits, attributes)))
    if resume:
        record = _resumed(run, task, settings, source)
        hardware.check(recipe.settings(record.settings).precision)
        folder = recipe.reopen(source.or_those_of(record), record, tell)
    else:
        wanted = recipe.settings(settings)
        hardware.check(wanted.precision)
        check_free(run)
        record, folder = recipe.begin(source, wanted, tell)
        write_record(run, record)
    recipe.fit(run, record, folder, hardware, tell)
    scores = recipe.report(run, record, folder, hardware)
    write_record(run, dataclasses.replace(record, finished=True))
    return Run(run, scores)


def _resumed(run: Path, task: str, settings: dict[str, Any], source: DataSource) -> RunRecord:
    """The record of a run that can be continued."""
    record = read_record(run)
    if record.task != task:
        raise InputError(f"a run of {task} to resume", f"{run}, one of {record.task}", f"train {record.task} instead")
    check_same_settings(record, settings)
    if record.finished:
        raise InputError(
            "an unfinished run to resume", f"{run}, which has finished", f"pixelwise evaluate {run} {source.root}"
        )
    return record

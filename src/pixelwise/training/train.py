"""Training from a folder of images and label maps to a run folder, one call."""

import dataclasses
import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from pixelwise.data.folder import SegmentationFolder
from pixelwise.data.transforms import Augmentation, light, none, strong
from pixelwise.dense.probes.sizes import AcceptedSizes
from pixelwise.dense.tiles.memory import parse_bytes
from pixelwise.errors import InputError
from pixelwise.evaluation.scores import Scores
from pixelwise.files import write_text
from pixelwise.inference.predictor import Predictor, load
from pixelwise.inference.run_folder import (
    RunRecord,
    build_model,
    check_weights,
    read_record,
    write_record,
    write_weights,
)
from pixelwise.models.starting_weights import start_from
from pixelwise.training.class_weights import balanced_weights
from pixelwise.training.crops import Crops, WholeImages
from pixelwise.training.listener import Listener
from pixelwise.training.report import write_training_report
from pixelwise.training.sampling import count_pixels
from pixelwise.training.settings import SegmentationSettings, settings_from
from pixelwise.training.split import training_and_validation
from pixelwise.training.start import (
    DataSource,
    check_free,
    check_same_data,
    check_same_settings,
    healthy_folder,
    new_record,
)

AUGMENTATIONS = {"none": none, "light": light, "strong": strong}
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class Run:
    """A finished training run: where it is, and its scores on the validation images (None where there are none)."""

    folder: Path
    scores: Scores | None

    def predictor(self) -> Predictor:
        """The trained model, ready to predict."""
        return load(self.folder)


@dataclass(frozen=True)
class Hardware:
    """Where and how fast a run computes; nothing here is kept in run.json.

    `device`: auto, cpu or cuda. `workers`: processes that read images; None chooses. `memory`: budget for validation
    images, which are predicted whole or in tiles.
    """

    device: str = "auto"
    workers: int | None = None
    memory: str = "1GB"

    def check(self, precision: str) -> None:
        """Finds what would fail only after the data has been examined.

        Raises:
            InputError: an unknown or missing device, a negative number of workers, no memory size, or arithmetic that
                the device does not have.
        """
        if self.device not in DEVICES:
            raise InputError(f"a device of {', '.join(DEVICES)}", repr(self.device), "check the spelling")
        if self.device == "cuda" and not torch.cuda.is_available():
            raise InputError("a GPU that torch can use", "none on this machine", "use --device cpu")
        if precision == "16" and (self.device == "cpu" or not torch.cuda.is_available()):
            raise InputError("a GPU for float16", "a CPU", "use --precision bf16, or 32")
        if self.workers is not None and self.workers < 0:
            raise InputError("0 or more workers", str(self.workers), "leave --workers away to let pixelwise choose")
        parse_bytes(self.memory)

    @property
    def readers(self) -> int:
        """The number of reading processes."""
        if self.workers is not None:
            return self.workers
        # On few cores reading processes take from training what they give it.
        cores = os.cpu_count() or 1
        return 0 if cores <= 2 else min(4, cores - 2)


def train(  # noqa: PLR0913 - keyword arguments of the one door to training
    task: str,
    data: str | Path,
    *,
    out: str | Path,
    resume: bool = False,
    classes: str | Path | None = None,
    splits: str | Path | None = None,
    device: str = "auto",
    workers: int | None = None,
    memory: str = "1GB",
    listener: Listener | None = None,
    **settings: Any,
) -> Run:
    """Trains a model on a folder and leaves a run folder.

    It holds run.json, model.safetensors, metrics.csv, checkpoints/, tensorboard/ and report.html.

    Args:
        task: "segmentation".
        data: a folder of images with label maps; see docs/guides/your_own_folder.md for its forms.
        out: the run folder; must not hold a run already, unless resumed.
        resume: continue the run in `out` after its last finished epoch, with its own settings, classes and splits; the
            weights come out as if it had never stopped.
        classes: a file of class names and stored values; None takes classes.txt in the folder.
        splits: a file that says which image belongs to which split; None takes the folder's own.
        device: "auto", "cpu" or "cuda".
        workers: processes that read images; None chooses.
        memory: budget for validation images, which are predicted whole or in tiles.
        listener: who is told about progress.
        settings: see `SegmentationSettings`.

    Raises:
        InputError: data that the doctor calls fatal, settings out of range, a run folder in the way, or a loss that is
            not finite.
        KeyboardInterrupt: stopped by Ctrl-C; `resume=True` continues.
    """
    if task != "segmentation":
        raise InputError("a task of: segmentation", repr(task), "pixelwise train segmentation DATA --out RUN")
    if find_spec("lightning") is None:
        raise InputError("the package lightning", "none", "pip install 'pixelwise[train]'")
    hardware = Hardware(device, workers, memory)
    tell = listener or Listener()
    run = Path(out)
    source = DataSource(
        Path(data), None if classes is None else Path(classes), None if splits is None else Path(splits)
    )
    if resume:
        record, folder = _resumed(run, source, settings, hardware, tell)
    else:
        record, folder = _begun(run, source, settings, hardware, tell)
    _fit(run, record, folder, hardware, tell)
    _, validation = training_and_validation(folder, settings_from(record.settings))
    scores = write_training_report(run, load(run, memory), validation)
    write_record(run, dataclasses.replace(record, finished=True))
    return Run(run, scores)


def _begun(
    run: Path, source: DataSource, settings: dict[str, Any], hardware: Hardware, tell: Listener
) -> tuple[RunRecord, SegmentationFolder]:
    wanted = settings_from(settings)
    hardware.check(wanted.precision)
    check_free(run)
    folder, diagnosis = healthy_folder(source, tell)
    record = new_record(source, folder, diagnosis, wanted, tell)
    write_record(run, record)
    return record, folder


def _resumed(
    run: Path, source: DataSource, settings: dict[str, Any], hardware: Hardware, tell: Listener
) -> tuple[RunRecord, SegmentationFolder]:
    record = read_record(run)
    hardware.check(settings_from(record.settings).precision)
    check_same_settings(record, settings)
    if record.finished:
        raise InputError(
            "an unfinished run to resume", f"{run}, which has finished", f"pixelwise evaluate {run} {source.root}"
        )
    folder, _ = healthy_folder(source.or_those_of(record), tell)
    check_same_data(record, folder)
    return record, folder


def _fit(run: Path, record: RunRecord, folder: SegmentationFolder, hardware: Hardware, tell: Listener) -> None:
    # Lightning takes seconds to import, and loading or predicting needs none of it.
    from pixelwise.training.checkpoints import (  # noqa: PLC0415
        BEST,
        finished_epochs,
        newest_checkpoint,
        weights_in,
    )
    from pixelwise.training.fit import fit  # noqa: PLC0415
    from pixelwise.training.task import SegmentationTask  # noqa: PLC0415

    settings = settings_from(record.settings)
    training, validation = training_and_validation(folder, settings)
    torch.manual_seed(settings.seed)
    model = build_model(record)
    crops = training_crops(training, model, settings, tell)
    steps = settings.epochs * -(-len(crops) // settings.batch_size)
    shape = "x".join(map(str, crops.augmentation.crop or ()))
    tell.note(f"{len(crops)} crops of {shape} in an epoch, {steps} steps in all, {len(validation)} validation images")
    checkpoint = newest_checkpoint(run, tell.note)
    if checkpoint is not None:
        check_weights(weights_in(checkpoint), model.model, checkpoint)
        tell.note(f"continuing after epoch {finished_epochs(checkpoint)} of {settings.epochs}")
    elif settings.weights:
        report = str(start_from(model.model, settings.weights))
        write_text(run / "starting_weights.txt", report + "\n")
        tell.note(report)
    weights = balanced_weights(record.class_pixels) if settings.class_weights == "balanced" else None
    task = SegmentationTask(model, settings, record.classes.names, weights, steps, hardware.memory)
    fit(task, crops, validation, run, checkpoint, hardware.device, hardware.readers, tell.epoch)
    best, last = run / "checkpoints" / BEST, newest_checkpoint(run, tell.note)
    assert last is not None, "fit has written it"
    # From the file, not from the network in memory: of a run that had finished its epochs, that is not the average.
    model.model.load_state_dict(weights_in(best if settings.keep == "best" and best.is_file() else last))
    write_weights(run, model.model)


def training_crops(
    images: WholeImages, model: torch.nn.Module, settings: SegmentationSettings, tell: Listener
) -> Crops:
    """The crops of an epoch, as the settings describe them, of a size that the model accepts."""
    pixels = None
    if settings.sampling == "balanced":
        tell.note(f"counting the classes of {len(images)} label maps")
        pixels = count_pixels((images.labels(index) for index in range(len(images))), len(images.classes.names))
    augmentation = _augmentation(model, settings)
    return Crops(images, augmentation, settings.crops_per_image, settings.seed, settings.loss, pixels)


def _augmentation(model: torch.nn.Module, settings: SegmentationSettings) -> Augmentation:
    crop = AcceptedSizes(model).smallest((settings.crop, settings.crop))
    augmentation = AUGMENTATIONS[settings.augment](crop)
    if not settings.turns:
        return augmentation
    geometry = dataclasses.replace(augmentation.geometry, flip_vertical=True, rotate90=True)
    return Augmentation(crop, geometry, augmentation.colour)

"""Training from a folder of images and label maps to a run folder, one call."""

import dataclasses
import importlib.metadata
import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pixelwise.data.doctor import Diagnosis, examine
from pixelwise.data.folder import SegmentationFolder, fingerprint, open_folder
from pixelwise.data.transforms import Augmentation, light, none, strong
from pixelwise.dense.sizes import AcceptedSizes
from pixelwise.errors import InputError
from pixelwise.evaluation.scores import Scores
from pixelwise.inference.predictor import Predictor, load
from pixelwise.inference.run_folder import RunRecord, build_model, read_record, write_record, write_weights
from pixelwise.training.crops import Crops, WholeImages, channel_statistics
from pixelwise.training.draws import generator_for
from pixelwise.training.report import write_training_report
from pixelwise.training.settings import SegmentationSettings, settings_from

Progress = Callable[[int, int], None]
AUGMENTATIONS = {"none": none, "light": light, "strong": strong}
PACKAGES = ("pixelwise", "torch", "lightning", "numpy")


@dataclass(frozen=True)
class Run:
    """A finished training run: where it is, and its scores on the validation images (None where there are none)."""

    folder: Path
    scores: Scores | None

    def predictor(self) -> Predictor:
        """The trained model, ready to predict."""
        return load(self.folder)


@dataclass(frozen=True)
class Listener:
    """Who is told what during training; the default tells nobody.

    `note`: one line of text. `examined`: (images examined, images in all). `epoch`: an epoch's row of metrics.csv.
    """

    note: Callable[[str], None] = lambda _: None
    examined: Progress | None = None
    epoch: Callable[[dict[str, float]], None] | None = None


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
        resume: continue the run in `out` after its last finished epoch, with its own settings; the weights come out as
        if it had never stopped.
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
    """
    if task != "segmentation":
        raise InputError("a task of: segmentation", repr(task), "pixelwise train segmentation DATA --out RUN")
    tell = listener or Listener()
    run = Path(out)
    folder, diagnosis = _healthy_folder(Path(data), classes, splits, tell)
    if resume:
        record = _resumed_record(run, folder, settings)
    else:
        _check_free(run)
        record = _new_record(folder, diagnosis, settings_from(settings), tell)
        write_record(run, record)
    _fit(run, record, folder, device, workers, memory, tell)
    return Run(run, _report(run, folder, record, memory))


def _healthy_folder(
    root: Path, classes: str | Path | None, splits: str | Path | None, tell: Listener
) -> tuple[SegmentationFolder, Diagnosis]:
    files = (None if classes is None else Path(classes), None if splits is None else Path(splits))
    diagnosis = examine(root, *files, progress=tell.examined)
    if diagnosis.fatal:
        listed = "; ".join(f"{fault.file}: {fault.found}" for fault in diagnosis.fatal[:3])
        raise InputError(
            f"a data set without fatal faults at {root}",
            f"{len(diagnosis.fatal)}: {listed}{' ...' if len(diagnosis.fatal) > 3 else ''}",
            f"see all of them, with what to do, by `pixelwise data check {root}`",
        )
    return open_folder(root, diagnosis.classes, files[1]), diagnosis


def _check_free(run: Path) -> None:
    if run.is_file() or (run.is_dir() and any(run.iterdir())):
        raise InputError(
            "a new folder for the run",
            f"{run}, which is there already",
            "choose another --out, or continue that run with --resume",
        )


def _new_record(
    folder: SegmentationFolder, diagnosis: Diagnosis, settings: SegmentationSettings, tell: Listener
) -> RunRecord:
    training = train_items(folder, settings)[0]
    tell.note(f"{len(training)} training images, {len(folder.classes.names)} classes; measuring their brightness")
    mean, std = channel_statistics(training)
    record = RunRecord(
        task="segmentation",
        model=settings.model,
        model_settings=settings.model_settings,
        classes=folder.classes,
        mean=mean,
        std=std,
        settings=dataclasses.asdict(settings),
        data={"name": folder.root.resolve().name, "fingerprint": fingerprint(folder)},
        class_pixels=_training_pixels(diagnosis, folder),
        versions={"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in PACKAGES},
    )
    build_model(record)  # a wrong name or setting of the model should be said before a folder is made
    return record


def _resumed_record(run: Path, folder: SegmentationFolder, given: dict[str, Any]) -> RunRecord:
    record = read_record(run)
    changed = [
        f"{name} {record.settings.get(name)!r} -> {value!r}"
        for name, value in given.items()
        if record.settings.get(name) != value
    ]
    if changed:
        raise InputError(
            "the settings the run was started with",
            "; ".join(changed),
            "leave these options away with --resume, or start a new run",
        )
    if record.data.get("fingerprint") != fingerprint(folder):
        raise InputError(
            f"the data the run was started on ({record.data.get('name')})",
            f"other files or another split at {folder.root}",
            "restore the data, or start a new run",
        )
    if record.finished:
        raise InputError(
            "an unfinished run to resume", f"{run}, which has finished", f"pixelwise evaluate {run} {folder.root}"
        )
    return record


def train_items(folder: SegmentationFolder, settings: SegmentationSettings) -> tuple[WholeImages, WholeImages]:
    """Training and validation images: the splits train and val, or a seeded share of train where there is no val."""
    training = list(folder.only("train").items)
    if "val" in folder.splits:
        validation = list(folder.only("val").items)
    else:
        order = torch.randperm(len(training), generator=generator_for(settings.seed, 3)).tolist()
        # At least one image stays on each side, unless nothing is to be held out.
        count = min(len(training) - 1, max(1, round(settings.holdout * len(training)))) if settings.holdout else 0
        held = set(order[:count])
        validation = [item for index, item in enumerate(training) if index in held]
        training = [item for index, item in enumerate(training) if index not in held]
    return WholeImages(training, folder.classes), WholeImages(validation, folder.classes)


def _fit(
    run: Path,
    record: RunRecord,
    folder: SegmentationFolder,
    device: str,
    workers: int | None,
    memory: str,
    tell: Listener,
) -> None:
    # Lightning takes seconds to import, and loading or predicting needs none of it.
    from pixelwise.training.checkpoints import weights_in  # noqa: PLC0415
    from pixelwise.training.fit import fit  # noqa: PLC0415
    from pixelwise.training.task import SegmentationTask  # noqa: PLC0415

    settings = settings_from(record.settings)
    training, validation = train_items(folder, settings)
    torch.manual_seed(settings.seed)
    model = build_model(record)
    crop = AcceptedSizes(model).smallest((settings.crop, settings.crop))
    augmentation = AUGMENTATIONS[settings.augment](crop)
    if settings.turns:
        geometry = dataclasses.replace(augmentation.geometry, flip_vertical=True, rotate90=True)
        augmentation = Augmentation(crop, geometry, augmentation.colour)
    crops = Crops(training, augmentation, settings.crops_per_image, settings.seed)
    steps = settings.epochs * -(-len(crops) // settings.batch_size)
    tell.note(
        f"{len(crops)} crops of {crop[0]}x{crop[1]} in an epoch, {steps} steps in all, "
        f"{len(validation)} validation images"
    )
    task = SegmentationTask(model, settings, record.classes.names, _class_weights(record, settings), steps, memory)
    fit(task, crops, validation, run, device, _workers(workers), tell.epoch)
    best = run / "checkpoints" / "best.ckpt"
    if settings.keep == "best" and best.is_file():
        model.model.load_state_dict(weights_in(best))
    write_weights(run, model.model)
    write_record(run, dataclasses.replace(record, finished=True))


def _class_weights(record: RunRecord, settings: SegmentationSettings) -> torch.Tensor | None:
    if settings.class_weights == "none":
        return None
    pixels = torch.tensor(record.class_pixels, dtype=torch.float32)
    # Square roots of inverse shares: full inverses let a class of 0.1 % drown the others. An absent class weighs
    # nothing.
    weights = torch.where(pixels > 0, (pixels.sum() / pixels.clamp(min=1)).sqrt(), 0)
    return weights / weights[pixels > 0].mean()


def _training_pixels(diagnosis: Diagnosis, folder: SegmentationFolder) -> tuple[int, ...]:
    return tuple(int(diagnosis.class_pixels["train"][name]) for name in folder.classes.names)


def _workers(given: int | None) -> int:
    if given is not None:
        return given
    # On few cores reading processes take from training what they give it.
    cores = os.cpu_count() or 1
    return 0 if cores <= 2 else min(4, cores - 2)


def _report(run: Path, folder: SegmentationFolder, record: RunRecord, memory: str) -> Scores | None:
    validation = train_items(folder, settings_from(record.settings))[1]
    return write_training_report(run, load(run, memory), validation)

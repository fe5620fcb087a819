"""What a run starts from, all checked before the first step: data, settings, and the record in run.json."""

import dataclasses
import importlib.metadata
import platform
from pathlib import Path
from typing import Any

from pixelwise.data.doctor import Diagnosis, examine
from pixelwise.data.folder import SegmentationFolder, fingerprint, open_folder
from pixelwise.errors import InputError
from pixelwise.inference.run_folder import RunRecord, build_model, read_record
from pixelwise.models.normalise import IMAGENET_MEAN, IMAGENET_STD
from pixelwise.models.starting_weights import is_published
from pixelwise.training.crops import Channels, channel_statistics
from pixelwise.training.listener import Listener
from pixelwise.training.settings import SegmentationSettings
from pixelwise.training.side_scores import check_side_scores
from pixelwise.training.split import training_and_validation

PACKAGES = ("pixelwise", "torch", "lightning", "numpy")


@dataclasses.dataclass(frozen=True)
class DataSource:
    """Where a run's data is: the folder, and the files of classes and splits where they are not the folder's own."""

    root: Path
    classes: Path | None
    splits: Path | None

    def or_those_of(self, record: RunRecord) -> "DataSource":
        """The same, with the files that the run was started with where none are given."""
        return DataSource(
            self.root,
            self.classes or _path(record.data.get("classes_file")),
            self.splits or _path(record.data.get("splits_file")),
        )


def _path(noted: object) -> Path | None:
    return Path(noted) if isinstance(noted, str) else None


def healthy_folder(source: DataSource, tell: Listener) -> tuple[SegmentationFolder, Diagnosis]:
    """The folder and what the doctor says of it.

    Raises:
        InputError: a fault that the doctor calls fatal.
    """
    diagnosis = examine(source.root, source.classes, source.splits, progress=tell.examined)
    if diagnosis.fatal:
        listed = "; ".join(f"{fault.file}: {fault.found}" for fault in diagnosis.fatal[:3])
        raise InputError(
            f"a data set without fatal faults at {source.root}",
            f"{len(diagnosis.fatal)}: {listed}{' ...' if len(diagnosis.fatal) > 3 else ''}",
            f"see all of them, with what to do, by `pixelwise data check {source.root}`",
        )
    return open_folder(source.root, diagnosis.classes, source.splits), diagnosis


def check_free(run: Path) -> None:
    """Makes sure that a new run overwrites nothing.

    Raises:
        InputError: the folder holds something, or is a file.
    """
    if (run / "run.json").is_file():
        raise InputError(
            "a new folder for the run",
            f"{run}, which holds a run already",
            "choose another --out, or continue that run with --resume",
        )
    if run.is_file() or (run.is_dir() and any(run.iterdir())):
        raise InputError("a new folder for the run", f"{run}, which is there already", "choose another --out")


def new_record(
    source: DataSource,
    folder: SegmentationFolder,
    diagnosis: Diagnosis,
    settings: SegmentationSettings,
    tell: Listener,
) -> RunRecord:
    """The record of a run that starts now.

    Raises:
        InputError: no training image, none of its pixels labelled, or a model that cannot be built.
    """
    training = training_and_validation(folder, settings)[0]
    pixels = tuple(int(diagnosis.class_pixels["train"][name]) for name in folder.classes.names)
    if not any(pixels):
        raise InputError(
            f"labelled pixels in the training images of {folder.root}",
            "none: every pixel means ignore",
            "check the label maps and the classes file",
        )
    tell.note(f"{len(training)} training images, {len(folder.classes.names)} classes; measuring their brightness")
    mean, std = _scaling_of(settings.weights) or channel_statistics(training)
    given = {"classes_file": source.classes, "splits_file": source.splits}
    record = RunRecord(
        task="segmentation",
        model=settings.model,
        model_settings=settings.model_settings,
        classes=folder.classes,
        mean=mean,
        std=std,
        settings=dataclasses.asdict(settings),
        data={"name": folder.root.resolve().name, "fingerprint": fingerprint(folder)}
        | {name: str(path.resolve()) for name, path in given.items() if path is not None},
        class_pixels=pixels,
        versions={"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in PACKAGES},
    )
    # What is wrong with the model, or with what is to be made of it, should be said before a folder is made.
    model = build_model(record)
    if settings.deep_supervision > 0:
        check_side_scores(model.model)
    return record


def _scaling_of(weights: str) -> tuple[Channels, Channels] | None:
    """The scaling of images that trained weights expect; None where they do not say."""
    if not weights:
        return None
    if (Path(weights) / "run.json").is_file():
        trained = read_record(Path(weights))
        return trained.mean, trained.std
    return (IMAGENET_MEAN, IMAGENET_STD) if is_published(weights) else None


def check_same_settings(record: RunRecord, given: dict[str, Any]) -> None:
    """Makes sure that a run is continued as it was begun.

    Raises:
        InputError: a setting is given that differs; settings that are left away count as the same.
    """
    begun, asked = _flat(record.settings), _flat(given)
    changed = [f"{name} {begun.get(name)!r} -> {value!r}" for name, value in asked.items() if begun.get(name) != value]
    if changed:
        raise InputError(
            "the settings the run was started with",
            "; ".join(changed),
            "leave these options away with --resume, or start a new run",
        )


def check_same_data(record: RunRecord, folder: SegmentationFolder) -> None:
    """Makes sure that a run is continued on the data it was begun on.

    Raises:
        InputError: other files, another split, or other classes.
    """
    if record.data.get("fingerprint") != fingerprint(folder):
        raise InputError(
            f"the data the run was started on ({record.data.get('name')})",
            f"other files or another split at {folder.root}",
            "restore the data, or start a new run",
        )
    if record.classes != folder.classes:
        raise InputError(
            f"the classes the run was started with ({record.classes.describe()})",
            folder.classes.describe(),
            "restore the classes file, or start a new run",
        )


def _flat(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of the recipe and of the model side by side; their names differ."""
    return {name: value for name, value in settings.items() if name != "model_settings"} | (
        settings.get("model_settings") or {}
    )

"""What a flow run starts from, checked before the first step: its pairs, and the record in run.json."""

import dataclasses
import hashlib

from pixelwise.data.flow import FlowFolder, FlowItem, examine_flow, open_flow
from pixelwise.errors import InputError
from pixelwise.inference.flow_estimator import build_flow_model
from pixelwise.inference.run_record import RunRecord
from pixelwise.models.normalise import IMAGENET_MEAN, IMAGENET_STD
from pixelwise.training.flow.pairs import WholePairs
from pixelwise.training.flow.settings import FlowSettings
from pixelwise.training.listener import Listener
from pixelwise.training.split import held_out
from pixelwise.training.start import DataSource, refuse_faults, scaling_of, versions


def healthy_pairs(source: DataSource, tell: Listener) -> FlowFolder:
    """The folder of pairs, once the doctor has looked at every file.

    Raises:
        InputError: no folder of pairs, a fault that the doctor calls fatal, or classes, which flow has none of.
    """
    if source.classes is not None:
        raise InputError("no classes for flow", f"{source.classes}", "leave --classes away")
    diagnosis = examine_flow(source.root, source.splits, tell.examined)
    refuse_faults(source.root, diagnosis.fatal)
    tell.note(f"{diagnosis.pairs} pairs, moving {diagnosis.mean:.2f} px on average and {diagnosis.longest:.0f} at most")
    return open_flow(source.root, source.splits)


def training_and_validation(folder: FlowFolder, settings: FlowSettings) -> tuple[WholePairs, WholePairs]:
    """The splits train and val; where there is no val, train without a seeded share of it, and that share.

    Pairs whose truth is kept back are left out.

    Raises:
        InputError: no training pair with its truth.
    """
    known = [item for item in folder.items if item.flow is not None]
    training = [item for item in known if item.split == "train"]
    if not training:
        raise InputError(
            f"pairs of split train with their flow in {folder.root}",
            f"none among {len(folder.items)} pairs of splits {', '.join(folder.splits)}",
            "pass a splits file with the columns file,split",
        )
    validation = [item for item in known if item.split == "val"]
    if not validation:
        training, validation = held_out(training, settings.holdout, settings.seed)
    return WholePairs(training), WholePairs(validation)


def new_flow_record(source: DataSource, folder: FlowFolder, settings: FlowSettings, tell: Listener) -> RunRecord:
    """The record of a run that starts now.

    Raises:
        InputError: no training pair, or a model that cannot be built.
    """
    training, validation = training_and_validation(folder, settings)
    tell.note(f"{len(training)} training pairs and {len(validation)} validation pairs of {folder.root}")
    # Scaled to about 0 and 1, in which Kaiming's initial weights are right; any photographs' figures would do.
    mean, std = scaling_of(settings.weights) or (IMAGENET_MEAN, IMAGENET_STD)
    record = RunRecord(
        task="flow",
        model=settings.model,
        model_settings=settings.model_settings,
        classes=None,
        mean=mean,
        std=std,
        settings=dataclasses.asdict(settings),
        data=source.noted(fingerprint(folder)),
        versions=versions(),
    )
    # What is wrong with the model should be said before a folder is made.
    build_flow_model(record)
    return record


def fingerprint(folder: FlowFolder) -> str:
    """A short text that changes when files are added, removed, renamed, resized in bytes, or moved to another split.

    Contents are not read, so an edit that keeps a file's length goes unnoticed.
    """
    lines = sorted(f"{item.split}/{item.name} {' '.join(map(str, _sizes(item)))}" for item in folder.items)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]  # 48 bits tell a person's data sets apart


def _sizes(item: FlowItem) -> list[int]:
    return [file.stat().st_size for file in item.files]

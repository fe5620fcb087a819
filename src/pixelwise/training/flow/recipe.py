"""The steps of training a flow network, from a folder of pairs to a run."""

from pathlib import Path

import torch

from pixelwise.data.flow import FlowAugmentation, FlowFolder, flow_augmentation
from pixelwise.data.transforms import light, none
from pixelwise.evaluation.flow_scores import FlowScores
from pixelwise.inference.flow_estimator import FlowEstimator, build_flow_model
from pixelwise.inference.predictor import load
from pixelwise.inference.run_record import RunRecord
from pixelwise.training.flow.pairs import PairCrops
from pixelwise.training.flow.report import write_flow_report
from pixelwise.training.flow.settings import FlowSettings, flow_settings_from
from pixelwise.training.flow.start import fingerprint, healthy_pairs, new_flow_record, training_and_validation
from pixelwise.training.hardware import Hardware
from pixelwise.training.listener import Listener
from pixelwise.training.recipe import Recipe
from pixelwise.training.start import DataSource, check_same_files

PREFIX = "model.model."
"""Of the network's weights in a checkpoint: the task's model is the network with its scaling."""


def _begin(source: DataSource, settings: FlowSettings, tell: Listener) -> tuple[RunRecord, FlowFolder]:
    folder = healthy_pairs(source, tell)
    return new_flow_record(source, folder, settings, tell), folder


def _reopen(source: DataSource, record: RunRecord, tell: Listener) -> FlowFolder:
    folder = healthy_pairs(source, tell)
    check_same_files(record, fingerprint(folder), folder.root)
    return folder


def _fit(run: Path, record: RunRecord, folder: FlowFolder, hardware: Hardware, tell: Listener) -> None:
    # Lightning takes seconds to import, and loading or predicting needs none of it.
    from pixelwise.training.fit import fit  # noqa: PLC0415
    from pixelwise.training.flow.task import FlowTask  # noqa: PLC0415
    from pixelwise.training.run_weights import keep_weights, started  # noqa: PLC0415

    settings = flow_settings_from(record.settings)
    training, validation = training_and_validation(folder, settings)
    torch.manual_seed(settings.seed)
    model = build_flow_model(record)
    crops = PairCrops(training, augmentation_of(settings), settings.seed)
    steps = settings.epochs * -(-len(crops) // settings.batch_size)
    shape = f"{settings.crop_height}x{settings.crop_width}"
    tell.note(f"{len(crops)} crops of {shape} in an epoch, {steps} steps in all")
    checkpoint = started(run, model.model, PREFIX, settings.weights, settings.epochs, tell)
    task = FlowTask(model, settings, steps)
    fit(task, crops, validation, run, checkpoint, hardware.device, hardware.readers, tell.epoch)
    keep_weights(run, model.model, PREFIX, settings.keep, tell)


def _report(run: Path, record: RunRecord, folder: FlowFolder, hardware: Hardware) -> FlowScores | None:
    _, validation = training_and_validation(folder, flow_settings_from(record.settings))
    predictor = load(run, hardware.memory)
    assert isinstance(predictor, FlowEstimator), "its record says so"
    return write_flow_report(run, predictor, validation)


def augmentation_of(settings: FlowSettings) -> FlowAugmentation:
    """What may happen to a training pair."""
    crop = (settings.crop_height, settings.crop_width)
    if settings.augment == "strong":
        return flow_augmentation(crop)
    mild = light(crop) if settings.augment == "light" else none(crop)
    return FlowAugmentation(crop, mild.geometry, colour=mild.colour)


FLOW = Recipe(flow_settings_from, _begin, _reopen, _fit, _report)

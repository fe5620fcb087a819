"""The steps of training a segmenter, from a folder of images and label maps to a run."""

import dataclasses
from pathlib import Path

import torch

from pixelwise.data.folder import SegmentationFolder
from pixelwise.data.transforms import Augmentation, light, none, strong
from pixelwise.dense.probes.sizes import AcceptedSizes
from pixelwise.evaluation.scores import Scores
from pixelwise.inference import Segmenter, load
from pixelwise.inference.run_folder import build_model
from pixelwise.inference.run_record import RunRecord
from pixelwise.training.hardware import Hardware
from pixelwise.training.listener import Listener
from pixelwise.training.recipe import Recipe
from pixelwise.training.segmentation.backgrounds import Backgrounds, OtherBackgrounds, background_class
from pixelwise.training.segmentation.class_weights import balanced_weights
from pixelwise.training.segmentation.crops import Crops, WholeImages
from pixelwise.training.segmentation.group_risks import RobustLoss
from pixelwise.training.segmentation.groups import Groups, groups_asked_for
from pixelwise.training.segmentation.last_features import last_convolution
from pixelwise.training.segmentation.report import write_training_report
from pixelwise.training.segmentation.sampling import count_pixels
from pixelwise.training.segmentation.settings import SegmentationSettings, settings_from
from pixelwise.training.segmentation.start import (
    check_same_data,
    check_same_groups,
    healthy_folder,
    new_record,
    training_and_validation,
)
from pixelwise.training.start import DataSource

PREFIX = "model.model."
"""Of the network's weights in a checkpoint: the task's model is the network with its scaling."""

AUGMENTATIONS = {"none": none, "light": light, "strong": strong}


def _begin(source: DataSource, settings: SegmentationSettings, tell: Listener) -> tuple[RunRecord, SegmentationFolder]:
    folder, diagnosis = healthy_folder(source, tell)
    return new_record(source, folder, diagnosis, settings, tell), folder


def _reopen(source: DataSource, record: RunRecord, tell: Listener) -> SegmentationFolder:
    folder, _ = healthy_folder(source, tell)
    check_same_data(record, folder)
    check_same_groups(record, folder)
    return folder


def _fit(run: Path, record: RunRecord, folder: SegmentationFolder, hardware: Hardware, tell: Listener) -> None:
    # Lightning takes seconds to import, and loading or predicting needs none of it.
    from pixelwise.training.fit import fit  # noqa: PLC0415
    from pixelwise.training.run_weights import keep_weights, started  # noqa: PLC0415
    from pixelwise.training.segmentation.task import SegmentationTask  # noqa: PLC0415

    settings = settings_from(record.settings)
    training, validation = training_and_validation(folder, settings)
    torch.manual_seed(settings.seed)
    model = build_model(record)
    groups = groups_asked_for(settings.robust, settings.groups, training.items, validation.items)
    crops = training_crops(training, model, settings, tell, groups)
    steps = settings.epochs * -(-len(crops) // settings.batch_size)
    shape = "x".join(map(str, crops.augmentation.crop or ()))
    tell.note(f"{len(crops)} crops of {shape} in an epoch, {steps} steps in all, {len(validation)} validation images")
    checkpoint = started(run, model.model, PREFIX, settings.weights, settings.epochs, tell)
    weights = balanced_weights(record.class_pixels) if settings.class_weights == "balanced" else None
    robust = None
    if groups is not None:
        last = last_convolution(model.model) if settings.robust == "coral" else ""
        robust = RobustLoss(settings, groups, steps, last)
    task = SegmentationTask(model, settings, folder.classes.names, weights, steps, hardware.memory, robust)
    fit(task, crops, validation, run, checkpoint, hardware.device, hardware.readers, tell.epoch)
    keep_weights(run, model.model, PREFIX, settings.keep, tell)


def _report(run: Path, record: RunRecord, folder: SegmentationFolder, hardware: Hardware) -> Scores | None:
    _, validation = training_and_validation(folder, settings_from(record.settings))
    predictor = load(run, hardware.memory)
    assert isinstance(predictor, Segmenter), "its record says so"
    return write_training_report(run, predictor, validation)


def training_crops(
    images: WholeImages,
    model: torch.nn.Module,
    settings: SegmentationSettings,
    tell: Listener,
    groups: Groups | None = None,
) -> Crops:
    """The crops of an epoch, as the settings describe them, of a size that the model accepts."""
    pixels = None
    if settings.sampling == "balanced":
        tell.note(f"counting the classes of {len(images)} label maps")
        pixels = count_pixels((images.labels(index) for index in range(len(images))), len(images.classes.names))
    augmentation = _augmentation(model, settings)
    change = None
    if settings.random_backgrounds > 0:
        backgrounds = Backgrounds(images, background_class(images.classes))
        change = OtherBackgrounds(backgrounds, settings.random_backgrounds)
    return Crops(images, augmentation, settings.crops_per_image, settings.seed, settings.loss, pixels, groups, change)


def _augmentation(model: torch.nn.Module, settings: SegmentationSettings) -> Augmentation:
    crop = AcceptedSizes(model).smallest((settings.crop, settings.crop))
    augmentation = AUGMENTATIONS[settings.augment](crop)
    if not settings.turns:
        return augmentation
    geometry = dataclasses.replace(augmentation.geometry, flip_vertical=True, rotate90=True)
    return Augmentation(crop, geometry, augmentation.colour)


SEGMENTATION = Recipe(settings_from, _begin, _reopen, _fit, _report)

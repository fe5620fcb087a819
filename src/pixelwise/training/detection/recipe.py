"""The steps of training a detector, from a folder of images with boxes or masks to a run."""

import dataclasses
from pathlib import Path

import torch

from pixelwise.data.transforms import Augmentation, light, none, strong
from pixelwise.evaluation.detection import DetectionEvaluation
from pixelwise.inference import Detector, load
from pixelwise.inference.detector import build_detector
from pixelwise.inference.run_record import RunRecord
from pixelwise.training.detection.report import write_detection_report
from pixelwise.training.detection.scenes import DrawnScenes, Scenes, object_places
from pixelwise.training.detection.settings import DetectionSettings, detection_settings
from pixelwise.training.detection.start import DetectionData, begin_detection, reopen_detection
from pixelwise.training.hardware import Hardware
from pixelwise.training.listener import Listener
from pixelwise.training.recipe import Recipe
from pixelwise.training.split import parted

PREFIX = "model."
"""Of the network's weights in a checkpoint."""


def _fit(run: Path, record: RunRecord, data: DetectionData, hardware: Hardware, tell: Listener) -> None:
    # Lightning takes seconds to import, and loading or predicting needs none of it.
    from pixelwise.training.detection.task import DetectionTask  # noqa: PLC0415
    from pixelwise.training.fit import fit  # noqa: PLC0415
    from pixelwise.training.run_weights import keep_weights, started  # noqa: PLC0415

    settings = detection_settings(record.settings)
    training, validation = (Scenes(items, data.masks) for items in parted(data.folder, settings.holdout, settings.seed))
    torch.manual_seed(settings.seed)
    model = build_detector(record)
    drawn = drawn_scenes(training, settings, record)
    steps = settings.epochs * -(-len(drawn) // settings.batch_size)
    tell.note(f"{len(drawn)} images in an epoch, {steps} steps in all, {len(validation)} validation images")
    checkpoint = started(run, model, PREFIX, settings.weights, settings.epochs, tell)
    task = DetectionTask(model, settings, data.folder.classes, steps)
    fit(task, drawn, validation, run, checkpoint, hardware.device, hardware.readers, tell.epoch)
    keep_weights(run, model, PREFIX, settings.keep, tell)


def _report(run: Path, record: RunRecord, data: DetectionData, hardware: Hardware) -> DetectionEvaluation | None:
    settings = detection_settings(record.settings)
    _, validation = parted(data.folder, settings.holdout, settings.seed)
    predictor = load(run, hardware.memory)
    assert isinstance(predictor, Detector), "its record says so"
    return write_detection_report(run, predictor, validation)


def drawn_scenes(scenes: Scenes, settings: DetectionSettings, record: RunRecord) -> DrawnScenes:
    """The images of an epoch, as the settings describe them; outside an image lies the data set's mean colour."""
    places = None
    if settings.sampling == "balanced":
        places = object_places([scenes.objects(index) for index in range(len(scenes))])
    return DrawnScenes(scenes, _augmentation(settings), settings.crops_per_image, settings.seed, record.mean, places)


def _augmentation(settings: DetectionSettings) -> Augmentation:
    crop = (settings.crop, settings.crop) if settings.crop else None
    augmentation = {"none": none, "light": light, "strong": strong}[settings.augment](crop)
    # Nothing elastic: the boxes of objects without masks would only be guessed.
    geometry = dataclasses.replace(augmentation.geometry, elastic=0)
    if settings.turns:
        geometry = dataclasses.replace(geometry, flip_vertical=True, rotate90=True)
    return Augmentation(crop, geometry, augmentation.colour)


DETECTION = Recipe(detection_settings, begin_detection, reopen_detection, _fit, _report)

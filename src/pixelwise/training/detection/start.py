"""What a detection run starts from, all checked before the first step: data, settings, and its record."""

import dataclasses
import inspect
import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from pixelwise.data.detection.box_doctor import REPAIRS, BoxDiagnosis, examine_boxes
from pixelwise.data.detection.classes_file import ClassChoice, read_choice
from pixelwise.data.detection.fingerprint import detection_fingerprint
from pixelwise.data.detection.folder import DetectionFolder, list_detection, open_detection
from pixelwise.data.detection.objects import Objects
from pixelwise.errors import InputError
from pixelwise.inference.detector import build_detector
from pixelwise.inference.object_facts import ObjectFacts
from pixelwise.inference.run_record import RunRecord
from pixelwise.models.catalog import by_task
from pixelwise.models.detection.mask_rcnn import MaskRCNN
from pixelwise.models.detection.resize import PUBLISHED_SIDES, Resize
from pixelwise.models.normalise import IMAGENET_MEAN, IMAGENET_STD
from pixelwise.ops import box_area
from pixelwise.training.detection.scenes import Scenes
from pixelwise.training.detection.settings import DetectionSettings
from pixelwise.training.listener import Listener
from pixelwise.training.segmentation.crops import channel_statistics
from pixelwise.training.split import parted
from pixelwise.training.start import DataSource, check_same_files, refuse_faults, scaling_of, versions

LEVELS = 5
"""Sizes of anchors: one for each level of a pyramid."""

SMALLEST_ANCHOR, LARGEST_FIRST = 4, 64
"""Pixels. A level of stride 4 cannot tell smaller objects apart; above, the coarsest level would leave any image."""

SMALL_SHARE = 0.1
"""The smallest anchors fit nine tenths of the objects of every class, however rare it is."""


@dataclass(frozen=True)
class DetectionData:
    """The folder of a run, and whether its model learns masks."""

    folder: DetectionFolder
    masks: bool


def begin_detection(source: DataSource, settings: DetectionSettings, tell: Listener) -> tuple[RunRecord, DetectionData]:
    """The record of a run that starts now, and its data.

    Raises:
        InputError: a fatal fault, no object to learn from, no masks for a model that wants some, or a model that
            cannot be built.
    """
    choice = read_choice(source.root, source.classes)
    listed = list_detection(source.root, choice.names, True, source.splits, choice.table)
    draft = _draft(source, settings, listed.classes, listed.category_ids, choice)
    masks = isinstance(build_detector(draft, "meta"), MaskRCNN)
    folder = _healthy(source, choice, masks, tell)
    training, validation = (Scenes(items, masks) for items in parted(folder, settings.holdout, settings.seed))
    objects = [training.objects(index) for index in range(len(training))]
    for index in range(len(validation)):
        validation.objects(index)
    facts = object_facts(folder, objects)
    tell.note(f"{len(training)} training images with {sum(facts.objects)} objects of {len(facts.objects)} classes")
    mean, std = scaling_of(settings.weights) or channel_statistics(training)
    record = dataclasses.replace(
        draft,
        model_settings=fitted_settings(settings, objects, tell),
        mean=mean,
        std=std,
        data=source.noted(detection_fingerprint(folder)),
        facts=facts.to_json(),
    )
    build_detector(record)
    return record, DetectionData(folder, masks)


def reopen_detection(source: DataSource, record: RunRecord, tell: Listener) -> DetectionData:
    """The data of a run that is continued.

    Raises:
        InputError: other files, another split or other classes than those it was begun on.
    """
    masks = isinstance(build_detector(record, "meta"), MaskRCNN)
    folder = _healthy(source, read_choice(source.root, source.classes), masks, tell)
    check_same_files(record, detection_fingerprint(folder), folder.root)
    names = ObjectFacts.of(record).classes
    if names != folder.classes:
        raise InputError(
            f"the classes the run was started with ({', '.join(names)})"[:300],
            ", ".join(folder.classes)[:300],
            "restore the annotations, or start a new run",
        )
    return DetectionData(folder, masks)


def object_facts(folder: DetectionFolder, objects: Sequence[Objects]) -> ObjectFacts:
    """What a run knows of its training objects; crowds and difficult ones do not count.

    Raises:
        InputError: there is none.
    """
    boxes = torch.cat([one.boxes[~(one.crowd | one.difficult)] for one in objects])
    labels = torch.cat([one.labels[~(one.crowd | one.difficult)] for one in objects])
    if not len(labels):
        raise InputError(
            f"objects in the training images of {folder.root}", "none", f"run `pixelwise data check {folder.root}`"
        )
    counts = torch.bincount(labels, minlength=len(folder.classes))[1:].tolist()
    commonest = boxes[labels == 1 + max(range(len(counts)), key=lambda place: counts[place])]
    width, height = (commonest[:, 2:] - commonest[:, :2]).mean(0).tolist()
    return ObjectFacts(folder.classes, folder.category_ids, tuple(counts), (height, width))


def fitted_settings(settings: DetectionSettings, objects: Sequence[Objects], tell: Listener) -> dict[str, Any]:
    """The model's settings; what the user left open about sizes follows from the training data, and is told.

    Where most images are no longer than the published limit, all are seen as they are; else by the published rule.
    The sizes of anchors double from level to level, and the first is the largest power of two below most objects'
    sides in every class.
    """
    chosen = dict(settings.model_settings)
    longest = statistics.median(max(one.size) for one in objects)
    if "resize" not in chosen:
        chosen["resize"] = None if longest <= PUBLISHED_SIDES[1] else list(PUBLISHED_SIDES)
    rule = Resize.of(chosen["resize"])
    tell.note(f"resize: {rule} (the longer side of the median image has {longest:g} pixels)")
    if "anchor_sizes" in inspect.signature(by_task["detection"][settings.model]).parameters:
        chosen.setdefault("anchor_sizes", _anchor_sizes(rule, objects))
        tell.note(f"anchors of {', '.join(map(str, chosen['anchor_sizes']))} pixels")
    return chosen


def _anchor_sizes(rule: Resize, objects: Sequence[Objects]) -> list[int]:
    labels = torch.cat([one.labels for one in objects])
    factors = [rule.size_for(one.size)[0] / one.size[0] for one in objects]
    sides = torch.cat([box_area(one.boxes).sqrt() * each for one, each in zip(objects, factors, strict=True)])
    small = min(float(sides[labels == label].quantile(SMALL_SHARE)) for label in set(labels.tolist()))
    first = min(max(2 ** math.floor(math.log2(max(small, 1))), SMALLEST_ANCHOR), LARGEST_FIRST)
    return [first * 2**level for level in range(LEVELS)]


def _draft(
    source: DataSource,
    settings: DetectionSettings,
    classes: tuple[str, ...],
    category_ids: tuple[int, ...],
    choice: ClassChoice,
) -> RunRecord:
    """A record that knows the classes, before the data has been looked at; enough to build the network.

    Raises:
        InputError: there is no class.
    """
    if len(classes) < 2:
        raise InputError(f"at least one class of objects in {source.root}", "none", "add annotations with classes")
    facts = ObjectFacts(classes, category_ids, (0,) * (len(classes) - 1), (0.0, 0.0))
    return RunRecord(
        task="detection",
        model=settings.model,
        model_settings=settings.model_settings,
        classes=choice.table,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        settings=dataclasses.asdict(settings),
        data={},
        versions=versions(),
        facts=facts.to_json(),
    )


def _healthy(source: DataSource, choice: ClassChoice, masks: bool, tell: Listener) -> DetectionFolder:
    """The folder, after the doctor has seen it.

    Raises:
        InputError: a fault that the doctor calls fatal.
    """
    diagnosis = examine_boxes(source.root, choice.names, masks, source.splits, tell.examined, choice.table)
    refuse_faults(source.root, diagnosis.fatal)
    for line in repair_lines(diagnosis):
        tell.note(line)
    return open_detection(source.root, choice.names, masks, source.splits, choice.table)


def repair_lines(diagnosis: BoxDiagnosis) -> list[str]:
    """What training does about the faults it can mend, one line for each kind."""
    counts = Counter(fault.kind for fault in diagnosis.repairable)
    return [f"{count} x {kind}: {REPAIRS[kind]}" for kind, count in sorted(counts.items())]

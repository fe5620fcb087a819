"""What a segmentation run starts from, all checked before the first step: data, settings, and its record."""

import dataclasses
from typing import Any

from pixelwise.data.doctor import Diagnosis, examine
from pixelwise.data.folder import SegmentationFolder, fingerprint, open_folder
from pixelwise.errors import InputError
from pixelwise.inference.run_folder import build_model
from pixelwise.inference.run_record import RunRecord
from pixelwise.training.listener import Listener
from pixelwise.training.segmentation.backgrounds import background_class
from pixelwise.training.segmentation.crops import WholeImages, channel_statistics
from pixelwise.training.segmentation.groups import Groups, groups_asked_for
from pixelwise.training.segmentation.last_features import last_convolution
from pixelwise.training.segmentation.selection import selection_rule
from pixelwise.training.segmentation.settings import SegmentationSettings, settings_from
from pixelwise.training.segmentation.side_scores import check_side_scores
from pixelwise.training.split import parted
from pixelwise.training.start import DataSource, check_same_files, refuse_faults, scaling_of, versions


def healthy_folder(source: DataSource, tell: Listener) -> tuple[SegmentationFolder, Diagnosis]:
    """The folder and what the doctor says of it.

    Raises:
        InputError: a fault that the doctor calls fatal.
    """
    diagnosis = examine(source.root, source.classes, source.splits, source.attributes, tell.examined)
    refuse_faults(source.root, diagnosis.fatal)
    return open_folder(source.root, diagnosis.classes, source.splits, source.attributes), diagnosis


def training_and_validation(
    folder: SegmentationFolder, settings: SegmentationSettings
) -> tuple[WholeImages, WholeImages]:
    """The images that `parted` gives, with their label maps.

    Raises:
        InputError: the folder has no training image.
    """
    training, validation = parted(folder, settings.holdout, settings.seed)
    return WholeImages(training, folder.classes), WholeImages(validation, folder.classes)


def new_record(
    source: DataSource,
    folder: SegmentationFolder,
    diagnosis: Diagnosis,
    settings: SegmentationSettings,
    tell: Listener,
) -> RunRecord:
    """The record of a run that starts now.

    Raises:
        InputError: no training image, none of its pixels labelled, groups or backgrounds that the data does not have,
            or a model that cannot be built or lacks what is to be made of it.
    """
    training = training_and_validation(folder, settings)[0]
    pixels = tuple(int(diagnosis.class_pixels["train"][name]) for name in folder.classes.names)
    if not any(pixels):
        raise InputError(
            f"labelled pixels in the training images of {folder.root}",
            "none: every pixel means ignore",
            "check the label maps and the classes file",
        )
    facts = _facts(source, folder, settings, tell)
    tell.note(f"{len(training)} training images, {len(folder.classes.names)} classes; measuring their brightness")
    mean, std = scaling_of(settings.weights) or channel_statistics(training)
    record = RunRecord(
        task="segmentation",
        model=settings.model,
        model_settings=settings.model_settings,
        classes=folder.classes,
        mean=mean,
        std=std,
        settings=dataclasses.asdict(settings),
        data=source.noted(fingerprint(folder)),
        class_pixels=pixels,
        versions=versions(),
        facts=facts,
    )
    _check_model(record, settings)
    return record


def _check_model(record: RunRecord, settings: SegmentationSettings) -> None:
    """Finds before a folder is made what is wrong with the model, or with what is to be made of it."""
    model = build_model(record)
    if settings.deep_supervision > 0:
        check_side_scores(model.model)
    if settings.robust == "coral":
        last_convolution(model.model)


def _facts(
    source: DataSource, folder: SegmentationFolder, settings: SegmentationSettings, tell: Listener
) -> dict[str, Any]:
    """What run.json says of groups, if any; tells of them, and of the background that objects are taken from."""
    if settings.random_backgrounds > 0:
        name = folder.classes.names[background_class(folder.classes)]
        tell.note(
            f"objects of {settings.random_backgrounds:g} of the crops go before other backgrounds: all but {name}"
        )
    if source.attributes is not None and settings.robust == "none":
        raise InputError("groups by the attributes", "attributes alone", "pass --robust and --groups, or leave it away")
    groups, validation = _groups(folder, settings)
    if groups is None:
        return {}
    images = ", ".join(f"{name} {count}" for name, count in groups.counts(groups.training).items())
    tell.note(f"training images by {groups.column}: {images}")
    return {"groups": groups.facts(), "kept": selection_rule(settings.keep, settings.robust, validation)}


def _groups(folder: SegmentationFolder, settings: SegmentationSettings) -> tuple[Groups | None, int]:
    """The groups of a run, and its number of validation images."""
    training, validation = training_and_validation(folder, settings)
    return groups_asked_for(settings.robust, settings.groups, training.items, validation.items), len(validation)


def check_same_groups(record: RunRecord, folder: SegmentationFolder) -> None:
    """Makes sure that a run over groups is continued with every image in the group in which it was.

    Raises:
        InputError: the attributes of an image have changed.
    """
    groups, _ = _groups(folder, settings_from(record.settings))
    if groups is not None and groups.facts() != record.facts.get("groups"):
        raise InputError(
            f"the groups by {groups.column} that the run was started with",
            "others",
            "restore the attributes file, or start a new run",
        )


def check_same_data(record: RunRecord, folder: SegmentationFolder) -> None:
    """Makes sure that a run is continued on the data it was begun on.

    Raises:
        InputError: other files, another split, or other classes.
    """
    check_same_files(record, fingerprint(folder), folder.root)
    if record.classes != folder.classes:
        assert record.classes is not None, "a segmentation run has classes"
        raise InputError(
            f"the classes the run was started with ({record.classes.describe()})",
            folder.classes.describe(),
            "restore the classes file, or start a new run",
        )

"""Which images a run trains on, and which it watches itself by."""

import torch

from pixelwise.data.folder import SegmentationFolder
from pixelwise.training.crops import WholeImages
from pixelwise.training.draws import generator_for
from pixelwise.training.settings import SegmentationSettings


def training_and_validation(
    folder: SegmentationFolder, settings: SegmentationSettings
) -> tuple[WholeImages, WholeImages]:
    """The splits train and val, or, where there is no val, train without a seeded share of it, and that share.

    Raises:
        InputError: the folder has no training image.
    """
    training = list(folder.only("train").items)
    if "val" in folder.splits:
        validation = list(folder.only("val").items)
    else:
        # 3 keeps this draw apart from those of crops and dropout.
        order = torch.randperm(len(training), generator=generator_for(settings.seed, 3)).tolist()
        # At least one image stays on each side, unless nothing is to be held out.
        count = min(len(training) - 1, max(1, round(settings.holdout * len(training)))) if settings.holdout else 0
        held = set(order[:count])
        validation = [item for index, item in enumerate(training) if index in held]
        training = [item for index, item in enumerate(training) if index not in held]
    return WholeImages(training, folder.classes), WholeImages(validation, folder.classes)

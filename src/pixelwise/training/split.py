"""Which images a run trains on, and which it watches itself by."""

from collections.abc import Sequence
from typing import Any, TypeVar

import torch

from pixelwise.data.detection.folder import DetectionFolder
from pixelwise.data.folder import SegmentationFolder
from pixelwise.training.draws import generator_for

Item = TypeVar("Item")
"""A member of any folder."""


def parted(folder: SegmentationFolder | DetectionFolder, holdout: float, seed: int) -> tuple[list[Any], list[Any]]:
    """The items of the splits train and val, or, where there is no val, train without a seeded share of it, and that.

    Raises:
        InputError: the folder has no training image.
    """
    training = list(folder.only("train").items)
    if "val" in folder.splits:
        return training, list(folder.only("val").items)
    return held_out(training, holdout, seed)


def held_out(items: Sequence[Item], share: float | int, seed: int) -> tuple[list[Item], list[Item]]:
    """The items without a share of them that the seed draws, and that share, both in their order.

    At least one stays on each side, unless nothing is to be held out or there is only one.
    """
    # 3 keeps this draw apart from those of crops and dropout.
    order = torch.randperm(len(items), generator=generator_for(seed, 3)).tolist()
    count = min(len(items) - 1, max(1, round(share * len(items)))) if share else 0
    held = set(order[:count])
    kept = [item for index, item in enumerate(items) if index not in held]
    return kept, [item for index, item in enumerate(items) if index in held]

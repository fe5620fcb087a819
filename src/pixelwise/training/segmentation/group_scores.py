"""Scores of validation images by group, and the worst of them."""

import torch
from torch import Tensor

from pixelwise.metrics import mean_iou
from pixelwise.training.segmentation.groups import Groups

WORST = "val_worst_group_iou"
"""The logged name of the lowest mean IoU of a group."""

OF_GROUP = "val_group_iou/"
"""What the logged names of the groups' mean IoU begin with."""


class GroupScores:
    """Counts pixels by group over one round of validation."""

    def __init__(self, groups: Groups, classes: int) -> None:
        """Starts with no image.

        Args:
            groups: of the validation images.
            classes: how many there are.
        """
        self.groups = groups
        self.confusion = torch.zeros(len(groups.names), classes, classes, dtype=torch.int64)

    def add(self, number: int, confusion: Tensor) -> None:
        """Counts one validation image, by its number."""
        self.confusion[self.groups.validation[number]] += confusion

    def taken(self) -> dict[str, float]:
        """The mean IoU of each group, NaN for one without images, and the worst; the count starts anew."""
        scores = mean_iou(self.confusion)
        self.confusion = torch.zeros_like(self.confusion)
        known = scores[~scores.isnan()]
        found = {f"{OF_GROUP}{name}": score for name, score in zip(self.groups.names, scores.tolist(), strict=True)}
        return found | {WORST: known.min().item() if len(known) else float("nan")}

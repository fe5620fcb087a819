"""Pasture scenes in memory: no folder, no file, the same for the same knobs and seed."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pixelwise.data.pasture import Knobs, render


@dataclass(frozen=True)
class Scenes:
    """Images (N, 3, H, W), uint8, and their class ids (N, H, W), uint8."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, count: int) -> "Scenes":
        """The first so many of them."""
        return Scenes(self.images[:count], self.labels[:count])


def draw_scenes(knobs: Knobs, count: int, seed: int) -> Scenes:
    """So many scenes of the world that knobs and seed describe; use distant seeds for training and test."""
    drawn = [render(knobs, seed, index) for index in range(count)]
    images = np.stack([scene.image for scene in drawn]).transpose(0, 3, 1, 2)
    return Scenes(torch.from_numpy(images.copy()), torch.from_numpy(np.stack([scene.labels for scene in drawn])))

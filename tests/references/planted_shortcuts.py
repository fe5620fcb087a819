"""Models whose shortcut is known, because it is all they do."""

import numpy as np
import torch
from torch import Tensor

from pixelwise.audits.shortcuts.cases import Cases, cases_from
from pixelwise.data.transforms import Sample

SIZE = 24
OBJECT = slice(8, 16)
"""Rows and columns of the object: a square."""

HUES = {1: (0.9, 0.2, 0.2), 2: (0.2, 0.2, 0.9)}
"""Colour of the objects of both classes."""

PLACES = {1: 0.3, 2: 0.7}
"""Grey of the place where each class is at home."""


def scene(label: int, place: float, size: int = SIZE) -> Sample:
    """A coloured square on a grey place."""
    labels = torch.zeros(size, size, dtype=torch.int64)
    labels[OBJECT, OBJECT] = label
    image = torch.full((3, size, size), place)
    image[:, OBJECT, OBJECT] = torch.tensor(HUES[label])[:, None, None]
    return Sample(image, labels)


def world(count: int, correlation: float, seed: int = 0) -> Cases:
    """Objects at home as often as said, else in the other's home."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(1, 3, count).tolist()
    home = rng.random(count) < (1 + correlation) / 2
    scenes = [scene(label, PLACES[label if here else 3 - label]) for label, here in zip(labels, home, strict=True)]
    return cases_from(scenes, [f"{index:03d}" for index in range(count)])


def follows_place(images: Tensor) -> Tensor:
    """Scores of a classifier that only looks at a corner."""
    corner = images[:, 0, :3, :3].mean((1, 2))
    return torch.stack([torch.zeros_like(corner), 0.5 - corner, corner - 0.5], 1)


def follows_object(images: Tensor) -> Tensor:
    """Scores of a classifier that only looks at the middle: red or blue, nothing where there is no colour."""
    middle = images[:, :, 10:14, 10:14].mean((2, 3))
    excess = middle[:, 0] - middle[:, 2]
    return torch.stack([0.1 - excess.abs(), excess, -excess], 1)

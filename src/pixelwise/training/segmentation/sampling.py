"""Class-balanced sampling: every class is shown as often as any other, however few pixels it has."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import NDArray
from torch import Tensor

from pixelwise.errors import InputError

Pixel = tuple[int, int]
"""Row and column."""


@dataclass(frozen=True, eq=False)
class ClassPixels:
    """How many pixels of each class the images up to and including each one have; one row per image."""

    cumulative: NDArray[np.int64]

    def draw(self, generator: torch.Generator) -> tuple[int, int, int]:
        """An image, a class, and which of the class's pixels in that image, counted from 0 row by row.

        First a class is drawn among those that the images have, each as likely; then one of its pixels in all images,
        each as likely.
        """
        totals = self.cumulative[-1]
        present = np.flatnonzero(totals)
        label = int(present[_below(len(present), generator)])
        number = _below(int(totals[label]), generator)
        image = int(np.searchsorted(self.cumulative[:, label], number, side="right"))
        before = int(self.cumulative[image - 1, label]) if image > 0 else 0
        return image, label, number - before


def count_pixels(label_maps: Iterable[UInt8[Tensor, "H W"]], num_classes: int) -> ClassPixels:
    """The pixels of each class in each label map; the maps themselves are not kept.

    Raises:
        InputError: no pixel of any map belongs to a class.
    """
    rows = [torch.bincount(labels.flatten(), minlength=num_classes)[:num_classes] for labels in label_maps]
    cumulative = np.stack([row.numpy() for row in rows]).cumsum(0) if rows else np.zeros((1, num_classes), np.int64)
    if not cumulative[-1].any():
        raise InputError(
            "labelled pixels to sample from in the training images",
            "none: every pixel means ignore",
            "check the label maps and the classes file",
        )
    return ClassPixels(cumulative)


def find_pixel(labels: UInt8[Tensor, "H W"], label: int, number: int, source: str) -> Pixel:
    """Row and column of one of a class's pixels, counted from 0 row by row.

    Raises:
        InputError: naming the source, when the map has fewer: it has changed since it was counted.
    """
    places = np.flatnonzero(labels.numpy() == label)
    if number >= len(places):
        raise InputError(
            f"the label map of {source} as it was when training began",
            f"{len(places)} pixels of class {label}, where more were counted",
            "leave the data alone while training runs, then use --resume",
        )
    row, column = divmod(int(places[number]), labels.shape[1])
    return row, column


def _below(end: int, generator: torch.Generator) -> int:
    return int(torch.randint(end, (), generator=generator))

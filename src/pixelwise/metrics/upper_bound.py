"""How much of a label map survives a stride: what a network that gives one label for each cell can score at best.

Source: Long, Shelhamer, Darrell 2015, "Fully Convolutional Networks for Semantic Segmentation", appendix A. Strides of
128, 64, 32, 16, 8, 4 keep 50.9, 73.3, 86.1, 92.8, 96.4, 98.5 % mean IU on their part of PASCAL VOC 2011.
"""

import math
import threading
from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Int64, Integer
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.metrics.segmentation import check_label_maps, mean_iou
from pixelwise.shapes import IGNORE, LabelMap

STRIDES = (128, 64, 32, 16, 8, 4)
"""Those of the paper's table."""

BAND = 2**22
"""Pixels counted at a time: counts of a whole gigapixel image would not fit beside it."""


class StrideBounds:
    """The upper bound of each stride over many label maps, which come one by one, from any thread."""

    def __init__(self, num_classes: int, factors: Sequence[int] = STRIDES) -> None:
        """Starts without a label map.

        Args:
            num_classes: K; more than there are changes nothing.
            factors: strides in pixels, 1 or more.

        Raises:
            InputError: no factor, or one below 1.
        """
        if not factors or min(factors) < 1:
            raise InputError("strides of 1 pixel or more", f"{tuple(factors)}", "pass factors=(32, 16, 8)")
        self.factors = tuple(factors)
        self.confusion: Int64[Tensor, "F K K"] = torch.zeros(
            len(self.factors), num_classes, num_classes, dtype=torch.int64
        )
        self._lock = threading.Lock()

    def add(self, labels: LabelMap) -> None:
        """Counts one label map in.

        Raises:
            InputError: a label is neither a class nor 255.
        """
        found = stride_confusion(labels, self.confusion.shape[-1], self.factors)
        with self._lock:
            self.confusion += found

    def mean_iou(self) -> dict[int, float]:
        """The mean IoU that each stride can reach; not-a-number without a counted pixel."""
        return dict(zip(self.factors, mean_iou(self.confusion).tolist(), strict=True))


def stride_upper_bound(
    label_maps: Iterable[Integer[Tensor, "_ _"]], num_classes: int, factors: Sequence[int] = STRIDES
) -> dict[int, float]:
    """For each stride the mean IoU of label maps, reduced to one label per cell and enlarged again, with themselves.

    A cell of factor x factor pixels, counted from the upper left corner, takes the class that most of its counted
    pixels have, the lower one of two equals; enlarging repeats it. Cells at the lower and right border may be smaller,
    and an image smaller than the factor is one cell. Counts of all maps add up before the ratio.

    No map that is constant on these cells has more pixels right. The mean IoU can be passed a little, by favouring
    rare classes, and by a network that interpolates its scores and so bends its outlines inside the cells: the paper,
    too, calls the figures approximate.

    Differs from the paper: it does not say how it reduces and enlarges.

    Args:
        label_maps: class indices 0..K-1, or 255 for ignore; taken one at a time.
        num_classes: K.
        factors: strides in pixels.

    Raises:
        InputError: a label is neither a class nor 255, or a factor below 1.

    >>> stripes = torch.tensor([[0, 0, 0, 1], [0, 0, 0, 1]])
    >>> stride_upper_bound([stripes], num_classes=2, factors=(2, 1))
    {2: 0.375, 1: 1.0}
    """
    bounds = StrideBounds(num_classes, factors)
    for labels in label_maps:
        bounds.add(labels)
    return bounds.mean_iou()


def stride_confusion(labels: LabelMap, num_classes: int, factors: Sequence[int]) -> Int64[Tensor, "F K K"]:
    """For each stride the confusion matrix of a label map with itself at that stride; summed, that of a data set.

    Args:
        labels: class indices of one image, or 255.
        num_classes: K.
        factors: strides in pixels.

    Raises:
        InputError: a label is neither a class nor 255.
    """
    check_label_maps(labels, labels, num_classes)
    confusion = torch.zeros(len(factors), num_classes, num_classes, dtype=torch.int64)
    # Cells of every stride are made of whole cells of their common divisor, so that pixels are counted once.
    finest, largest = math.gcd(*factors), math.lcm(*factors)
    rows = max(1, BAND // max(1, labels.shape[1]) // largest) * largest
    for top in range(0, labels.shape[0], rows):
        present, counts = _class_counts(labels[top : top + rows].cpu(), finest)
        if not len(present):
            continue
        for place, factor in enumerate(factors):
            cells = _coarser(counts, factor // finest)
            winners = present[cells.argmax(-1)].flatten()
            columns = cells.flatten(0, 1).T
            for truth, found in zip(present.tolist(), columns, strict=True):
                confusion[place, truth].index_add_(0, winners, found)
    return confusion


def _class_counts(labels: Tensor, factor: int) -> tuple[Tensor, Tensor]:
    """The classes that are there, P of them, and how many pixels of each there are in each cell (rows, columns, P)."""
    height, width = labels.shape
    there = torch.bincount(labels.flatten(), minlength=IGNORE + 1)
    there[IGNORE] = 0
    present = there.nonzero().flatten()
    # One more class collects the ignored pixels.
    number = torch.full((len(there),), len(present), dtype=torch.int64)
    number[present] = torch.arange(len(present))
    down, across = torch.arange(height) // factor, torch.arange(width) // factor
    size = -(-height // factor), -(-width // factor), len(present) + 1
    cells = (down[:, None] * size[1] + across) * size[2] + number[labels.long()]
    counts = torch.bincount(cells.flatten(), minlength=math.prod(size)).reshape(size)
    return present, counts[..., :-1]


def _coarser(counts: Tensor, factor: int) -> Tensor:
    """Counts of cells that are `factor` times as high and wide; the last may hold fewer cells."""
    for axis in (0, 1):
        short = -counts.shape[axis] % factor
        shape = list(counts.shape)
        shape[axis] = short
        counts = torch.cat([counts, counts.new_zeros(shape)], dim=axis)
        counts = counts.reshape(*counts.shape[:axis], -1, factor, *counts.shape[axis + 1 :]).sum(axis + 1)
    return counts

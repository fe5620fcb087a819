"""Attributes that need no table: measured on the image and its truth, for any data set."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pixelwise.audits.statistics.samples import Sample
from pixelwise.metrics.detection.records import Truth
from pixelwise.ops import box_area
from pixelwise.shapes import IGNORE, Image

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in brightness (ITU-R BT.601)."""


def brightness(sample: Sample) -> float:
    """Mean brightness of the image, 0..1."""
    return float(_luma(sample.read_images()[0]).mean())


def sharpness(sample: Sample) -> float:
    """Standard deviation of the Laplacian of the brightness (Pech-Pacheco et al. 2000); 0 for a flat image.

    Low values mean blur, or a scene without detail.
    """
    gray = _luma(sample.read_images()[0])
    if min(gray.shape) < 3:
        return math.nan
    middle = gray[1:-1, 1:-1]
    around = gray[:-2, 1:-1] + gray[2:, 1:-1] + gray[1:-1, :-2] + gray[1:-1, 2:]
    return float((around - 4 * middle).std(correction=0))


def object_size(sample: Sample) -> float:
    """Share of the image that objects cover: pixels of classes other than 0, or the boxes' mean area; NaN for none."""
    truth = sample.read_truth()
    if isinstance(truth, Truth):
        height, width = sample.read_images()[0].shape[1:]
        areas = box_area(truth.boxes)
        return float(areas.mean() / (height * width)) if len(areas) else math.nan
    inside = _foreground(truth)
    return float(inside.double().mean()) if inside is not None and bool(inside.any()) else math.nan


def object_position(sample: Sample) -> float:
    """Distance of the objects' centre of mass from the image's centre: 0 there, 1 in a corner; NaN for none."""
    truth = sample.read_truth()
    if isinstance(truth, Truth):
        if not len(truth.boxes):
            return math.nan
        height, width = sample.read_images()[0].shape[1:]
        x, y = ((truth.boxes[:, :2] + truth.boxes[:, 2:]) / 2).mean(0).tolist()
    else:
        inside = _foreground(truth)
        if inside is None or not bool(inside.any()):
            return math.nan
        height, width = inside.shape
        y, x = (inside.nonzero().double().mean(0) + 0.5).tolist()
    return math.hypot(2 * x / width - 1, 2 * y / height - 1) / math.sqrt(2)


def motion(sample: Sample) -> float:
    """Mean length of the true motion in pixels, where it is known; NaN without a true flow."""
    truth = sample.read_truth()
    if not isinstance(truth, Tensor) or truth.ndim != 3:
        return math.nan
    length = truth.double().norm(dim=0)
    return float(length.nanmean())


DERIVED: dict[str, Callable[[Sample], float]] = {
    "brightness": brightness,
    "sharpness": sharpness,
    "object_size": object_size,
    "object_position": object_position,
    "motion": motion,
}
"""By the name under which they are asked for."""


def _luma(image: Image) -> Tensor:
    return torch.einsum("chw,c->hw", image, torch.tensor(LUMA, dtype=image.dtype))


def _foreground(truth: Any) -> Tensor | None:
    """Pixels of classes other than 0 in a label map; None for other kinds of truth."""
    if not isinstance(truth, Tensor | np.ndarray) or truth.ndim != 2:
        return None
    labels = torch.as_tensor(truth)
    return (labels != 0) & (labels != IGNORE)

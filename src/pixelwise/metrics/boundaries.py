"""Boundary F1: are the outlines of each class where they should be, within a few pixels?

Counts first, ratios later, as in `pixelwise.metrics.segmentation`. The score is that of Csurka et al. 2013 ("What is
a good evaluation measure for semantic segmentation?", section 3.2), with the match by a disc as in the DAVIS
benchmark (Perazzi et al. 2016).
"""

from math import isqrt

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.metrics.segmentation import check_label_maps
from pixelwise.ops.window import read_window
from pixelwise.shapes import IGNORE, LabelMap

INTERIOR = IGNORE
"""Stands for pixels on no boundary: ignored pixels are on none either, and no class has this id."""


def boundary_counts(prediction: LabelMap, truth: LabelMap, num_classes: int, tolerance: int) -> Int64[Tensor, "K 4"]:
    """Per class: predicted boundary pixels near the true ones, all predicted, true ones near predicted ones, all true.

    A pixel is on the boundary of its class when one of its four neighbours has another class. So the boundary is one
    pixel wide and lies inside the region; the picture's border makes none. Pixels whose truth is 255 are taken out of
    both maps: they are on no boundary and make none for their neighbours. Near means: a boundary pixel *of the same
    class* with dx^2 + dy^2 <= tolerance^2.

    Args:
        prediction: class indices of one image.
        truth: class indices of the same size, or 255.
        num_classes: K.
        tolerance: radius of the disc in whole pixels; 0 asks for the very same pixel. Usual: 1, 2, 3.

    Raises:
        InputError: the sizes differ, a counted pixel has a class outside 0..K-1, or the tolerance is negative.
    """
    check_label_maps(prediction, truth, num_classes)
    if tolerance < 0:
        raise InputError("a tolerance of 0 pixels or more", str(tolerance), hint="use 1, 2 or 3 pixels")
    if truth.numel() == 0:
        return torch.zeros(num_classes, 4, dtype=torch.int64, device=truth.device)
    predicted = _boundary(prediction.where(truth != IGNORE, IGNORE))
    true = _boundary(truth)
    columns = [
        predicted[_near(predicted, true, tolerance)],
        predicted[predicted != INTERIOR],
        true[_near(true, predicted, tolerance)],
        true[true != INTERIOR],
    ]
    return torch.stack([torch.bincount(column.long(), minlength=num_classes) for column in columns], dim=1)


def boundary_f1(counts: Int64[Tensor, "*rows K 4"]) -> Float64[Tensor, "*rows K"]:
    """Per class, the harmonic mean of boundary precision and recall; 0..1.

    NaN for a class without any boundary, 0 for one with a boundary in only one of the maps. Counts summed over images
    give the score of the data set; Csurka et al. average the scores of single images instead:
    `boundary_f1(stacked).nanmean(0)`.
    """
    hit, predicted, found, true = counts.double().unbind(-1)
    precision = hit / predicted.clamp(min=1)
    recall = found / true.clamp(min=1)
    score = 2 * precision * recall / (precision + recall).where(precision + recall > 0, 1)
    return score.where(predicted + true > 0, torch.nan)


def _boundary(labels: Tensor) -> Tensor:
    """The class id on boundary pixels and INTERIOR elsewhere, as uint8: memory traffic is what `_near` costs."""
    labels = labels.to(torch.uint8)
    counted = labels != IGNORE
    on_boundary = torch.zeros_like(counted)
    down = (labels[1:] != labels[:-1]) & counted[1:] & counted[:-1]
    right = (labels[:, 1:] != labels[:, :-1]) & counted[:, 1:] & counted[:, :-1]
    on_boundary[1:] |= down
    on_boundary[:-1] |= down
    on_boundary[:, 1:] |= right
    on_boundary[:, :-1] |= right
    return labels.where(on_boundary, INTERIOR)


def _near(boundary: Tensor, other: Tensor, tolerance: int) -> Tensor:
    """True where a boundary pixel has one of the same class in `other` within the disc.

    A boundary pixel belongs to one class only, so comparing class ids once per offset serves all classes at once.
    """
    height, width = boundary.shape
    near = torch.zeros_like(boundary, dtype=torch.bool)
    padded_size = (height + 2 * tolerance, width + 2 * tolerance)
    padded = read_window(other, -tolerance, -tolerance, padded_size, border="constant", value=INTERIOR)
    for dy in range(-tolerance, tolerance + 1):
        reach = isqrt(tolerance**2 - dy**2)
        for dx in range(-reach, reach + 1):
            near |= read_window(padded, tolerance + dy, tolerance + dx, (height, width)) == boundary
    return near & (boundary != INTERIOR)

"""The boundary loss: how much probability lies how far on the wrong side of each class's outline."""

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt  # type: ignore[import-untyped]  # scipy ships no types
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.losses.label_checks import check_classes, check_labels
from pixelwise.shapes import IGNORE, LabelMaps, Scores

HALF = 0.5
"""Pixels: the outline runs midway between the centres of two neighbours, one inside and one outside."""


def boundary_loss(
    scores: Scores, labels: LabelMaps, distances: Float[Tensor, "B K H W"] | None = None
) -> Float[Tensor, ""]:
    """The mean over classes and counted pixels of softmax probability times signed distance, in pixels.

    Negative where the prediction is good: a perfect one reaches the mean of the negative distances. It is meant for a
    sum with cross-entropy or Dice, with a small weight such as 0.01 at first, as distances are tens of pixels while
    the other terms are about 1. Source: Kervadec et al. 2019, "Boundary loss for highly unbalanced segmentation",
    equation 5. Pixels labelled 255, and classes without an outline in an image, add nothing. A batch without a
    counted pixel gives 0, with zero gradients.

    Differs from the paper: all classes take part, not the foreground alone; and ours is a mean, not a sum.

    Args:
        scores: logits, one per class and pixel.
        labels: class indices 0..K-1, or 255 for ignore.
        distances: `signed_distances(labels, K)`, where they are known already.

    Raises:
        InputError: sizes differ, or a label is neither a class nor 255.
    """
    check_labels(scores, labels)
    if distances is None:
        distances = signed_distances(labels, scores.shape[1])
    elif distances.shape != scores.shape:
        raise InputError(
            f"distances of shape {tuple(scores.shape)}, as the scores are",
            str(tuple(distances.shape)),
            hint="pass signed_distances(labels, num_classes), or leave them out",
        )
    counted = labels != IGNORE
    weighed = scores.softmax(dim=1) * distances.to(scores).where(counted[:, None], 0)
    return weighed.sum() / (counted.sum() * scores.shape[1]).clamp(min=1)


def signed_distances(labels: LabelMaps, num_classes: int) -> Float[Tensor, "B K H W"]:
    """The distance of each pixel from the outline of each class, in pixels: negative inside the class, else positive.

    The outline runs between pixels: two neighbours on its two sides have -0.5 and 0.5, the next ones -1.5 and 1.5.
    So of two classes the distances of one are minus those of the other. Distances are those to the nearest counted
    pixel of the other side, less one half. Pixels labelled 255 are on no side and get 0. A class that an image lacks,
    or that fills it, has no outline there and gets 0 everywhere.

    Differs from the authors' code, where pixels next to the outline have 0 inside and 1 outside.

    >>> signed_distances(torch.tensor([[[0, 0, 1, 1]]]), 2)[0, 1]
    tensor([[ 1.5000,  0.5000, -0.5000, -1.5000]])

    Args:
        labels: class indices 0..K-1, or 255 for ignore.
        num_classes: K.

    Raises:
        InputError: a label is neither a class nor 255.
    """
    check_classes(labels, num_classes)
    distances = torch.zeros(labels.shape[0], num_classes, *labels.shape[1:])
    for image, label_map in enumerate(labels.cpu().numpy()):
        counted = label_map != IGNORE
        for label in np.unique(label_map[counted]).tolist():
            inside = label_map == label
            outside = counted & ~inside
            if outside.any():
                distances[image, label] = torch.from_numpy(_from_outline(inside, outside))
    return distances.to(labels.device)


def _from_outline(inside: NDArray[np.bool_], outside: NDArray[np.bool_]) -> NDArray[np.float32]:
    to_inside, to_outside = distance_transform_edt(~inside), distance_transform_edt(~outside)
    signed: NDArray[np.float64] = np.where(outside, to_inside - HALF, np.where(inside, HALF - to_outside, 0))
    return signed.astype(np.float32)

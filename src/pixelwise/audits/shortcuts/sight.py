"""What a model sees in a region of an image: the one question that all probes ask, of models of any task."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.results import Detections, Segmentation
from pixelwise.shapes import Image, Images, LabelMap, Mask

Shares = Float64[np.ndarray, " K"]
"""How much of a region the model gives to each class; 0..1, of sum 1."""

Sight = Callable[[Image, Mask], Shares]
"""From an image 0..1 and a region of at least one pixel to the shares of the classes there."""

OVERLAP = 0.5
"""Least IoU of a detection with the region's box to be about that object; PASCAL VOC's."""


def classifier_sight(predict: Callable[[Images], Tensor]) -> Sight:
    """Sight of a classifier of whole images: 1 for the best class, 0 for the others, wherever the region lies.

    Args:
        predict: from images (1, 3, H, W) to scores (1, K).
    """

    def sight(image: Image, region: Mask) -> Shares:
        with torch.inference_mode():
            scores = predict(image[None])
        if scores.ndim != 2 or len(scores) != 1:
            raise InputError("scores of shape (1, K)", f"{tuple(scores.shape)}", hint="return one score for each class")
        if not scores.isfinite().all():
            raise InputError("finite scores", f"{scores[0].tolist()[:5]}", hint="look at the model on this image")
        shares = np.zeros(scores.shape[1])
        shares[int(scores[0].argmax())] = 1
        return shares

    return sight


def segmenter_sight(predict: Callable[[Image], Segmentation | LabelMap], num_classes: int) -> Sight:
    """Sight of a model that labels every pixel: the share of the region's pixels that each class gets.

    Args:
        predict: from an image to its labels, 0..K-1, of the same size.
        num_classes: K.
    """

    def sight(image: Image, region: Mask) -> Shares:
        with torch.inference_mode():
            found = predict(image)
        labels = found.labels if isinstance(found, Segmentation) else found
        if labels.shape != region.shape:
            raise InputError(
                f"labels of the image's size {tuple(region.shape)}", f"{tuple(labels.shape)}", hint="resize the labels"
            )
        inside = labels[region.to(labels.device)].long()
        if int(inside.amin()) < 0 or int(inside.amax()) >= num_classes:
            raise InputError(
                f"labels 0..{num_classes - 1}", f"{int(inside.amax())}", hint="give num_classes of the model"
            )
        counts = torch.bincount(inside, minlength=num_classes).cpu().numpy()
        return np.asarray(counts / counts.sum(), dtype=np.float64)

    return sight


def detector_sight(predict: Callable[[Image], Detections], num_classes: int) -> Sight:
    """Sight of a detector: 1 for the class of the best detection of the region's object, or for class 0 without one.

    The best is the one of highest score whose box has an IoU of 0.5 or more with the region's.

    Args:
        predict: from an image to what was found in it.
        num_classes: K, with the background.
    """

    def sight(image: Image, region: Mask) -> Shares:
        with torch.inference_mode():
            found = predict(image)
        shares = np.zeros(num_classes)
        shares[_label_at(found, region)] = 1
        return shares

    return sight


def _label_at(found: Detections, region: Mask) -> int:
    rows, columns = region.nonzero().unbind(1)
    box = torch.stack([columns.amin(), rows.amin(), columns.amax() + 1, rows.amax() + 1]).to(found.boxes)
    if not len(found):
        return 0
    inner = (found.boxes[:, 2:].minimum(box[2:]) - found.boxes[:, :2].maximum(box[:2])).clamp(min=0).prod(1)
    union = (found.boxes[:, 2:] - found.boxes[:, :2]).prod(1) + (box[2:] - box[:2]).prod() - inner
    near = (inner >= OVERLAP * union).nonzero()[:, 0]
    return int(found.labels[near[found.scores[near].argmax()]]) if len(near) else 0

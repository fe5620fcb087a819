"""Images in, objects out: a detector's forward pass and its decoding in one call."""

from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Num
from torch import Tensor

from pixelwise.models.detection.decode import MASK_THRESHOLD, MOST, OVERLAP, SCORE_THRESHOLD, decode
from pixelwise.models.detection.faster_rcnn import FasterRCNN
from pixelwise.models.detection.mask_rcnn import MaskRCNN
from pixelwise.results import Detections


@torch.no_grad()
def detect(
    model: FasterRCNN | MaskRCNN,
    images: Sequence[Num[Tensor, "_ _ _"]],
    classes: Sequence[str] | None = None,
    score_threshold: float = SCORE_THRESHOLD,
    overlap: float = OVERLAP,
    most: int = MOST,
    class_agnostic: bool = False,
    mask_threshold: float = MASK_THRESHOLD,
) -> list[Detections]:
    """The objects of each image, best first; with masks from a Mask R-CNN.

    The model stays in the mode it is in: call `model.eval()` before, or batch normalisation counts these images.

    Args:
        model: the network.
        images: RGB, float 0..1, each of any size.
        classes: see `decode`, like all that follow.
        score_threshold: scores must be above it.
        overlap: largest intersection over union at which two boxes stay.
        most: objects per image.
        class_agnostic: whether boxes of different classes suppress each other, too.
        mask_threshold: probability from which a pixel is inside.

    Raises:
        InputError: no images, or one that is none; names for another number of classes.
    """
    outputs = model(images)
    masks = partial(model.mask_scores, outputs.features) if isinstance(model, MaskRCNN) else None
    return decode(outputs.boxes, classes, score_threshold, overlap, most, class_agnostic, masks, mask_threshold)

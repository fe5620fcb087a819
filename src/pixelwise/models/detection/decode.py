"""From raw outputs to detections: classes decided, boxes moved and thinned out, masks pasted.

Source: Girshick 2015, "Fast R-CNN", section 2.3; the order of the steps and the numbers are those of the published
networks. Masks: He et al. 2017, section 3, "Inference".
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.models.detection.outputs import BoxOutputs
from pixelwise.models.detection.propose import by_image, clipped, image_limits
from pixelwise.ops import batched_nms, decode_boxes, paste_masks
from pixelwise.results import Detections

SCORE_THRESHOLD, OVERLAP, MOST = 0.05, 0.5, 100
"""Least score, largest intersection over union within a class, and objects per image, as published."""

LEAST_SIDE = 1e-2
"""Thinner boxes, in pixels of the resized image, are dropped."""

BOX_WEIGHTS = (10, 10, 5, 5)
"""Of the box head's deltas (Girshick et al. 2014, appendix C, as published: one over their usual deviations)."""

MASK_THRESHOLD = 0.5
"""He et al. 2017, section 3: soft masks are cut at 0.5."""

MaskScores = Callable[[list[Float[Tensor, "_ 4"]]], Float[Tensor, "R K h w"]]
"""Logits of masks for the boxes of each image: `MaskRCNN.mask_scores` with features."""


def decode(
    outputs: BoxOutputs,
    classes: Sequence[str] | None = None,
    score_threshold: float = SCORE_THRESHOLD,
    overlap: float = OVERLAP,
    most: int = MOST,
    class_agnostic: bool = False,
    mask_scores: MaskScores | None = None,
    mask_threshold: float = MASK_THRESHOLD,
) -> list[Detections]:
    """The objects of each image, best first, in pixels of the image as it was given.

    Every region may become an object of several classes: each class whose probability is above the threshold gives a
    box. Boxes are cut to the image; those thinner than 0.01 pixels are dropped, and so is whatever has a NaN.

    Args:
        outputs: what the network said about its regions.
        classes: their names, the background first; None names them by their numbers.
        score_threshold: scores must be above it.
        overlap: largest intersection over union at which two boxes stay.
        most: objects per image.
        class_agnostic: whether boxes of different classes suppress each other, too.
        mask_scores: gives masks for the boxes that stay; without it there are none.
        mask_threshold: probability from which a pixel is inside.

    Raises:
        InputError: names for another number of classes.
    """
    names = _names(classes, outputs.scores.logits.shape[1])
    boxes, scores, labels = _kept(outputs, score_threshold, overlap, most, class_agnostic)
    masks = [None] * len(boxes) if mask_scores is None else _probabilities(mask_scores(boxes), labels)
    found = []
    for frame, one, score, label, mask in zip(outputs.frames, boxes, scores, labels, masks, strict=True):
        placed = frame.to_original(one)
        pasted = None if mask is None else paste_masks(mask, placed, frame.original, mask_threshold)
        found.append(Detections(placed, score, label, names, pasted, frame.original))
    return found


def _kept(
    outputs: BoxOutputs, threshold: float, overlap: float, most: int, class_agnostic: bool
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Boxes in the network's frame, scores and labels of the objects of each image."""
    logits, deltas = outputs.scores
    regions = torch.cat(outputs.proposals)
    counts = [len(one) for one in outputs.proposals]
    image = torch.arange(len(counts), device=regions.device).repeat_interleave(regions.new_tensor(counts).long())
    limits = image_limits([frame.resized for frame in outputs.frames], regions)
    probabilities = logits.softmax(dim=1)
    # Only what is above the threshold is moved: usually a few of 1000 regions times 91 classes.
    region, label = (probabilities[:, 1:] > threshold).nonzero(as_tuple=True)
    label = label + 1
    image = image[region]
    boxes = clipped(decode_boxes(deltas[region, label], regions[region], BOX_WEIGHTS), limits[image])
    wide = (boxes[:, 2:] - boxes[:, :2] >= LEAST_SIDE).all(dim=1).nonzero().squeeze(1)
    boxes, label, image, scores = boxes[wide], label[wide], image[wide], probabilities[region, label][wide]
    group = image if class_agnostic else image * logits.shape[1] + label
    kept = [one[:most] for one in by_image(batched_nms(boxes, scores, group, overlap), image, len(counts))]
    return [boxes[one] for one in kept], [scores[one] for one in kept], [label[one] for one in kept]


def _probabilities(logits: Float[Tensor, "R K h w"], labels: list[Int64[Tensor, " _"]]) -> list[Tensor]:
    """The mask of each object's own class, image by image."""
    rows = torch.arange(len(logits), device=logits.device)
    chosen = logits[rows, torch.cat(labels)].sigmoid()
    return list(torch.split(chosen, [len(one) for one in labels]))


def _names(classes: Sequence[str] | None, count: int) -> tuple[str, ...]:
    if classes is None:
        return ("background", *(str(number) for number in range(1, count)))
    if len(classes) != count:
        raise InputError(
            f"names of the model's {count} classes, the background first",
            f"{len(classes)} names",
            'pass classes=("background", ...) in the order of the training',
        )
    return tuple(classes)

"""The floor under a detector's scores: what who has never seen an image would answer."""

import torch

from pixelwise.inference.object_facts import ObjectFacts
from pixelwise.ops.boxes import clip_boxes_to_image
from pixelwise.results import Detections
from pixelwise.shapes import Size

MOST = 100
"""Detections of an image that count."""

BASELINE_PROTOCOL = (
    "A grid of equal boxes: every image is covered, without overlap, by boxes of the mean height and width that the "
    "commonest class has in the training set, all of that class and all with the same score; at most 100. It needs no "
    "image; a detector must be far above it."
)


def grid_detections(size: Size, facts: ObjectFacts) -> Detections:
    """Boxes of the commonest class's mean size, side by side over the whole image; cut at its right and lower border.

    Args:
        size: height and width of the image.
        facts: what the run knows of its training objects.
    """
    height, width = (max(1.0, side) for side in facts.sides)
    y, x = (torch.arange(0, length, side) for length, side in zip(size, (height, width), strict=True))
    down, across = torch.meshgrid(y, x, indexing="ij")
    corners = torch.stack([across, down], dim=-1).reshape(-1, 2)[:MOST].float()
    boxes = clip_boxes_to_image(torch.cat([corners, corners + torch.tensor([width, height])], dim=1), size)
    count = len(boxes)
    labels = torch.full((count,), facts.commonest, dtype=torch.int64)
    return Detections(boxes, torch.full((count,), 0.5), labels, facts.classes, None, size)

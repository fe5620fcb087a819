"""Whether the four numbers of a data set's boxes were meant in another order than its format says.

One box proves nothing. But where many boxes do not fit their image as the format reads them, and nearly all fit when
read otherwise, the writer meant the other. Boxes that are all small and near the upper left corner fit both ways;
nothing can be said of them.
"""

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pixelwise.data.detection.repair import MIN_SIDE, SLACK
from pixelwise.shapes import Boxes

FEWEST = 10
"""Boxes below which a pattern may be chance."""

MISFITS = 0.25
"""Share of boxes that must not fit as they are read; sloppy labelling leaves a few percent."""

FITTING = 0.99
"""Share of boxes that must fit the other way."""


def meant_otherwise(
    layout: Literal["coco", "voc", "yolo", "instances"], boxes: Boxes, sizes: Float[Tensor, "N 2"]
) -> tuple[str, float] | None:
    """What the boxes seem to be instead, in words, and the share that does not fit as they are read.

    Args:
        layout: whose reading `boxes` are.
        boxes: x0 y0 x1 y1 in pixels, of all images.
        sizes: height and width of the image of each.
    """
    if len(boxes) < FEWEST or layout == "instances":  # those are read off the pixels
        return None
    misfits = float((~_fits(boxes, sizes)).double().mean())
    if misfits < MISFITS:
        return None
    for words, others in _other_readings(layout, boxes):
        if float(_fits(others, sizes).double().mean()) >= FITTING:
            return words, misfits
    return None


def _other_readings(layout: str, boxes: Boxes) -> list[tuple[str, Boxes]]:
    """The numbers of the file, read in the orders that other formats have."""
    corner, sides = boxes[:, :2], boxes[:, 2:] - boxes[:, :2]
    if layout == "coco":
        return [("corners x0 y0 x1 y1 instead of x y width height", torch.cat([corner, sides], dim=1))]
    if layout == "voc":
        return [("x y width height instead of corners", torch.cat([corner, corner + boxes[:, 2:]], dim=1))]
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    return [
        ("corners x0 y0 x1 y1 instead of centre and size", torch.cat([centre, sides], dim=1)),
        ("x y of the corner instead of the centre, with width height", torch.cat([centre, centre + sides], dim=1)),
    ]


def _fits(boxes: Boxes, sizes: Float[Tensor, "N 2"]) -> Bool[Tensor, " N"]:
    limit = sizes.flip(1) + SLACK
    proper = (boxes[:, 2:] - boxes[:, :2] >= MIN_SIDE).all(dim=1)
    return proper & (boxes[:, :2] >= -SLACK).all(dim=1) & (boxes[:, 2:] <= limit).all(dim=1)

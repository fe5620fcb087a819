"""One random draw moves an image and its objects: boxes, run-length masks and marks together.

Masks are drawn into as few maps of object numbers as their overlaps allow (usually one), the maps are moved, and the
masks read off again: a thousand objects cost about as much as one.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from scipy import ndimage  # type: ignore[import-untyped]  # scipy ships no types
from torch import Tensor

from pixelwise.data.detection.objects import Objects
from pixelwise.data.transforms.augmentation import Augmentation
from pixelwise.data.transforms.boxes import move_boxes
from pixelwise.data.transforms.colour import draw_tint, tinted
from pixelwise.data.transforms.geometry import Move, Point, centred, draw_move, read
from pixelwise.ops.boxes import box_area
from pixelwise.ops.run_lengths import Rle, decode_mask, encode_mask, rle_boxes
from pixelwise.shapes import Image, Size

SEEN = 0.3
"""Share of an object that must be left in the crop for it to be learned; of less, nobody could tell what it is, so it
counts as little as a crowd. (Liu et al. 2016, "SSD", section 2.2, keep what has its centre inside, about a half.)"""


def augment_objects(
    image: Image,
    objects: Objects,
    augmentation: Augmentation,
    generator: torch.Generator,
    around: Point | None = None,
    fill: Sequence[float] = (0.5, 0.5, 0.5),
) -> tuple[Float[Tensor, "3 h w"], Objects]:
    """The image and its objects as one random draw shows them.

    Objects without area in the crop are left out; those of which less than `SEEN` is left are marked difficult, so
    that they are neither right nor wrong. Outside the image is the colour `fill`, not its mirror image, which would
    show objects that nobody has marked. Boxes of objects with masks are the tightest around what is left of the mask.

    Args:
        image: RGB, float 0..1.
        objects: those in it, after `pixelwise.data.detection.repair`.
        augmentation: what may happen.
        generator: the only source of chance.
        around: a point to have in the middle of the crop, as far as the image's border allows.
        fill: a colour.
    """
    move = draw_move(augmentation.geometry, augmentation.crop, (image.shape[1], image.shape[2]), generator)
    if around is not None:
        move = centred(move, around, (image.shape[1], image.shape[2]))
    tint = draw_tint(augmentation.colour, generator)
    colour = image.new_tensor(fill).view(3, 1, 1)
    moved = read(move, image - colour, "bilinear", "constant") + colour
    return tinted(moved.clamp(0, 1), tint, generator), _moved(objects, move)


def _moved(objects: Objects, move: Move) -> Objects:
    boxes, kept = move_boxes(move, objects.boxes)
    whole = box_area(objects.boxes[kept]).clamp(min=1e-6) * abs(float(torch.linalg.det(move.forward)))
    height, width = move.size
    moved = replace(
        objects.take(kept),
        boxes=boxes,
        difficult=objects.difficult[kept] | (box_area(boxes) < SEEN * whole),
        masks=None,
        size=(height, width),
    )
    if objects.masks is None:
        return moved
    masks = _moved_masks([objects.masks[number] for number in kept.tolist()], objects.size, move)
    there = torch.tensor([mask is not None for mask in masks], dtype=torch.bool)
    left = tuple(mask for mask in masks if mask is not None)
    tight = torch.from_numpy(rle_boxes(left)).float().reshape(-1, 4)
    return replace(moved.take(there), boxes=tight, masks=left)


def _moved_masks(masks: list[Rle], size: Size, move: Move) -> list[Rle | None]:
    """Each mask after the move; None where nothing is left of it."""
    found: list[Rle | None] = [None] * len(masks)
    layers = _layers(masks, size)
    if not len(layers):
        return found
    height, width = move.size
    for layer in read(move, torch.from_numpy(layers), "nearest", "constant").numpy():
        for number, window in enumerate(ndimage.find_objects(layer)):
            if window is not None:
                corner = window[0].start, window[1].start
                found[number] = encode_mask(layer[window] == number + 1, (height, width), corner)
    return found


def _layers(masks: list[Rle], size: Size) -> NDArray[np.int32]:
    """Maps (L, H, W) of object numbers from 1 on, 0 elsewhere; objects that overlap are in different maps."""
    layers: list[NDArray[np.int32]] = []
    for number, mask in enumerate(masks, start=1):
        inside = decode_mask(mask)
        layer = next((layer for layer in layers if not layer[inside].any()), None)
        if layer is None:
            layer = np.zeros(size, np.int32)
            layers.append(layer)
        layer[inside] = number
    return np.stack(layers) if layers else np.zeros((0, *size), np.int32)

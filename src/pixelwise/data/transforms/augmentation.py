"""Augmentation: one random draw moves image, labels, boxes, masks and flow together, and changes colours."""

from dataclasses import dataclass, field, replace

import torch

from pixelwise.data.transforms.boxes import move_boxes
from pixelwise.data.transforms.colour import Colour, draw_tint, tinted
from pixelwise.data.transforms.geometry import Geometry, Move, draw_move, read
from pixelwise.data.transforms.motion import move_flow
from pixelwise.data.transforms.sample import Sample
from pixelwise.errors import InputError
from pixelwise.shapes import IGNORE, Size


@dataclass(frozen=True)
class Augmentation:
    """What may happen: a crop (height, width) or None for the whole image, how far it moves, how colours change."""

    crop: Size | None = None
    geometry: Geometry = field(default_factory=Geometry)
    colour: Colour = field(default_factory=Colour)

    def __post_init__(self) -> None:
        """Checks the crop.

        Raises:
            InputError: the crop has a side below one pixel.
        """
        if self.crop is not None and min(self.crop) < 1:
            raise InputError(
                "a crop (height, width) of at least 1x1", str(self.crop), hint="pass crop=(256, 256), or None"
            )


def none(crop: Size | None = None) -> Augmentation:
    """No change but the place of the crop."""
    return Augmentation(crop)


def light(crop: Size | None = None) -> Augmentation:
    """Left-right flips, small changes of size and of light: safe for photographs of nearly everything."""
    return Augmentation(
        crop, Geometry(flip=True, scale=(0.8, 1.25)), Colour(brightness=0.1, contrast=0.2, saturation=0.2)
    )


def strong(crop: Size | None = None) -> Augmentation:
    """Everything but vertical flips and quarter turns, which suit pictures without an "up" (microscopy, aerial views).

    Add those with `dataclasses.replace(a, geometry=dataclasses.replace(a.geometry, flip_vertical=True,
    rotate90=True))`.
    """
    # U-Net displaced 512-pixel images by a sigma of 10 pixels (Ronneberger et al. 2015); the same share for smaller
    # crops, as 10 pixels would fold a crop of 64. Without a crop the size is unknown and half of it is safe from 128
    # pixels on.
    elastic = 5.0 if crop is None else min(10.0, min(crop) / 51.2)
    return Augmentation(
        crop,
        Geometry(flip=True, rotation=15, scale=(0.5, 2.0), shear=5, elastic=elastic),
        Colour(brightness=0.2, contrast=0.4, saturation=0.4, hue=10, gamma=0.3, noise=0.03, blur=1.0),
    )


def augment(sample: Sample, augmentation: Augmentation, generator: torch.Generator) -> Sample:
    """The sample as one random draw shows it: every part moved by the same geometry, both images tinted alike.

    The image is read bilinearly and continues outside as its mirror image; labels are read from the nearest pixel and
    are 255 outside; masks are empty and flow is invalid there. So an image smaller than the crop is padded the same
    way. Boxes and flow: see `move_boxes` and `move_flow`. With crops, flips and quarter turns only, pixels are copied
    exactly. Only the crop is computed, so a small crop of a huge image is cheap. No part of the result shares memory
    with the input.

    Args:
        sample: what is moved; it stays as it is.
        augmentation: what may happen.
        generator: a CPU generator, the only source of chance: the same state gives the same result.
    """
    height, width = sample.image.shape[1:]
    move = draw_move(augmentation.geometry, augmentation.crop, (height, width), generator)
    tint = draw_tint(augmentation.colour, generator)
    moved = move_sample(sample, move)
    image = tinted(moved.image, tint, generator)
    second = None if moved.second is None else tinted(moved.second, tint, generator)
    return replace(moved, image=image, second=second)


def move_sample(sample: Sample, move: Move) -> Sample:
    """The sample seen through one geometry, its colours as they are; see `augment`."""
    image = read(move, sample.image, "bilinear", "reflect")
    second = None if sample.second is None else read(move, sample.second, "bilinear", "reflect")
    labels = None if sample.labels is None else read(move, sample.labels[None], "nearest", "constant", IGNORE)[0]
    flow, valid = (None, None) if sample.flow is None else move_flow(move, sample.flow, sample.valid)
    boxes, masks, kept = _moved_objects(sample, move)
    return Sample(image, labels, boxes, flow, second, valid, masks, kept)


def _moved_objects(sample: Sample, move: Move) -> tuple[torch.Tensor | None, torch.Tensor | None, torch.Tensor | None]:
    """Boxes, masks and the rows kept. Masks without boxes all stay, in their order."""
    boxes, masks, kept = sample.boxes, sample.masks, None
    if boxes is not None:
        boxes, kept = move_boxes(move, boxes)
    if masks is not None:
        masks = read(move, masks if kept is None else masks[kept], "nearest", "constant")
    return boxes, masks, kept

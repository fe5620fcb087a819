"""Augmented crops around a chosen pixel instead of anywhere."""

import dataclasses

import torch

from pixelwise.data.transforms.augmentation import Augmentation
from pixelwise.data.transforms.colour import draw_tint, tinted
from pixelwise.data.transforms.geometry import Move, draw_move, read
from pixelwise.data.transforms.sample import Sample
from pixelwise.shapes import IGNORE, Size
from pixelwise.training.sampling import Pixel


def augment_around(sample: Sample, augmentation: Augmentation, pixel: Pixel, generator: torch.Generator) -> Sample:
    """The image and labels of the sample as one random draw shows them, the pixel in the middle of the crop.

    All but the place is drawn as by `pixelwise.data.transforms.augment`. Near the image's border the crop stands as
    far in as it must, and in the middle along an axis where the image is too small for it. Elastic moves displace the
    pixel by their few pixels.

    Args:
        sample: an image with labels; other parts are left out.
        augmentation: what may happen.
        pixel: row and column.
        generator: the only source of chance.
    """
    assert sample.labels is not None, "sampling by class needs labels"
    height, width = sample.image.shape[1:]
    move = _moved_to(
        draw_move(augmentation.geometry, augmentation.crop, (height, width), generator), pixel, (height, width)
    )
    tint = draw_tint(augmentation.colour, generator)
    image = tinted(read(move, sample.image, "bilinear", "reflect"), tint, generator)
    return Sample(image, read(move, sample.labels[None], "nearest", "constant", IGNORE)[0])


def _moved_to(move: Move, pixel: Pixel, size: Size) -> Move:
    """The move with the pixel's centre in the middle of the crop, as near as the image's border allows."""
    footprint = move.matrix.abs() @ torch.tensor(move.size[::-1], dtype=torch.float64)
    free = torch.tensor(size[::-1], dtype=torch.float64) - footprint
    wanted = torch.tensor(pixel[::-1], dtype=torch.float64) + 0.5 - footprint / 2
    middle = free / 2
    if move.exact:  # such moves copy whole pixels
        wanted, middle = wanted.floor(), middle.floor()
    start = torch.where(free >= 0, wanted.clamp(min=0).minimum(free), middle)
    return dataclasses.replace(move, centre=start + footprint / 2)

"""Augmented crops around a chosen pixel instead of anywhere."""

import torch

from pixelwise.data.transforms.augmentation import Augmentation
from pixelwise.data.transforms.colour import draw_tint, tinted
from pixelwise.data.transforms.geometry import centred, draw_move, read
from pixelwise.data.transforms.sample import Sample
from pixelwise.shapes import IGNORE
from pixelwise.training.segmentation.sampling import Pixel


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
    drawn = draw_move(augmentation.geometry, augmentation.crop, (height, width), generator)
    move = centred(drawn, (pixel[1] + 0.5, pixel[0] + 0.5), (height, width))
    tint = draw_tint(augmentation.colour, generator)
    image = tinted(read(move, sample.image, "bilinear", "reflect"), tint, generator)
    return Sample(image, read(move, sample.labels[None], "nearest", "constant", IGNORE)[0])

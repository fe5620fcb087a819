"""Augmentation of pairs: one draw moves both images, their flow and masks, and changes colours."""

from dataclasses import dataclass, field

import torch

from pixelwise.data.flow.moved import leaves_sight, moved_flow
from pixelwise.data.flow.pair import FlowPair
from pixelwise.data.flow.relative import Relative, draw_second
from pixelwise.data.transforms.colour import Colour, draw_tint, tinted
from pixelwise.data.transforms.geometry import Geometry, draw_move, read
from pixelwise.errors import InputError
from pixelwise.shapes import Size


@dataclass(frozen=True)
class FlowAugmentation:
    """What may happen to a pair.

    `crop` is (height, width), or None for the whole images. `geometry` moves both images alike and `relative` the
    second one besides. `colour` changes both alike; `asymmetric` changes each on its own, as two exposures of a
    camera differ. Noise, if any, is drawn for each image.
    """

    crop: Size | None = None
    geometry: Geometry = field(default_factory=Geometry)
    relative: Relative = field(default_factory=Relative)
    colour: Colour = field(default_factory=Colour)
    asymmetric: Colour = field(default_factory=Colour)

    def __post_init__(self) -> None:
        """Checks the crop and the geometry.

        Raises:
            InputError: the crop has a side below one pixel, or the geometry is elastic.
        """
        if self.crop is not None and min(self.crop) < 1:
            raise InputError(
                "a crop (height, width) of at least 1x1", str(self.crop), hint="pass crop=(320, 448), or None"
            )
        if self.geometry.elastic:
            raise InputError(
                "a geometry of straight lines for flow",
                f"elastic={self.geometry.elastic}",
                hint="leave elastic out, or use pixelwise.data.transforms.augment, which knows no relative motion",
            )


def flow_augmentation(crop: Size | None = None) -> FlowAugmentation:
    """What flow networks are usually trained with: flips, turns, zooms, a little relative motion, strong colours.

    The ranges of the geometry follow what is known of FlowNet's training (turns of 10 degrees, zooms to 1.5; relative
    turns of 1 degree and zooms of 1.5 %); those of the colours are ours.
    """
    return FlowAugmentation(
        crop,
        Geometry(flip=True, flip_vertical=True, rotation=10, scale=(1.0, 1.5)),
        Relative(shift=2, rotation=1, zoom=0.015),
        Colour(brightness=0.15, contrast=0.4, saturation=0.4, hue=15, gamma=0.4, noise=0.03),
        Colour(brightness=0.03, contrast=0.1, saturation=0.1, gamma=0.1),
    )


def augment_pair(pair: FlowPair, augmentation: FlowAugmentation, generator: torch.Generator) -> FlowPair:
    """The pair as one random draw shows it, with the flow between the images as they are now.

    Images are read bilinearly and continue outside as their mirror images; there the flow is not valid. With crops,
    flips and quarter turns only, pixels are copied exactly. Pixels whose flow ends outside the second crop become
    occluded where the pair knows of occlusion. No part of the result shares memory with the input.

    Args:
        pair: what is moved; it stays as it is.
        augmentation: what may happen.
        generator: a CPU generator, the only source of chance: the same state gives the same result. One that is seeded
            with (seed, epoch, index), as `pixelwise.training.draws.generator_for` makes it, gives every epoch draws of
            its own, whichever process works on the pair.
    """
    size = (pair.image.shape[1], pair.image.shape[2])
    move = draw_move(augmentation.geometry, augmentation.crop, size, generator)
    second = draw_second(move, augmentation.relative, generator)
    shared = draw_tint(augmentation.colour, generator)
    images = []
    for image, how in ((pair.image, move), (pair.second, second)):
        own = draw_tint(augmentation.asymmetric, generator)
        seen = tinted(read(how, image, "bilinear", "reflect"), shared, generator)
        images.append(tinted(seen, own, generator))
    flow, valid = moved_flow(move, second, pair.flow, pair.valid)
    occluded = None
    if pair.occluded is not None:
        occluded = read(move, pair.occluded[None], "nearest", "constant")[0]
        occluded |= leaves_sight(move, pair.flow, flow, size) & valid
    return FlowPair(images[0], images[1], flow, valid, occluded)

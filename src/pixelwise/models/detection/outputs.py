"""What a detector gives: raw numbers, in training and evaluation alike, that losses and decoding are functions of.

Images of different sizes are run in groups, see `pixelwise.models.detection.batching`. What exists once per group is
kept per group; whoever is not interested in groups asks `RegionScores.per_image`. Boxes are in pixels of the image as
the network saw it (`Frame.resized`), images are in the order in which they were given.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from pixelwise.shapes import Boxes, Size


class Frame(NamedTuple):
    """The sizes of one image on its way into the network."""

    original: Size
    """As it was given."""
    resized: Size
    """After the resize rule: the frame in which all boxes of this module are."""
    padded: Size
    """With the zeros below and to the right."""

    def to_original(self, boxes: Boxes) -> Boxes:
        """Boxes of the resized image in pixels of the given one."""
        return boxes * _factors(boxes, self.original, self.resized)

    def to_resized(self, boxes: Boxes) -> Boxes:
        """Boxes of the given image in pixels of the resized one: what true boxes need before a loss."""
        return boxes * _factors(boxes, self.resized, self.original)


class FeatureGroup(NamedTuple):
    """Features of the images that were run together."""

    levels: list[Float[Tensor, "G C _ _"]]
    """From fine to coarse: all that the region proposals read; the heads read the first ones."""
    numbers: tuple[int, ...]
    """Which images these are."""


class Features(NamedTuple):
    """Features of all images."""

    groups: tuple[FeatureGroup, ...]
    frames: tuple[Frame, ...]
    """One for each image."""


class RegionGroup(NamedTuple):
    """What the region proposal network says about every anchor, for images that were run together."""

    logits: Float[Tensor, "G A"]
    """Object against background, before the sigmoid."""
    deltas: Float[Tensor, "G A 4"]
    """From anchor to box, weights (1, 1, 1, 1)."""
    anchors: Float[Tensor, "A 4"]
    """Level by level; not clipped, the same for all images of the group."""
    per_level: tuple[int, ...]
    """Anchors on each level; they add up to A."""
    numbers: tuple[int, ...]
    """Which images these are."""


class ImageRegions(NamedTuple):
    """What the region proposal network says about one image."""

    logits: Float[Tensor, " A"]
    deltas: Float[Tensor, "A 4"]
    anchors: Float[Tensor, "A 4"]


class RegionScores(NamedTuple):
    """What the region proposal network says about all images."""

    groups: tuple[RegionGroup, ...]
    frames: tuple[Frame, ...]

    def per_image(self) -> list[ImageRegions]:
        """The same numbers image by image, in the order in which images were given; nothing is copied."""
        found: dict[int, ImageRegions] = {}
        for group in self.groups:
            for number, logits, deltas in zip(group.numbers, group.logits, group.deltas, strict=True):
                found[number] = ImageRegions(logits, deltas, group.anchors)
        return [found[number] for number in range(len(self.frames))]


class BoxScores(NamedTuple):
    """What the box head says about R regions, image after image."""

    logits: Float[Tensor, "R K"]
    """Class scores before the softmax; class 0 is the background."""
    deltas: Float[Tensor, "R K 4"]
    """From the region to the box, one for each class, weights (10, 10, 5, 5)."""


class BoxOutputs(NamedTuple):
    """Regions and what the box head says about them: all that `decode` needs."""

    proposals: list[Float[Tensor, "_ 4"]]
    """The regions of each image, without gradient."""
    scores: BoxScores
    """Rows in the order of `torch.cat(proposals)`."""
    frames: tuple[Frame, ...]


class RawOutputs(NamedTuple):
    """What `forward` of Faster and Mask R-CNN gives."""

    features: Features
    regions: RegionScores
    boxes: BoxOutputs


def _factors(boxes: Tensor, to: Size, of: Size) -> Tensor:
    # Divided in float32, as published, and in main memory: a device is given the four numbers.
    ends = torch.tensor([to, of], dtype=torch.float32).clamp(min=1)
    height, width = (ends[0] / ends[1]).unbind()
    return torch.stack([width, height, width, height]).to(boxes)

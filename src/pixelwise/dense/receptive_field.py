"""What each output of a network can see of the image, from the network's graph."""

from dataclasses import dataclass
from fractions import Fraction

from torch import nn

from pixelwise.dense.graph.footprint import Footprint, footprints
from pixelwise.dense.graph.trace import trace
from pixelwise.dense.probes.sizes import AcceptedSizes
from pixelwise.errors import InputError
from pixelwise.shapes import Size

SEARCHED_FROM = 192
"""Side of the image from which an accepted size is looked for: a multiple of the strides in common use."""


@dataclass(frozen=True)
class ReceptiveField:
    """What an output depends on; every pair is (along the height, along the width), in pixels of the image.

    `size`: pixels seen by one output, at most; None where it depends on the whole image because of the node
    `blocked_by`. `stride`: pixels between neighbouring outputs; a fraction where the output is finer than the image.
    `offset`: centre of what output 0 sees; pixel centres lie at +0.5, so that a network with aligned outputs has
    stride / 2. `alignment`: smallest shift of the image that shifts the outputs by whole places and changes nothing
    else.
    """

    size: Size | None
    stride: tuple[Fraction, Fraction] | None
    offset: tuple[float, float] | None
    alignment: Size | None
    blocked_by: str = ""

    @property
    def exact(self) -> bool:
        """Whether outputs depend on a neighbourhood of bounded size."""
        return self.size is not None

    def __str__(self) -> str:
        """Such as "212x212 pixels, stride 32x32, first centre at (16.0, 16.0), alignment 32x32"."""
        if self.size is None or self.stride is None or self.offset is None or self.alignment is None:
            return f"unbounded because of {self.blocked_by}"
        return (
            f"{self.size[0]}x{self.size[1]} pixels, stride {self.stride[0]}x{self.stride[1]}, first centre at "
            f"({self.offset[0]:g}, {self.offset[1]:g}), alignment {self.alignment[0]}x{self.alignment[1]}"
        )


def receptive_field(model: nn.Module, image_shape: int | Size | None = None, channels: int = 3) -> ReceptiveField:
    """The receptive field of a network's outputs, from its steps: nothing is computed.

    What is seen is the union over the paths through the network, whatever the weights are. Padding does not count.

    Args:
        model: any module that torch.export can follow, from (B, channels, H, W) to one tensor of scores.
        image_shape: height and width to follow it with, needed for classifiers with fully-connected layers; None
            looks for an accepted size from 192 pixels up.
        channels: channels of the image.

    Raises:
        InputError: the network cannot be followed; the message names the line.
    """
    if image_shape is None:
        size = AcceptedSizes(model, channels).smallest((SEARCHED_FROM, SEARCHED_FROM))
    else:
        size = (image_shape, image_shape) if isinstance(image_shape, int) else image_shape
    if min(size) < 1:
        raise InputError("an image of at least one pixel", f"image_shape = {image_shape}", "pass a larger one")
    graph = trace(model, size, channels)
    seen = [footprints(graph, axis) for axis in (0, 1)]
    down, across = seen[0][-1], seen[1][-1]
    if down is None or across is None:
        first = next(position for position, found in enumerate(seen[0]) if found is None)
        return ReceptiveField(None, None, None, None, graph.nodes[first].name)
    return ReceptiveField(
        (down.size, across.size),
        (down.stride, across.stride),
        (_centre(down), _centre(across)),
        (down.alignment, across.alignment),
    )


def _centre(seen: Footprint) -> float:
    return float(seen.first + seen.last + 1) / 2

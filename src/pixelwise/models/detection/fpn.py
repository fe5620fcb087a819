"""A feature pyramid: the same number of channels on every level, each told what the coarser ones saw.

Source: Lin, Dollar, Girshick, He, Hariharan, Belongie 2017, "Feature Pyramid Networks for Object Detection", section 3.
"""

from collections.abc import Sequence
from typing import cast

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.backbones import ResNet
from pixelwise.models.detection.conv_block import conv_block
from pixelwise.shapes import Images


class FeaturePyramid(nn.Module):
    """Levels of equal channels, from fine to coarse, and one more that is every second cell of the last.

    Each level is a 1x1 convolution of the encoder's plus the next coarser level, enlarged to the nearest cell; a 3x3
    convolution then smooths it. The additional level is for the largest anchors (footnote 2 of section 4.1).

    The enlarged level is cut to the finer one's size by interpolating to exactly that size, so any sizes fit.
    """

    def __init__(self, in_channels: Sequence[int], channels: int, norm: bool = False) -> None:
        """Builds the pyramid with the published initial weights.

        Args:
            in_channels: channels of each of the encoder's levels, from fine to coarse.
            channels: of each level of the pyramid.
            norm: whether each convolution is followed by batch normalisation.
        """
        super().__init__()
        self.inner_blocks = nn.ModuleList(conv_block(given, channels, 1, norm, relu=False) for given in in_channels)
        self.layer_blocks = nn.ModuleList(conv_block(channels, channels, 3, norm, relu=False) for _ in in_channels)
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_uniform_(part.weight, a=1)
                if part.bias is not None:
                    nn.init.zeros_(part.bias)

    def forward(self, levels: list[Float[Tensor, "B _ _ _"]]) -> list[Float[Tensor, "B C _ _"]]:
        """The levels of the pyramid, one more than were given."""
        sides = [inner(level) for inner, level in zip(self.inner_blocks, levels, strict=True)]
        merged = sides[-1]
        found = [self.layer_blocks[-1](merged)]
        for side, smooth in zip(sides[-2::-1], list(self.layer_blocks)[-2::-1], strict=True):
            merged = side + F.interpolate(merged, side.shape[-2:], mode="nearest")
            found.insert(0, smooth(merged))
        # As published; a pooling with a kernel of one cell takes every second cell.
        return [*found, F.max_pool2d(found[-1], 1, stride=2)]


class PyramidBackbone(nn.Module):
    """A ResNet under a feature pyramid: five levels of strides 4, 8, 16, 32 and 64."""

    def __init__(self, body: ResNet, channels: int, norm: bool = False) -> None:
        """Builds the pyramid on an encoder.

        Args:
            body: a ResNet; it is used, not copied, and loses its fully-connected layer.
            channels: of each level.
            norm: whether the pyramid has batch normalisation.
        """
        super().__init__()
        self.strides = (*body.strides, 2 * body.strides[-1])
        self.channels = (channels,) * len(self.strides)
        body.register_module("fc", nn.Identity())
        self.body = body
        self.fpn = FeaturePyramid(body.channels, channels, norm)

    def forward(self, images: Images) -> list[Float[Tensor, "B C _ _"]]:
        """The levels from fine to coarse."""
        return cast(list[Tensor], self.fpn(self.body.levels(images)))

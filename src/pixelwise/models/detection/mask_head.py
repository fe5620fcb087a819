"""Heads that give each region a mask for each class.

Source: He, Gkioxari, Dollar, Girshick 2017, "Mask R-CNN", figure 4 and section 3.
"""

from typing import cast

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.models.detection.conv_block import conv_block

BINS = 14
"""Side of a region's map for the mask head; masks are twice as large."""

CONVOLUTIONS = 4
"""Before the up-convolution (figure 4, right)."""


def mask_head(channels: int, width: int, norm: bool = False) -> nn.Sequential:
    """Four 3x3 convolutions to `width` channels.

    Args:
        channels: of the regions' maps.
        width: of the convolutions.
        norm: whether each is followed by batch normalisation.
    """
    before = [channels] + [width] * (CONVOLUTIONS - 1)
    head = nn.Sequential(*(conv_block(given, width, norm=norm) for given in before))
    _initialise(head)
    return head


class MaskPredictor(nn.Module):
    """A mask for each class, twice as large as the region's map."""

    def __init__(self, channels: int, width: int, num_classes: int) -> None:
        """Builds the layers.

        Args:
            channels: of the regions' maps.
            width: of the up-convolution.
            num_classes: K, with the background, whose mask nothing trains.
        """
        super().__init__()
        self.conv5_mask = nn.ConvTranspose2d(channels, width, 2, stride=2)
        self.mask_fcn_logits = nn.Conv2d(width, num_classes, 1)
        _initialise(self)

    def forward(self, maps: Float[Tensor, "R C h w"]) -> Float[Tensor, "R K H W"]:
        """Logits: each class for itself, to be taken through a sigmoid."""
        return cast(Tensor, self.mask_fcn_logits(F.relu(self.conv5_mask(maps), inplace=True)))


def _initialise(head: nn.Module) -> None:
    """As published: Gaussians of variance 2 / (outgoing taps), biases 0."""
    for part in head.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)

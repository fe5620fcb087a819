"""Heads that give each region its class and its box.

Sources: Girshick 2015, "Fast R-CNN", section 2; Lin et al. 2017 (two layers of 1024), section 4.2; the convolutional
head is that of Wu and He 2018, "Group Normalization", section 4.2, with batch normalisation as published.
"""

from typing import cast

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.models.detection.conv_block import conv_block
from pixelwise.models.detection.outputs import BoxScores
from pixelwise.ops.boxes import upcast

BINS = 7
"""Side of a region's map for the box head."""

CONVOLUTIONS = 4
"""Of the convolutional head."""


class TwoLayerHead(nn.Module):
    """A vector for each region from two fully-connected layers with ReLUs."""

    def __init__(self, channels: int, width: int, bins: int = BINS) -> None:
        """Builds the head for maps of channels x bins x bins; its vectors have `width` entries."""
        super().__init__()
        self.fc6 = nn.Linear(channels * bins**2, width)
        self.fc7 = nn.Linear(width, width)

    def forward(self, maps: Float[Tensor, "R C s s"]) -> Float[Tensor, "R D"]:
        """The vectors."""
        return F.relu(self.fc7(F.relu(self.fc6(maps.flatten(1)))))


def conv_head(channels: int, width: int, bins: int = BINS) -> nn.Sequential:
    """A vector of `width` entries for each region from four 3x3 convolutions, each normalised, and one linear layer.

    Args:
        channels: of the regions' maps and of each convolution.
        width: of the vectors.
        bins: side of the maps.
    """
    head = nn.Sequential(
        *(conv_block(channels, channels, norm=True) for _ in range(CONVOLUTIONS)),
        nn.Flatten(),
        nn.Linear(channels * bins**2, width),
        nn.ReLU(inplace=True),
    )
    for part in head.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
    return head


def average_head() -> nn.Sequential:
    """A vector for each region: the mean of its map, as behind a ResNet's last stage."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())


class BoxPredictor(nn.Module):
    """Class scores, and deltas for each class, from a region's vector."""

    def __init__(self, width: int, num_classes: int) -> None:
        """Builds the layers.

        Args:
            width: entries of the vector.
            num_classes: K, with the background.
        """
        super().__init__()
        self.cls_score = nn.Linear(width, num_classes)
        self.bbox_pred = nn.Linear(width, num_classes * 4)

    def forward(self, vectors: Float[Tensor, "R D"]) -> BoxScores:
        """Logits and deltas, in float32 at least."""
        logits, deltas = self.cls_score(vectors), self.bbox_pred(vectors)
        return BoxScores(upcast(cast(Tensor, logits)), upcast(cast(Tensor, deltas)).view(*logits.shape, 4))

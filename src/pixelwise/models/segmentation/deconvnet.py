"""DeconvNet: VGG-16's convolutions, and their mirror image that unpools each maximum to where it came from.

Source: Noh, Hong, Han 2015, "Learning Deconvolution Network for Semantic Segmentation", section 3 and the table of its
supplement; layers also as in the authors' released definition.
"""

from collections.abc import Iterator
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from pixelwise.backbones import VGG, vgg16_bn
from pixelwise.backbones.vgg import GRID
from pixelwise.errors import InputError
from pixelwise.models.segmentation.vgg_layers import (
    SCORE_DEVIATION,
    as_convolution,
    extended,
    fully_connected_layers,
)
from pixelwise.ops import max_unpool
from pixelwise.shapes import Images, Scores

STRIDE = 32
"""Pixels between the cells of the last pooling."""

SMALLEST = STRIDE * GRID
"""224 pixels: fc6 covers 7 cells of 32 pixels."""


class DeconvNet(nn.Module):
    """Class scores for every pixel, from VGG's features mirrored back up with the switches of its poolings.

    On images of 224x224 pixels it is the paper's network: fc6 reduces the features to one cell, which the first
    deconvolution spreads over 7x7 cells again. Larger images have more such cells. Heights and widths that are no
    multiple of 32, or less than 224, are extended below and to the right by repeating the last pixels, and the scores
    are cropped back.

    Where a maximum is put back depends on the image, but only within its 2x2 cells, so that each score sees a bounded
    neighbourhood and tiles give the whole image's scores. There is one exception: where two cells are equal but for
    rounding, as in areas of one colour, a tile may put the maximum at the other one. `pixelwise.dense.TiledModel`
    measures the neighbourhood; `pixelwise.dense.receptive_field` and `check` go by the steps, do not follow unpooling
    and call the network unbounded.

    Differs from the paper: each convolution that batch normalisation follows in the mirrored half has no bias, which
    the normalisation would subtract again. The paper applies the network to 50 object proposals of an image, resized
    to 224x224, and adds the scores up; this is the network alone.
    """

    def __init__(self, vgg: VGG, num_classes: int) -> None:
        """Builds the network on a classifier's layers, and their mirror image.

        Deconvolutions are drawn from Gaussians of standard deviation 0.01, as in the released definition.

        Args:
            vgg: a VGG with batch normalisation; its convolutions are used, its fully-connected layers are copied.
            num_classes: K, the number of score maps.

        Raises:
            InputError: fewer than one class.
        """
        super().__init__()
        if num_classes < 1:
            raise InputError(
                "num_classes >= 1", f"num_classes = {num_classes}", "pass the number of classes in the labels"
            )
        self.features = vgg.features
        first, second = fully_connected_layers(vgg)
        hidden, deepest = second.out_features, vgg.channels[-1]
        self.fc6 = nn.Sequential(as_convolution(first, GRID), nn.BatchNorm2d(hidden), nn.ReLU(inplace=True))
        self.fc7 = nn.Sequential(as_convolution(second), nn.BatchNorm2d(hidden), nn.ReLU(inplace=True))
        self.fc6_deconv = nn.Sequential(*deconvolution(hidden, deepest, GRID))
        self.deconv = nn.ModuleList(mirrored_stages(vgg))
        self.score = nn.Conv2d(vgg.channels[0], num_classes, 1)
        for part in (self.fc6_deconv, self.deconv, self.score):
            draw_weights(part)

    def forward(self, images: Images) -> Scores:
        """Scores before the softmax, the same in training and evaluation but for batch normalisation.

        Raises:
            InputError: training on one image of at most 224x224 pixels, which gives batch normalisation a single
                value to take the variance of.
        """
        height, width = images.shape[-2:]
        features = extended(images, STRIDE, least=SMALLEST)
        if self.training and features.shape[0] * features.shape[2] * features.shape[3] == SMALLEST**2:
            raise InputError(
                "at least two images, or one beyond 224x224, to train DeconvNet's batch normalisation on",
                f"one image of {height}x{width}",
                "raise the batch size or the crop",
            )
        switches = []
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                size = features.shape[-2], features.shape[-1]
                features, places = F.max_pool2d(features, layer.kernel_size, layer.stride, return_indices=True)
                switches.append((places, size))
            else:
                features = layer(features)
        features = self.fc6_deconv(self.fc7(self.fc6(features)))
        for stage in self.deconv:
            places, size = switches.pop()
            features = stage(max_unpool(features, places, size))
        scores: Tensor = self.score(features)
        return scores[..., :height, :width]


def deconvolution(before: int, after: int, kernel: int, padding: int = 0) -> list[nn.Module]:
    """A transposed convolution of stride 1, batch normalisation and a ReLU."""
    # Batch normalisation has a shift of its own, so the deconvolution before it needs no bias.
    layer = nn.ConvTranspose2d(before, after, kernel, padding=padding, bias=False)
    return [layer, nn.BatchNorm2d(after), nn.ReLU(inplace=True)]


def mirrored_stages(vgg: VGG) -> Iterator[nn.Sequential]:
    """The stages of the mirrored half, deepest first: as many deconvolutions as the stage has convolutions.

    Each but the last keeps the channels of its stage; the last gives those of the stage before it, as the unpooling
    that follows puts them back among that stage's places. In the first stage none changes the channels.
    """
    counts = [0] * len(vgg.channels)
    stage = 0
    for layer in vgg.features:
        counts[stage] += isinstance(layer, nn.Conv2d)
        stage += isinstance(layer, nn.MaxPool2d)
    for stage in reversed(range(len(counts))):
        own, next_own = vgg.channels[stage], vgg.channels[max(0, stage - 1)]
        layers: list[nn.Module] = []
        for number in range(counts[stage]):
            layers += deconvolution(own, own if number < counts[stage] - 1 else next_own, 3, padding=1)
        yield nn.Sequential(*layers)


def draw_weights(part: nn.Module) -> None:
    """Draws the weights of deconvolutions and scores from Gaussians of standard deviation 0.01; biases are 0."""
    for layer in part.modules():
        if isinstance(layer, nn.ConvTranspose2d | nn.Conv2d):
            nn.init.normal_(layer.weight, std=SCORE_DEVIATION)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def deconvnet(num_classes: int, weights: str | Path | None = None, width: int = 64, hidden: int = 4096) -> DeconvNet:
    """DeconvNet on VGG-16 with batch normalisation.

    Args:
        num_classes: K, the number of score maps.
        weights: of the classifier VGG-16 with batch normalisation, a file or a published name; None starts from random
            ones.
        width: channels of the first level; 64 in the paper.
        hidden: channels of fc6 and fc7; 4096 in the paper.
    """
    return DeconvNet(vgg16_bn(weights, width=width, hidden=hidden), num_classes)

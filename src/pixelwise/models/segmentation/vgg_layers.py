"""A VGG classifier's layers on images of any size: its fully-connected layers as convolutions, and its pools.

Source: Long, Shelhamer, Darrell 2015, section 3.1; Sermanet et al. 2014 (OverFeat), section 3.5.
"""

from collections import OrderedDict

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.backbones import VGG
from pixelwise.backbones.vgg import GRID
from pixelwise.errors import InputError

SCORE_DEVIATION = 0.01
"""Standard deviation of a score layer's first weights: that of VGG's fully-connected layers (Simonyan and Zisserman
2015, section 3.1)."""


def as_convolution(linear: nn.Linear, kernel: int = 1, padding: int = 0, dilation: int = 1) -> nn.Conv2d:
    """The convolution with a fully-connected layer's weights, copied; over kernel x kernel cells it gives the same.

    Args:
        linear: over flattened features (C, kernel, kernel).
        kernel: cells along each axis that the layer covers.
        padding: zeros around the features.
        dilation: features between neighbouring cells of the kernel.
    """
    channels = linear.in_features // kernel**2
    convolution = nn.Conv2d(channels, linear.out_features, kernel, padding=padding, dilation=dilation)
    with torch.no_grad():
        convolution.weight.copy_(linear.weight.view_as(convolution.weight))
        assert convolution.bias is not None, "convolutions have a bias unless told otherwise"
        convolution.bias.copy_(linear.bias)
    return convolution


def fully_connected_layers(vgg: VGG) -> tuple[nn.Linear, nn.Linear]:
    """A VGG's first two fully-connected layers; the third gives the classes of the classifier's own data."""
    first, second = [layer for layer in vgg.classifier if isinstance(layer, nn.Linear)][:2]
    return first, second


def score_head(vgg: VGG, num_classes: int, dropout: float | int, padding: int, dilation: int = 1) -> nn.Sequential:
    """Scores from VGG's features: conv6 and conv7 with the weights of its fully-connected layers, and a 1x1 score.

    Args:
        vgg: the classifier.
        num_classes: K, the number of score maps.
        dropout: probability after conv6 and conv7.
        padding: zeros around the features in conv6, whose kernel is 7x7.
        dilation: features between neighbouring cells of conv6.

    Raises:
        InputError: `num_classes` is below 1.
    """
    if num_classes < 1:
        raise InputError("num_classes >= 1", f"num_classes = {num_classes}", "pass the number of classes in the labels")
    first, second = fully_connected_layers(vgg)
    score = nn.Conv2d(second.out_features, num_classes, 1)
    nn.init.normal_(score.weight, std=SCORE_DEVIATION)
    assert score.bias is not None, "convolutions have a bias unless told otherwise"
    nn.init.zeros_(score.bias)
    layers = OrderedDict(
        conv6=as_convolution(first, GRID, padding, dilation),
        relu6=nn.ReLU(inplace=True),
        drop6=nn.Dropout(dropout),
        conv7=as_convolution(second),
        relu7=nn.ReLU(inplace=True),
        drop7=nn.Dropout(dropout),
        score=score,
    )
    return nn.Sequential(layers)


def pooled_levels(features: nn.Sequential, images: Float[Tensor, "B C H W"]) -> list[Tensor]:
    """What each pooling among the layers gives, finest first."""
    levels = []
    x = images
    for layer in features:
        x = layer(x)
        if isinstance(layer, nn.MaxPool2d):
            levels.append(x)
    return levels


def extended(images: Float[Tensor, "B C H W"], multiple: int, least: int = 0) -> Float[Tensor, "B C h w"]:
    """The images grown below and to the right to the next multiple, by repeating their last pixels.

    All that is added lies behind the image, so that cell i of a network with this stride still begins at pixel
    i * stride.

    Args:
        images: of any size.
        multiple: what both sides are divisible by afterwards.
        least: how long both sides are at least; a multiple of `multiple`.
    """
    height, width = images.shape[-2:]
    below, right = max(-height % multiple, least - height), max(-width % multiple, least - width)
    return F.pad(images, (0, right, 0, below), mode="replicate") if below or right else images

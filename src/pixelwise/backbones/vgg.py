"""The VGG classifiers, with the parameter names of the published weights, and their poolings as levels of features.

Source: Simonyan and Zisserman 2015, "Very Deep Convolutional Networks for Large-Scale Image Recognition", table 1,
columns A, B, D and E. The forms with batch normalisation are torchvision's.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.backbones.initialise import initialise
from pixelwise.backbones.loading import load_weights_into
from pixelwise.backbones.published import published_state
from pixelwise.errors import InputError
from pixelwise.shapes import Images

WIDTHS = (1, 2, 4, 8, 8)
"""Channels of the five stages, in multiples of the first: 64, 128, 256, 512, 512 (table 1)."""

GRID = 7
"""Cells along each side before the fully-connected layers: 224 / 32."""

SMALLEST = 32
"""Pixels along the shorter side from which all five poolings find a cell."""


class VGG(nn.Module):
    """Class scores of whole images, and features behind each of the five poolings (strides 2, 4, 8, 16, 32).

    Images of other sizes than 224x224 are pooled to the 7x7 cells that the fully-connected layers expect, as published.
    Images are expected as the weights expect them: for the published ones shifted and scaled by ImageNet's mean and
    deviation.
    """

    def __init__(
        self,
        convolutions: Sequence[int],
        num_classes: int = 1000,
        width: int = 64,
        hidden: int = 4096,
        dropout: float | int = 0.5,
        batch_norm: bool = False,
    ) -> None:
        """Builds the network with the published initial weights.

        Convolutions are drawn after He et al. 2015, fully-connected layers from a Gaussian of standard deviation 0.01
        (Simonyan and Zisserman 2015, section 3.1), biases are 0.

        Args:
            convolutions: 3x3 convolutions before each of the five poolings: (2, 2, 3, 3, 3) is VGG-16.
            num_classes: K, the number of scores.
            width: channels of the first stage; the last two have 8 times as many.
            hidden: units of the two hidden fully-connected layers.
            dropout: probability behind each of the two.
            batch_norm: whether each convolution is followed by batch normalisation.
        """
        super().__init__()
        for name, value in (("num_classes", num_classes), ("width", width), ("hidden", hidden)):
            if value < 1:
                raise InputError(f"a VGG with {name} >= 1", f"{name} = {value}", f"pass {name}=1 or more")
        if len(convolutions) != len(WIDTHS) or min(convolutions) < 1:
            raise InputError(
                "at least one convolution before each of 5 poolings",
                f"convolutions = {tuple(convolutions)}",
                "pass (2, 2, 3, 3, 3) for instance",
            )
        self.channels = tuple(width * factor for factor in WIDTHS)
        self.strides = (2, 4, 8, 16, 32)
        self.features = _features(convolutions, self.channels, batch_norm)
        self.avgpool = nn.AdaptiveAvgPool2d(GRID)
        self.classifier = nn.Sequential(
            *(nn.Linear(self.channels[-1] * GRID * GRID, hidden), nn.ReLU(inplace=True), nn.Dropout(dropout)),
            *(nn.Linear(hidden, hidden), nn.ReLU(inplace=True), nn.Dropout(dropout)),
            nn.Linear(hidden, num_classes),
        )
        initialise(self.features)
        for layer in self.classifier:
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=0.01)
                nn.init.zeros_(layer.bias)

    def forward(self, images: Images) -> Float[Tensor, "B K"]:
        """Scores before the softmax.

        Raises:
            InputError: a side is below 32 pixels.
        """
        _check_size(images)
        cells = self.avgpool(self.features(images))
        return cast(Tensor, self.classifier(cells.flatten(1)))

    def levels(self, images: Images) -> list[Tensor]:
        """The features behind each of the five poolings, the finest first.

        Sides are halved and rounded down five times.

        Raises:
            InputError: a side is below 32 pixels.
        """
        _check_size(images)
        found, features = [], images
        for layer in self.features:
            features = layer(features)
            if isinstance(layer, nn.MaxPool2d):
                found.append(features)
        return found


def _features(convolutions: Sequence[int], channels: Sequence[int], batch_norm: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    before = 3
    for count, after in zip(convolutions, channels, strict=True):
        for _ in range(count):
            layers.append(nn.Conv2d(before, after, 3, padding=1))
            if batch_norm:
                layers.append(nn.BatchNorm2d(after))
            layers.append(nn.ReLU(inplace=True))
            before = after
        layers.append(nn.MaxPool2d(2, 2))
    return nn.Sequential(*layers)


def _check_size(images: Tensor) -> None:
    height, width = images.shape[-2:]
    if min(height, width) < SMALLEST:
        raise InputError(
            f"images of at least {SMALLEST}x{SMALLEST} pixels, as a VGG halves them five times",
            f"{height}x{width}",
            f"enlarge or pad them to {max(height, SMALLEST)}x{max(width, SMALLEST)}",
        )


def _loaded(network: VGG, name: str, weights: str | Path | None) -> VGG:
    if weights is not None:
        load_weights_into(network, published_state(name, weights), str(weights))
    return network


def vgg11(
    weights: str | Path | None = None,
    num_classes: int = 1000,
    width: int = 64,
    hidden: int = 4096,
    dropout: float | int = 0.5,
) -> VGG:
    """VGG-11, column A of table 1; `weights` is a file, "imagenet" or a published file's name.

    The other arguments are those of `VGG`. Published weights fit the default ones only; `transfer` loads what fits.
    """
    return _loaded(VGG((1, 1, 2, 2, 2), num_classes, width, hidden, dropout), "vgg11", weights)


def vgg13(
    weights: str | Path | None = None,
    num_classes: int = 1000,
    width: int = 64,
    hidden: int = 4096,
    dropout: float | int = 0.5,
) -> VGG:
    """VGG-13, column B of table 1; arguments as for `vgg11`."""
    return _loaded(VGG((2, 2, 2, 2, 2), num_classes, width, hidden, dropout), "vgg13", weights)


def vgg16(
    weights: str | Path | None = None,
    num_classes: int = 1000,
    width: int = 64,
    hidden: int = 4096,
    dropout: float | int = 0.5,
) -> VGG:
    """VGG-16, column D of table 1; arguments as for `vgg11`."""
    return _loaded(VGG((2, 2, 3, 3, 3), num_classes, width, hidden, dropout), "vgg16", weights)


def vgg19(
    weights: str | Path | None = None,
    num_classes: int = 1000,
    width: int = 64,
    hidden: int = 4096,
    dropout: float | int = 0.5,
) -> VGG:
    """VGG-19, column E of table 1; arguments as for `vgg11`."""
    return _loaded(VGG((2, 2, 4, 4, 4), num_classes, width, hidden, dropout), "vgg19", weights)


def vgg11_bn(
    weights: str | Path | None = None,
    num_classes: int = 1000,
    width: int = 64,
    hidden: int = 4096,
    dropout: float | int = 0.5,
) -> VGG:
    """VGG-11 with batch normalisation; arguments as for `vgg11`."""
    return _loaded(VGG((1, 1, 2, 2, 2), num_classes, width, hidden, dropout, True), "vgg11_bn", weights)


def vgg13_bn(
    weights: str | Path | None = None,
    num_classes: int = 1000,
    width: int = 64,
    hidden: int = 4096,
    dropout: float | int = 0.5,
) -> VGG:
    """VGG-13 with batch normalisation; arguments as for `vgg11`."""
    return _loaded(VGG((2, 2, 2, 2, 2), num_classes, width, hidden, dropout, True), "vgg13_bn", weights)


def vgg16_bn(
    weights: str | Path | None = None,
    num_classes: int = 1000,
    width: int = 64,
    hidden: int = 4096,
    dropout: float | int = 0.5,
) -> VGG:
    """VGG-16 with batch normalisation; arguments as for `vgg11`."""
    return _loaded(VGG((2, 2, 3, 3, 3), num_classes, width, hidden, dropout, True), "vgg16_bn", weights)


def vgg19_bn(
    weights: str | Path | None = None,
    num_classes: int = 1000,
    width: int = 64,
    hidden: int = 4096,
    dropout: float | int = 0.5,
) -> VGG:
    """VGG-19 with batch normalisation; arguments as for `vgg11`."""
    return _loaded(VGG((2, 2, 4, 4, 4), num_classes, width, hidden, dropout, True), "vgg19_bn", weights)

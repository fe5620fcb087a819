"""U-Net: a contracting path, a mirrored expanding path, and skip connections between them.

Source: Ronneberger, Fischer, Brox 2015, "U-Net: Convolutional Networks for Biomedical Image Segmentation", figure 1
and section 3.
"""

import math
from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.errors import InputError
from pixelwise.shapes import Size


class ConvPair(nn.Sequential):
    """Two 3x3 convolutions, each followed by a ReLU, with batch normalisation between them where asked for."""

    def __init__(self, in_channels: int, out_channels: int, padded: bool, batch_norm: bool) -> None:
        layers: list[nn.Module] = []
        for channels in (in_channels, out_channels):
            # Batch normalisation has a shift of its own, so the convolution before it needs no bias.
            layers.append(nn.Conv2d(channels, out_channels, 3, padding=int(padded), bias=not batch_norm))
            if batch_norm:
                layers.append(nn.BatchNorm2d(out_channels))
            layers.append(nn.ReLU(inplace=True))
        super().__init__(*layers)


class UpStep(nn.Module):
    """One level up: an up-convolution that halves the channels, the skip features beside it, two convolutions."""

    def __init__(self, in_channels: int, padded: bool, batch_norm: bool) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(in_channels, in_channels // 2, 2, stride=2)
        self.convolve = ConvPair(in_channels, in_channels // 2, padded, batch_norm)

    def forward(self, features: Float[Tensor, "B C h w"], skip: Float[Tensor, "B c H W"]) -> Float[Tensor, "B c P Q"]:
        """The features of the finer level."""
        raised = self.up(features)
        joined = torch.cat([centre_crop(skip, raised.shape[-2:]), raised], dim=1)
        return cast(Tensor, self.convolve(joined))


class UNet(nn.Module):
    """Class scores for every pixel, from one network of any width and depth.

    Padded (the default), the scores are as large as the image, for images of any size: heights and widths that are no
    multiple of 2**depth are extended below and to the right by repeating the last pixels, and the scores are cropped
    back. With `padded=False` the convolutions are the paper's valid ones: the scores are smaller than the image by
    `2 * margin(depth)` pixels (572 -> 388 at depth 4), and only sizes that halve evenly on every level are accepted.

    Differs from the paper: batch normalisation is on by default (`batch_norm=False` gives the paper's form), and so is
    padding.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 3,
        width: int = 64,
        depth: int = 4,
        padded: bool = True,
        batch_norm: bool = True,
        dropout: float = 0.0,
    ) -> None:
        """Builds the network with the paper's initial weights.

        Args:
            num_classes: K, the number of score maps.
            in_channels: channels of the image.
            width: channels of the first level; they double on each level down.
            depth: number of 2x2 max-poolings; the bottom sees the image at 1 / 2**depth.
            padded: whether convolutions keep the size.
            batch_norm: whether each convolution is followed by batch normalisation.
            dropout: probability at the end of the contracting path (the paper names the place, not the number).
        """
        super().__init__()
        for name, value, least in (("num_classes", num_classes, 1), ("width", width, 1), ("depth", depth, 1)):
            if value < least:
                raise InputError(f"U-Net with {name} >= {least}", f"{name} = {value}", f"pass {name}={least} or more")
        self.depth = depth
        self.padded = padded
        widths = [width * 2**level for level in range(depth + 1)]
        self.down = nn.ModuleList(
            ConvPair(before, after, padded, batch_norm)
            for before, after in zip([in_channels, *widths[:-1]], widths, strict=True)
        )
        self.dropout = nn.Dropout2d(dropout)
        self.up = nn.ModuleList(UpStep(channels, padded, batch_norm) for channels in reversed(widths[1:]))
        self.classify = nn.Conv2d(width, num_classes, 1)
        initialise(self)

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K h w"]:
        """Scores before the softmax, the same in training and evaluation; h w is H W if the network is padded."""
        height, width = images.shape[-2:]
        features = self._extend(images) if self.padded else self._check(images)
        skips = []
        for level, convolve in enumerate(self.down):
            if level > 0:
                features = F.max_pool2d(features, 2)
            features = convolve(features)
            skips.append(features)
        features = self.dropout(skips.pop())
        for step in self.up:
            features = step(features, skips.pop())
        scores = cast(Tensor, self.classify(features))
        return scores[..., :height, :width] if self.padded else scores

    def _extend(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        multiple = 2**self.depth
        below, right = -height % multiple, -width % multiple
        return F.pad(images, (0, right, 0, below), mode="replicate") if below or right else images

    def _check(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        wanted = accepted_size(height, self.depth), accepted_size(width, self.depth)
        if (height, width) != wanted:
            raise InputError(
                f"an image size that halves evenly on all {self.depth} levels of a U-Net without padding",
                f"{height}x{width}",
                f"mirror-pad it to {wanted[0]}x{wanted[1]}, the next size that fits, or build with padded=True",
            )
        return images


def centre_crop(features: Float[Tensor, "B C H W"], size: Size | torch.Size) -> Float[Tensor, "B C h w"]:
    """The middle of the features, as large as `size`; what the paper calls copy and crop."""
    top = (features.shape[-2] - size[0]) // 2
    left = (features.shape[-1] - size[1]) // 2
    return features[..., top : top + size[0], left : left + size[1]]


def margin(depth: int) -> int:
    """Pixels that a U-Net without padding loses on each side: 92 at depth 4.

    Each level's two convolutions lose 2 pixels of that level on each side, on the way down and on the way up.

    >>> margin(4)
    92
    """
    return 4 * ((1 << depth) - 1) + 2 * (1 << depth)


def accepted_size(at_least: int, depth: int) -> int:
    """The smallest height or width >= `at_least` that a U-Net without padding accepts.

    Its scores are at least 4 pixels wide.

    >>> accepted_size(500, 4), accepted_size(572, 4), accepted_size(1, 4)
    (508, 572, 188)
    """
    # With b pixels before the two convolutions of the bottom, the level above had 2 b + 4, and so on:
    # b 2**depth + lost.
    lost = 4 * ((1 << depth) - 1)
    # Upwards each level doubles and loses 4, so 4 pixels after the bottom's convolutions stay 4, and fewer would run
    # out.
    bottom = max(math.ceil((at_least - lost) / (1 << depth)), 8)
    return bottom * (1 << depth) + lost


def initialise(module: nn.Module) -> None:
    """Draws all weights from Gaussians of standard deviation sqrt(2 / N), N the incoming nodes; biases are 0.

    Source: Ronneberger et al. 2015, section 3 (after He et al. 2015). For an up-convolution of stride equal to its
    kernel, each output pixel has one incoming tap per input channel.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            incoming = part.in_channels * part.kernel_size[0] * part.kernel_size[1] // part.groups
        elif isinstance(part, nn.ConvTranspose2d):
            taps = part.kernel_size[0] * part.kernel_size[1] / (part.stride[0] * part.stride[1])
            incoming = max(1, round(part.in_channels * taps / part.groups))
        else:
            continue
        nn.init.normal_(part.weight, std=math.sqrt(2 / incoming))
        if part.bias is not None:
            nn.init.zeros_(part.bias)

"""A U-Net whose contracting path is a classifier's, so that it can start from published weights.

Source: Ronneberger, Fischer, Brox 2015, figure 1, for the expanding path; up-convolutions are a nearest-neighbour step
and two convolutions, which leave no checkerboard (Odena, Dumoulin, Olah 2016, "Deconvolution and Checkerboard
Artifacts").
"""

from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pixelwise.backbones import Backbone, ResNet, resnet18, resnet34, resnet50
from pixelwise.errors import InputError
from pixelwise.models.segmentation.unet import ConvPair, initialise
from pixelwise.models.segmentation.vgg_layers import extended
from pixelwise.shapes import Images, Scores

IMAGE_CHANNELS = 3

WIDEST = 16
"""Stride from which on the decoder's channels no longer double: its convolutions join up to 2048 channels there."""


class BackboneUNet(nn.Module):
    """Class scores for every pixel: an encoder's features, refined level by level with those of the finer levels.

    Each step up repeats the features on a grid twice as fine, puts the encoder's level of that stride beside them where
    there is one, and convolves twice. The last step, at the image's size, has the image itself beside it.

    The scores are as large as the image, for images of any size: heights and widths that are no multiple of the
    encoder's largest stride are extended below and to the right by repeating the last pixels, and the scores are
    cropped back.

    Images are expected as the encoder's weights expect them: for published ones shifted and scaled by ImageNet's mean
    and deviation (`pixelwise.models.normalise`).
    """

    def __init__(self, encoder: nn.Module, num_classes: int, decoder_width: int = 16) -> None:
        """Builds the decoder with the initial weights of the U-Net.

        Args:
            encoder: a `Backbone` whose strides are powers of two, without a classifier's last layers, which no score
                would reach. It is used, not copied.
            num_classes: K, the number of score maps.
            decoder_width: channels at the image's size; twice as many on each coarser level, up to 16 times.

        Raises:
            InputError: the encoder has no levels, or others; or a number is below 1.
        """
        super().__init__()
        for name, value in (("num_classes", num_classes), ("decoder_width", decoder_width)):
            if value < 1:
                raise InputError(f"{name} >= 1", f"{name} = {value}", f"pass {name}=1 or more")
        if not isinstance(encoder, Backbone):
            raise InputError(
                "an encoder with levels, channels and strides",
                type(encoder).__name__,
                "pass a network of pixelwise.backbones, such as resnet18()",
            )
        if any(stride < 1 or stride & (stride - 1) for stride in encoder.strides):
            raise InputError(
                "an encoder whose strides are powers of two",
                f"strides {encoder.strides}",
                "pass a network of pixelwise.backbones, such as resnet18()",
            )
        self.encoder = encoder
        self.stride = max(encoder.strides)
        # Of several levels with one stride, as dilated stages have them, the last one counts.
        beside = {1: IMAGE_CHANNELS} | dict(zip(encoder.strides, encoder.channels, strict=True))
        before, steps = beside[self.stride], []
        for stride in _halvings(self.stride):
            after = decoder_width * min(stride, WIDEST)
            steps.append(ConvPair(before + beside.get(stride, 0), after, padded=True, batch_norm=True))
            before = after
        self.up = nn.ModuleList(steps)
        self.classify = nn.Conv2d(before, num_classes, 1)
        for part in (self.up, self.classify):
            initialise(part)

    def forward(self, images: Images) -> Scores:
        """Scores before the softmax, the same in training and evaluation."""
        height, width = images.shape[-2:]
        whole = extended(images, self.stride)
        beside = {1: whole} | dict(zip(self.encoder.strides, self.encoder.levels(whole), strict=True))
        features = beside[self.stride]
        for stride, convolve in zip(_halvings(self.stride), self.up, strict=True):
            raised = F.interpolate(features, scale_factor=2, mode="nearest")
            features = convolve(torch.cat([raised, beside[stride]], dim=1) if stride in beside else raised)
        return cast(Tensor, self.classify(features)[..., :height, :width])


def _halvings(stride: int) -> list[int]:
    """The strides of the steps up: 16, 8, 4, 2, 1 for 32."""
    return [1 << exponent for exponent in reversed(range(stride.bit_length() - 1))]


def unet_resnet18(
    num_classes: int, weights: str | Path | None = None, width: int = 64, decoder_width: int = 16
) -> BackboneUNet:
    """A U-Net on ResNet-18.

    Args:
        num_classes: K, the number of score maps.
        weights: of the encoder: a file, "imagenet" or a published file's name.
        width: channels of the encoder's first convolution; 64 for published weights.
        decoder_width: channels at the image's size; twice as many on each coarser level, up to 16 times.
    """
    return BackboneUNet(_encoder(resnet18(weights, width=width)), num_classes, decoder_width)


def unet_resnet34(
    num_classes: int, weights: str | Path | None = None, width: int = 64, decoder_width: int = 16
) -> BackboneUNet:
    """A U-Net on ResNet-34; arguments as for `unet_resnet18`."""
    return BackboneUNet(_encoder(resnet34(weights, width=width)), num_classes, decoder_width)


def unet_resnet50(
    num_classes: int, weights: str | Path | None = None, width: int = 64, decoder_width: int = 16
) -> BackboneUNet:
    """A U-Net on ResNet-50; arguments as for `unet_resnet18`."""
    return BackboneUNet(_encoder(resnet50(weights, width=width)), num_classes, decoder_width)


def _encoder(resnet: ResNet) -> ResNet:
    """The network without its fully-connected layer, which has no part in its levels."""
    resnet.register_module("fc", nn.Identity())
    return resnet

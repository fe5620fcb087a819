"""A fully convolutional network on a dilated ResNet, with the parameter names of the published fcn_resnet50.

Sources: Long, Shelhamer, Darrell 2015, "Fully Convolutional Networks for Semantic Segmentation"; the dilated encoder is
that of Chen et al. 2017 ("Rethinking Atrous Convolution"), section 3.1, and the auxiliary head that of Zhao et al. 2017
(PSPNet), section 3.3; the head itself is torchvision's.
"""

from pathlib import Path

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.backbones import ResNet, load_weights_into, published_state, resnet18, resnet50
from pixelwise.errors import InputError
from pixelwise.models.segmentation.deformable import deform_last_stage
from pixelwise.models.segmentation.vgg_layers import extended
from pixelwise.shapes import Images, Scores

DILATE = (False, True, True)
"""layer3 and layer4 keep the stride of layer2: the published networks' choice."""

DROPOUT = 0.1
"""Of the published heads, and of PSPNet's auxiliary one."""


class FCNHead(nn.Sequential):
    """A 3x3 convolution to a quarter of the channels, batch normalisation, dropout, and a 1x1 convolution to scores."""

    def __init__(self, in_channels: int, num_classes: int) -> None:
        middle = max(1, in_channels // 4)
        super().__init__(
            nn.Conv2d(in_channels, middle, 3, padding=1, bias=False),
            nn.BatchNorm2d(middle),
            nn.ReLU(inplace=True),
            nn.Dropout(DROPOUT),
            nn.Conv2d(middle, num_classes, 1),
        )


class FCNResNet(nn.Module):
    """Class scores for every pixel, interpolated from those of a ResNet's last stage.

    The scores are as large as the image, for images of any size: heights and widths that are no multiple of the
    encoder's stride (8) are extended below and to the right by repeating the last pixels, and the scores are cropped
    back. The interpolation is then by a whole factor, so that images can be cut into tiles with the same result.

    Images are expected as the weights expect them: for published ones shifted and scaled by ImageNet's mean and
    deviation (`pixelwise.models.normalise`).

    Differs from torchvision: for sizes that are no multiple of 8, which are not extended there but interpolated by a
    ratio that is not whole; for multiples the scores are the same. The result is one tensor, not a dictionary.
    """

    def __init__(self, backbone: ResNet, num_classes: int, auxiliary: bool = False) -> None:
        """Builds the network on an encoder.

        Args:
            backbone: a ResNet, dilated or not; it is used, not copied, and loses its fully-connected layer.
            num_classes: K, the number of score maps.
            auxiliary: whether the last stage but one has a head of its own, for `side_scores`.

        Raises:
            InputError: fewer than one class.
        """
        super().__init__()
        if num_classes < 1:
            raise InputError("num_classes >= 1", f"num_classes = {num_classes}", "pass num_classes=1 or more")
        backbone.register_module("fc", nn.Identity())
        self.backbone = backbone
        self.classifier = FCNHead(backbone.channels[-1], num_classes)
        self.aux_classifier = FCNHead(backbone.channels[-2], num_classes) if auxiliary else None

    def forward(self, images: Images) -> Scores:
        """Scores before the softmax, the same in training and evaluation."""
        extended_images = self._extended(images)
        scores = self.classifier(self.backbone.levels(extended_images)[-1])
        return _enlarged(scores, extended_images, images)

    def side_scores(self, images: Images) -> tuple[Float[Tensor, "B K H W"], ...]:
        """The scores and, from a network with an auxiliary head, that head's, for a loss on each.

        Zhao et al. 2017 weight the second loss by 0.4, and torchvision by 0.5.
        """
        extended_images = self._extended(images)
        *_, before_last, last = self.backbone.levels(extended_images)
        found = [self.classifier(last)]
        if self.aux_classifier is not None:
            found.append(self.aux_classifier(before_last))
        return tuple(_enlarged(scores, extended_images, images) for scores in found)

    def _extended(self, images: Tensor) -> Tensor:
        return extended(images, max(self.backbone.strides))


def _enlarged(scores: Tensor, extended_images: Tensor, images: Tensor) -> Tensor:
    """Coarse scores interpolated to the extended image's size, and cropped to the image's."""
    height, width = images.shape[-2:]
    fine = F.interpolate(scores, extended_images.shape[-2:], mode="bilinear", align_corners=False)
    return fine[..., :height, :width]


def fcn_resnet50(
    num_classes: int,
    weights: str | Path | None = None,
    width: int = 64,
    auxiliary: bool = False,
    deformable: bool = False,
    encoder_weights: str | Path | None = None,
) -> FCNResNet:
    """FCN on a ResNet-50 whose features have stride 8.

    Args:
        num_classes: K, the number of score maps; 21 for the published weights.
        weights: of the whole network: a file, "coco" or the published file's name. Files without the auxiliary head
            fit networks without, files with it fit both.
        width: channels of the first convolution; 64 for published weights.
        auxiliary: whether there is an auxiliary head, see `FCNResNet.side_scores`.
        deformable: whether the last stage's 3x3 convolutions are deformable, see `deform_last_stage`. Weights of the
            plain network may be loaded.
        encoder_weights: of the ResNet alone: a file, "imagenet" or a published file's name.

    Raises:
        InputError: the weights cannot be had, or do not fit.
    """
    network = FCNResNet(resnet50(encoder_weights, width=width, dilate=DILATE), num_classes, auxiliary)
    return _prepared(network, "fcn_resnet50", weights, deformable)


def fcn_resnet18(
    num_classes: int,
    weights: str | Path | None = None,
    width: int = 64,
    auxiliary: bool = False,
    deformable: bool = False,
    encoder_weights: str | Path | None = None,
) -> FCNResNet:
    """FCN on a ResNet-18, for small machines; arguments as for `fcn_resnet50`, but no published `weights` exist."""
    network = FCNResNet(resnet18(encoder_weights, width=width, dilate=DILATE), num_classes, auxiliary)
    return _prepared(network, "fcn_resnet18", weights, deformable)


def _prepared(network: FCNResNet, name: str, weights: str | Path | None, deformable: bool) -> FCNResNet:
    """The network with its weights loaded and its last stage deformed, in the order that the weights ask for."""
    state = {} if weights is None else published_state(name, weights)
    deformed_before = any(".offset." in entry for entry in state)
    if deformable and deformed_before:
        deform_last_stage(network.backbone)
    if weights is not None:
        if network.aux_classifier is None:
            # Published files always have the auxiliary head, which training needed and the scores do not.
            state = {entry: value for entry, value in state.items() if not entry.startswith("aux_classifier.")}
        load_weights_into(network, state, str(weights))
    if deformable and not deformed_before:
        deform_last_stage(network.backbone)
    return network

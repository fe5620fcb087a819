"""The residual classifiers, with the parameter names of the published weights, and their four stages as features.

Source: He, Zhang, Ren, Sun 2016, "Deep Residual Learning for Image Recognition", table 1. "Version 1.5": a bottleneck
that halves the size does so in its 3x3 convolution, as all published torchvision weights have it, not in its first 1x1.
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

Dilate = tuple[bool, bool, bool]
"""Whether layer2, layer3 and layer4 keep the size of their input."""


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut (He et al. 2016, figure 5 left)."""

    expansion = 1

    def __init__(self, in_channels: int, channels: int, stride: int, dilations: tuple[int, int]) -> None:
        """Builds the block; `dilations` are those of the convolution that may stride and of the one after it."""
        super().__init__()
        first, second = dilations
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=first, dilation=first, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=second, dilation=second, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(in_channels, channels, stride)

    def forward(self, features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        """The shortcut plus what the convolutions add to it."""
        change = self.relu(self.bn1(self.conv1(features)))
        change = self.bn2(self.conv2(change))
        shortcut = features if self.downsample is None else self.downsample(features)
        change += shortcut
        return cast(Tensor, self.relu(change))


class Bottleneck(nn.Module):
    """Convolutions 1x1, 3x3, 1x1, the middle ones narrow, beside a shortcut (He et al. 2016, figure 5 right)."""

    expansion = 4

    def __init__(self, in_channels: int, channels: int, stride: int, dilations: tuple[int, int]) -> None:
        """Builds the block; only the first of `dilations` matters, as no 3x3 comes after the one that may stride."""
        super().__init__()
        out_channels, rate = self.expansion * channels, dilations[0]
        self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, padding=rate, dilation=rate, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(in_channels, out_channels, stride)

    def forward(self, features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        """The shortcut plus what the convolutions add to it."""
        change = self.relu(self.bn1(self.conv1(features)))
        change = self.relu(self.bn2(self.conv2(change)))
        change = self.bn3(self.conv3(change))
        shortcut = features if self.downsample is None else self.downsample(features)
        change += shortcut
        return cast(Tensor, self.relu(change))


class ResNet(nn.Module):
    """Class scores of whole images, and features behind each of the four stages (strides 4, 8, 16, 32).

    Any size of at least one pixel will do: sides are halved and rounded up five times, and the scores average over the
    last cells. Images are expected as the weights expect them: for the published ones shifted and scaled by ImageNet's
    mean and deviation.
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        blocks: Sequence[int],
        num_classes: int = 1000,
        width: int = 64,
        dilate: Dilate = (False, False, False),
    ) -> None:
        """Builds the network with the published initial weights.

        Convolutions are drawn after He et al. 2015; the fully-connected layer has torch's own initial weights.

        Args:
            block: the kind of block.
            blocks: blocks in each of the four stages: (3, 4, 6, 3) bottlenecks are ResNet-50.
            num_classes: K, the number of scores.
            width: channels of the first convolution and of the first stage's 3x3; each later stage has twice as many.
            dilate: for layer2, layer3 and layer4, whether the stage's stride of 2 becomes a dilation: its features stay
                as fine as those before, and later 3x3 convolutions reach twice as far. As published, the convolution
                that would have strided keeps the dilation from before. Then every second cell along each axis is a
                cell of the network with strides (the a-trous identity), also at the borders. Basic blocks, which
                torchvision does not dilate, follow the same identity.
        """
        super().__init__()
        for name, value in (("num_classes", num_classes), ("width", width)):
            if value < 1:
                raise InputError(f"a ResNet with {name} >= 1", f"{name} = {value}", f"pass {name}=1 or more")
        if len(blocks) != 4 or min(blocks) < 1 or len(dilate) != 3:
            raise InputError(
                "at least one block in each of 4 stages, and dilate for the last 3",
                f"blocks = {tuple(blocks)}, dilate = {tuple(dilate)}",
                "pass blocks=(3, 4, 6, 3), dilate=(False, True, True) for instance",
            )
        self.channels = tuple(width * block.expansion << stage for stage in range(4))
        self.strides = _strides(dilate)
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        stages: list[nn.Sequential] = []
        before, rate = width, 1
        for stage, (count, keep) in enumerate(zip(blocks, (True, *dilate), strict=True)):
            stride = 1 if keep else 2
            rates = (rate, rate * 2 if keep and stage > 0 else rate)
            stages.append(_stage(block, before, width << stage, count, stride, rates))
            before, rate = self.channels[stage], rates[1]
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(before, num_classes)
        initialise(self)

    def forward(self, images: Images) -> Float[Tensor, "B K"]:
        """Scores before the softmax.

        Raises:
            InputError: the images have no pixels.
        """
        return cast(Tensor, self.fc(self.avgpool(self.levels(images)[-1]).flatten(1)))

    def levels(self, images: Images) -> list[Tensor]:
        """The features behind each of the four stages, the finest first.

        Raises:
            InputError: the images have no pixels.
        """
        if min(images.shape[-2:]) < 1:
            raise InputError(
                "images of at least 1x1 pixels", f"{images.shape[-2]}x{images.shape[-1]}", "check how they were cut"
            )
        features = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        found = []
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            features = stage(features)
            found.append(features)
        return found


def _shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Sequential | None:
    """A 1x1 convolution where the shapes of a block's input and output differ (option B of section 3.3)."""
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels))


def _stage(
    block: type[BasicBlock] | type[Bottleneck],
    in_channels: int,
    channels: int,
    count: int,
    stride: int,
    rates: tuple[int, int],
) -> nn.Sequential:
    """Blocks of which the first one strides; `rates` are the dilations before and after that stride."""
    after = rates[1]
    rest = [block(channels * block.expansion, channels, 1, (after, after)) for _ in range(count - 1)]
    return nn.Sequential(block(in_channels, channels, stride, rates), *rest)


def _strides(dilate: Dilate) -> tuple[int, ...]:
    strides = [4]
    for keep in dilate:
        strides.append(strides[-1] * (1 if keep else 2))
    return tuple(strides)


def _loaded(network: ResNet, name: str, weights: str | Path | None) -> ResNet:
    if weights is not None:
        load_weights_into(network, published_state(name, weights), str(weights))
    return network


def resnet18(
    weights: str | Path | None = None,
    num_classes: int = 1000,
    width: int = 64,
    dilate: Dilate = (False, False, False),
) -> ResNet:
    """ResNet-18; `weights` is a file, "imagenet" or a published file's name.

    The other arguments are those of `ResNet`. Published weights fit any `dilate`, but otherwise the default arguments
    only; `transfer` loads what fits.
    """
    return _loaded(ResNet(BasicBlock, (2, 2, 2, 2), num_classes, width, dilate), "resnet18", weights)


def resnet34(
    weights: str | Path | None = None,
    num_classes: int = 1000,
    width: int = 64,
    dilate: Dilate = (False, False, False),
) -> ResNet:
    """ResNet-34; arguments as for `resnet18`."""
    return _loaded(ResNet(BasicBlock, (3, 4, 6, 3), num_classes, width, dilate), "resnet34", weights)


def resnet50(
    weights: str | Path | None = None,
    num_classes: int = 1000,
    width: int = 64,
    dilate: Dilate = (False, False, False),
) -> ResNet:
    """ResNet-50; arguments as for `resnet18`.

    "imagenet" means the weights of the original recipe ("resnet50-0676ba61"), which fcn_resnet50 and the published
    detectors started from; "resnet50-11ad3fa6" names the better classifier of a longer one.
    """
    return _loaded(ResNet(Bottleneck, (3, 4, 6, 3), num_classes, width, dilate), "resnet50", weights)


def resnet101(
    weights: str | Path | None = None,
    num_classes: int = 1000,
    width: int = 64,
    dilate: Dilate = (False, False, False),
) -> ResNet:
    """ResNet-101; arguments as for `resnet18`.

    "imagenet" means the weights of the original recipe ("resnet101-63fe2227"); "resnet101-cd907fc2" names the better
    classifier of a longer one.
    """
    return _loaded(ResNet(Bottleneck, (3, 4, 23, 3), num_classes, width, dilate), "resnet101", weights)

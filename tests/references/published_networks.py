"""Networks of the literature by their published layer tables, at any width: what the dense engine is tested on."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def vgg(plan: str, width: int = 64, normalised: bool = False) -> nn.Sequential:
    """Convolutions of VGG (Simonyan and Zisserman 2015, table 1): digits are multiples of `width`, M pools."""
    layers: list[nn.Module] = []
    channels = 3
    for entry in plan:
        if entry == "M":
            layers.append(nn.MaxPool2d(2))
            continue
        layers.append(nn.Conv2d(channels, int(entry) * width, 3, padding=1))
        channels = int(entry) * width
        if normalised:
            layers.append(nn.BatchNorm2d(channels))
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


VGG16 = "11M22M444M888M888M"


class Bottleneck(nn.Module):
    """He et al. 2016, figure 5; the stride on the 3x3 convolution."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn1, self.bn2, self.bn3 = nn.BatchNorm2d(width), nn.BatchNorm2d(width), nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU(inplace=True)
        same = stride == 1 and channels == 4 * width
        self.skip = nn.Identity() if same else nn.Conv2d(channels, 4 * width, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn3(self.conv3(self.relu(self.bn2(self.conv2(out)))))
        out += self.skip(x)
        return self.relu(out)


def resnet(blocks: Sequence[int], width: int = 64, stride_last: bool = False) -> nn.Sequential:
    """The features of a ResNet.

    `stride_last` puts each stage's stride on its last block and keeps the last stage's at 1, as the models do for
    which 483 and 1027 pixels are published (TensorFlow-Slim).
    """
    layers: list[nn.Module] = [
        nn.Conv2d(3, width, 7, 2, 3, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, 1),
    ]
    channels = width
    for stage, count in enumerate(blocks):
        for block in range(count):
            strided = stage < 3 and block == count - 1 if stride_last else stage > 0 and block == 0
            layers.append(Bottleneck(channels, width << stage, 2 if strided else 1))
            channels = 4 * (width << stage)
    return nn.Sequential(*layers)


def mobilenet_v1(width: int = 32) -> nn.Sequential:
    """Howard et al. 2017, table 1: depthwise and pointwise convolutions."""
    layers: list[nn.Module] = [nn.Conv2d(3, width, 3, 2, 1), nn.BatchNorm2d(width), nn.ReLU6(inplace=True)]
    channels = width
    for factor, stride in [(2, 1), (4, 2), (4, 1), (8, 2), (8, 1), (16, 2), *[(16, 1)] * 5, (32, 2), (32, 1)]:
        layers += [nn.Conv2d(channels, channels, 3, stride, 1, groups=channels), nn.ReLU6(inplace=True)]
        layers += [nn.Conv2d(channels, factor * width, 1), nn.BatchNorm2d(factor * width), nn.ReLU6(inplace=True)]
        channels = factor * width
    return nn.Sequential(*layers)


class ConvNextBlock(nn.Module):
    """Liu et al. 2022, figure 4: a wide depthwise convolution, then layer norm and two linear layers per cell."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.wide, self.narrow = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)
        self.scale = nn.Parameter(torch.full((channels,), 0.5))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        return x + (self.scale * self.narrow(nn.functional.gelu(self.wide(y)))).permute(0, 3, 1, 2)


class ValidResidual(nn.Module):
    """A residual block without padding: the skip is cropped to what the convolutions leave."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3)
        self.second = nn.Conv2d(channels, channels, 3, groups=2)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.norm(self.second(torch.relu(self.first(x)))) + x[:, :, 2:-2, 2:-2])


class SqueezeExcite(nn.Module):
    """Hu et al. 2018: every channel times a gate that sees the whole image."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, channels, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)


def membrane_classifier(width: int = 48) -> nn.Sequential:
    """For windows of 65 pixels, in the manner of Ciresan et al. 2012: convolutions, each with a maximum over 2x2."""
    return nn.Sequential(
        *(nn.Conv2d(1, width, 4), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(width, width, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(width, width, 4), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(width * 25, 200), nn.ReLU(), nn.Linear(200, 2)),
    )

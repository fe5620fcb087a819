"""The half of FlowNet that looks: convolutions with ever larger strides."""

from itertools import pairwise
from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.errors import InputError

SLOPE = 0.1
"""Of the leaky rectifiers, for negative values (Dosovitskiy et al. 2015; the authors' network files)."""


class Convolution(nn.Sequential):
    """A convolution that keeps the size, divided by its stride, and a leaky rectifier."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, kernel_size, stride, (kernel_size - 1) // 2),
            nn.LeakyReLU(SLOPE, inplace=True),
        )


class Stage(nn.Sequential):
    """Half the resolution, then a convolution at the new one: conv4 and conv4_1, and so on."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(Convolution(in_channels, out_channels, stride=2), Convolution(out_channels, out_channels))


class Contraction(nn.Module):
    """From features at stride 8 to those at strides 16, 32 and 64: conv4 to conv6_1 of the paper's figure 2."""

    def __init__(self, width: int) -> None:
        """Takes features of 4 `width` channels and makes 8, 8 and 16 `width` of them."""
        super().__init__()
        channels = (4 * width, 8 * width, 8 * width, 16 * width)
        self.stages = nn.ModuleList(Stage(before, after) for before, after in pairwise(channels))

    def forward(self, features: Float[Tensor, "B C H W"]) -> list[Float[Tensor, "B _ _ _"]]:
        """The features of every stage, the finest first."""
        levels = []
        for stage in self.stages:
            features = cast(Tensor, stage(features))
            levels.append(features)
        return levels


def check_width(width: int) -> None:
    """Refuses widths from which the network's channels cannot be made.

    Raises:
        InputError: below 2, or odd: FlowNetC has a layer of half the width.
    """
    if width < 2 or width % 2:
        raise InputError("an even width of at least 2", str(width), hint="the paper's is 64; 16 trains on two cores")


def initialise(network: nn.Module) -> None:
    """Draws all weights from Gaussians of variance 2 / ((1 + 0.1**2) fan_in); biases are 0.

    Source: He et al. 2015, "Delving Deep into Rectifiers", equation 15; so start ClementPinard's FlowNetPytorch and
    mmflow. NVIDIA's flownet2-pytorch starts from Xavier's uniform weights and biases of 0..1.
    """
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(part.weight, a=SLOPE)
            if part.bias is not None:
                nn.init.zeros_(part.bias)

"""The half of FlowNet that answers: flow at stride 64, made finer level by level with the features seen on the way.

Source: Dosovitskiy et al. 2015, "FlowNet: Learning Optical Flow with Convolutional Networks", figure 3.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.models.flow.contraction import SLOPE
from pixelwise.models.flow.outputs import FlowPyramid

FIRST_FLOWS = 0.01
"""Factor on the initial weights of the layers that predict flow, with which the first flows are about 0.

With Kaiming's weights they are noise of tens of pixels, and the first thousand steps are spent on taking it back.
"""


class RefinementStep(nn.Module):
    """The flow of one level, and the joined features of the next finer one."""

    def __init__(self, in_channels: int, out_channels: int, decoder_bias: bool, upsample_bias: bool) -> None:
        super().__init__()
        self.predict = nn.Conv2d(in_channels, 2, 3, padding=1, bias=decoder_bias)
        self.raise_flow = nn.ConvTranspose2d(2, 2, 4, stride=2, padding=1, bias=upsample_bias)
        self.raise_features = nn.Sequential(
            nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=decoder_bias),
            nn.LeakyReLU(SLOPE, inplace=True),
        )

    def forward(
        self, features: Float[Tensor, "B C h w"], skip: Float[Tensor, "B S H W"]
    ) -> tuple[Float[Tensor, "B 2 h w"], Float[Tensor, "B J H W"]]:
        """The flow here; and the finer features: those of the way down, the raised ones, and the raised flow."""
        flow = self.predict(features)
        return flow, torch.cat([skip, self.raise_features(features), self.raise_flow(flow)], dim=1)


class Refinement(nn.Module):
    """Flow at strides 64 to 4."""

    def __init__(self, width: int, decoder_bias: bool, upsample_bias: bool) -> None:
        """Builds the steps for the features of a `Contraction` and those before it.

        Args:
            width: channels of the network's first convolution.
            decoder_bias: whether the predictions and the raised features have biases.
            upsample_bias: whether the raised flows have biases.
        """
        super().__init__()
        skips = (8 * width, 8 * width, 4 * width, 2 * width)  # at strides 32, 16, 8, 4
        raised = (8 * width, 4 * width, 2 * width, width)
        joined = [16 * width, *(skip + up + 2 for skip, up in zip(skips, raised, strict=True))]
        self.steps = nn.ModuleList(
            RefinementStep(before, up, decoder_bias, upsample_bias)
            for before, up in zip(joined[:-1], raised, strict=True)
        )
        self.predict = nn.Conv2d(joined[-1], 2, 3, padding=1, bias=decoder_bias)

    def start_near_zero(self) -> None:
        """Makes the predicting layers' initial weights so small that the network first answers: nothing moves."""
        with torch.no_grad():
            for part in (*self.steps, self):
                part.predict.weight.mul_(FIRST_FLOWS)

    def forward(self, levels: Sequence[Float[Tensor, "B _ _ _"]]) -> FlowPyramid:
        """The flows, finest first, from the features at strides 4, 8, 16, 32 and 64."""
        *skips, features = levels
        flows = []
        for step in self.steps:
            flow, features = step(features, skips.pop())
            flows.append(flow)
        flows.append(self.predict(features))
        return tuple(reversed(flows))

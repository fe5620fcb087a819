"""FlowNetSimple: both images stacked, one plain network that must find out by itself how to compare them.

Source: Dosovitskiy et al. 2015, "FlowNet: Learning Optical Flow with Convolutional Networks", section 3 and figure 2.
"""

import torch
from torch import nn

from pixelwise.models.flow.contraction import Contraction, Convolution, check_width, initialise
from pixelwise.models.flow.outputs import FlowPyramid, cropped
from pixelwise.models.flow.pair import extended_pair
from pixelwise.models.flow.refinement import Refinement
from pixelwise.shapes import Images


class FlowNetS(nn.Module):
    """Flow at five resolutions from two images of any size; `pixel_flow` makes the motion of every pixel of it.

    Heights and widths that are no multiple of 64 are extended below and to the right by repeating the last pixels, and
    the flows are cropped back.

    Published programs differ in their biases. With the defaults (NVIDIA's flownet2-pytorch, mmflow) the network has
    38,676,506 parameters; `decoder_bias=False` is ClementPinard's FlowNetPytorch, with 38,675,536.
    """

    def __init__(self, width: int = 64, decoder_bias: bool = True, upsample_bias: bool = False) -> None:
        """Builds the network with Kaiming's initial weights, and first flows near 0.

        Args:
            width: channels of the first convolution, even; all others are multiples of it. The paper's is 64.
            decoder_bias: whether predicted flows and raised features have biases.
            upsample_bias: whether raised flows have biases.

        Raises:
            InputError: a width that is odd or below 2.
        """
        super().__init__()
        check_width(width)
        self.conv1 = Convolution(6, width, 7, stride=2)
        self.conv2 = Convolution(width, 2 * width, 5, stride=2)
        self.conv3 = Convolution(2 * width, 4 * width, 5, stride=2)
        self.conv3_1 = Convolution(4 * width, 4 * width)
        self.contraction = Contraction(width)
        self.refinement = Refinement(width, decoder_bias, upsample_bias)
        initialise(self)
        self.refinement.start_near_zero()

    def forward(self, first: Images, second: Images) -> FlowPyramid:
        """The flow from the first image to the second, in units of 20 pixels, the same in training and evaluation."""
        stacked = torch.cat(extended_pair(first, second), dim=1)
        second_level = self.conv2(self.conv1(stacked))
        third_level = self.conv3_1(self.conv3(second_level))
        flows = self.refinement([second_level, third_level, *self.contraction(third_level)])
        return cropped(flows, (first.shape[-2], first.shape[-1]))


def flownet_s(width: int = 64) -> FlowNetS:
    """FlowNetSimple with the paper's biases."""
    return FlowNetS(width)

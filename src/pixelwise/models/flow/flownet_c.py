"""FlowNetCorr: features of each image by itself, then their likeness at 441 displacements, then as FlowNetSimple.

Source: Dosovitskiy et al. 2015, "FlowNet: Learning Optical Flow with Convolutional Networks", section 3 and figure 2.
"""

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.errors import InputError
from pixelwise.models.flow.contraction import SLOPE, Contraction, Convolution, check_width, initialise
from pixelwise.models.flow.outputs import FlowPyramid, cropped
from pixelwise.models.flow.pair import extended_pair
from pixelwise.models.flow.refinement import Refinement
from pixelwise.ops.correlation import correlation
from pixelwise.shapes import Images

Likeness = Literal["product", "cosine"]

DISPLACEMENT_STRIDE = 2
"""Places at stride 8 between neighbouring displacements: 16 pixels of the image (section 3 of the paper)."""


class FlowNetC(nn.Module):
    """Flow at five resolutions from two images of any size; `pixel_flow` makes the motion of every pixel of it.

    Heights and widths that are no multiple of 64 are extended below and to the right by repeating the last pixels, and
    the flows are cropped back.

    Published programs differ in their biases. With the defaults (NVIDIA's flownet2-pytorch, mmflow) the network has
    39,175,298 parameters; `decoder_bias=False, upsample_bias=False` is ClementPinard's FlowNetPytorch, with 39,174,320.
    The correlation is the mean over channels, as in the former and the latter; mmflow's is the sum.
    """

    def __init__(
        self,
        width: int = 64,
        max_displacement: int = 20,
        likeness: Likeness = "product",
        decoder_bias: bool = True,
        upsample_bias: bool = True,
    ) -> None:
        """Builds the network with Kaiming's initial weights, and first flows near 0.

        Args:
            width: channels of the first convolution, even; all others are multiples of it. The paper's is 64.
            max_displacement: farthest displacement that is compared along each axis, in places at stride 8; the
                paper's 20 reaches 160 pixels.
            likeness: what is compared at each displacement: the features as they are ("product", the paper), or
                centred and of one length ("cosine"), see `directions`. Has no weights of its own.
            decoder_bias: whether predicted flows and raised features have biases.
            upsample_bias: whether raised flows have biases.

        Raises:
            InputError: a width that is odd or below 2, or a negative displacement.
        """
        super().__init__()
        check_width(width)
        if max_displacement < 0:
            raise InputError(
                "a max_displacement of at least 0", str(max_displacement), hint="the paper's is 20: 160 pixels"
            )
        if likeness not in get_args(Likeness):
            raise InputError(
                f"a likeness of {' or '.join(get_args(Likeness))}", repr(likeness), hint="cosine learns sooner"
            )
        self.max_displacement = max_displacement
        self.likeness = likeness
        displacements = (2 * (max_displacement // DISPLACEMENT_STRIDE) + 1) ** 2
        self.conv1 = Convolution(3, width, 7, stride=2)
        self.conv2 = Convolution(width, 2 * width, 5, stride=2)
        self.conv3 = Convolution(2 * width, 4 * width, 5, stride=2)
        self.redirect = Convolution(4 * width, width // 2, 1)
        self.conv3_1 = Convolution(width // 2 + displacements, 4 * width)
        self.contraction = Contraction(width)
        self.refinement = Refinement(width, decoder_bias, upsample_bias)
        initialise(self)
        self.refinement.start_near_zero()

    def forward(self, first: Images, second: Images) -> FlowPyramid:
        """The flow from the first image to the second, in units of 20 pixels, the same in training and evaluation."""
        both = torch.cat(extended_pair(first, second))
        second_levels = self.conv2(self.conv1(both))
        features, others = self.conv3(second_levels).chunk(2)
        compared = (features, others) if self.likeness == "product" else (directions(features), directions(others))
        likeness = correlation(compared[0], compared[1], self.max_displacement, DISPLACEMENT_STRIDE)
        joined = torch.cat([self.redirect(features), F.leaky_relu(likeness, SLOPE)], dim=1)
        third_level = self.conv3_1(joined)
        second_level = second_levels.chunk(2)[0]
        flows = self.refinement([second_level, third_level, *self.contraction(third_level)])
        return cropped(flows, (first.shape[-2], first.shape[-1]))


def directions(features: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C h w"]:
    """The features without each channel's mean over the image, and of length sqrt(C) everywhere.

    Features that have passed a rectifier are mostly positive, so that all of them are alike and their product says
    little of where the like place is: without these two steps an untrained network finds the right one of 49
    displacements in 6 to 10 of 100 places, with them in 60 (measured on flying shapes). Jonschkowski et al. 2020,
    "What Matters in Unsupervised Optical Flow", bring features to mean 0 and variance 1 before they compare them.
    """
    lengths: float = features.shape[1] ** 0.5
    return F.normalize(features - features.mean(dim=(2, 3), keepdim=True), dim=1) * lengths


def flownet_c(width: int = 64, max_displacement: int = 20, likeness: Likeness = "product") -> FlowNetC:
    """FlowNetCorr with the paper's biases."""
    return FlowNetC(width, max_displacement, likeness)

"""How much a flow can be trusted: whether the flow back leads to where it started."""

import torch
from jaxtyping import Float
from torch import Tensor

from pixelwise.ops.warp import warp

RELATIVE, ABSOLUTE = 0.01, 0.5
"""Of the squared lengths, and squared pixels: the bound of Sundaram, Brox, Keutzer 2010, equation 5, beyond which a
pixel counts as hidden."""


def flow_confidence(forward: Float[Tensor, "B 2 H W"], backward: Float[Tensor, "B 2 H W"]) -> Float[Tensor, "B H W"]:
    """How well forward and backward flow agree at every pixel of the first image, in 0..1.

    With e = |f(p) + b(p + f(p))|^2 and Sundaram's bound t = 0.01 (|f|^2 + |b|^2) + 0.5 it is t / (t + e): 1 where the
    way back ends at its start, and 0.5 at the bound, so that below 0.5 a pixel counts as hidden or wrong. 0 where the
    flow points off the image, or a value is not finite. It says nothing of errors that both flows share.

    Source of the bound: Sundaram, Brox, Keutzer 2010, "Dense Point Trajectories by GPU-Accelerated Large Displacement
    Optical Flow", equation 5.

    Args:
        forward: (dx, dy) in pixels from the first images to the second.
        backward: from the second images to the first.

    Raises:
        InputError: the batches differ in length, or the flows have no pixels.

    >>> flow_confidence(torch.full((1, 2, 1, 2), 0.0), torch.tensor([[[[0.0, 3.0]], [[0.0, 4.0]]]]))
    tensor([[[1.0000, 0.0291]]])
    """
    returned, inside = warp(backward, forward)
    gap = (forward + returned).square().sum(1)
    bound = RELATIVE * (forward.square().sum(1) + returned.square().sum(1)) + ABSOLUTE
    confidence = bound / (bound + gap)
    return torch.where(inside & confidence.isfinite(), confidence, 0)

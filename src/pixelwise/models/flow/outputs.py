"""What flow networks give: flow at five resolutions, and how it becomes the motion of every pixel."""

from jaxtyping import Float
from torch import Tensor

from pixelwise.ops.resize import resize
from pixelwise.shapes import Size

FlowPyramid = tuple[Float[Tensor, "B 2 _ _"], ...]
"""Flow of a batch at strides 4, 8, 16, 32 and 64, the finest first, each of ceil(H / stride) x ceil(W / stride).

In units of `UNIT` pixels of the image, at every level.
"""

UNIT = 20.0
"""Pixels per unit of the outputs, so that usual motions are near 1 (`div_flow` in published code)."""

STRIDES = (4, 8, 16, 32, 64)
"""Pixels per place of each level of a pyramid."""


def cropped(flows: FlowPyramid, size: Size) -> FlowPyramid:
    """The places that cover an image of `size`, of flows of an image that was extended below and to the right."""
    height, width = size
    return tuple(
        flow[..., : -(-height // stride), : -(-width // stride)] for flow, stride in zip(flows, STRIDES, strict=True)
    )


def pixel_flow(flows: FlowPyramid, size: Size, level: int = 0) -> Float[Tensor, "B 2 H W"]:
    """The motion (dx, dy) of every pixel, in pixels: one level of a pyramid, enlarged bilinearly and scaled.

    Args:
        flows: the output of a flow network.
        size: height and width of the images it was computed from.
        level: 0 is the finest, of stride 4, which is the network's answer.
    """
    height, width = size
    coarse, stride = flows[level], STRIDES[level]
    whole = resize(coarse, (coarse.shape[-2] * stride, coarse.shape[-1] * stride), "bilinear")
    return whole[..., :height, :width] * UNIT

"""Two images of one size, extended to a size that a network can halve six times."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.shapes import Images

STRIDE = 64
"""Pixels between the coarsest flows: six convolutions with stride 2."""


def extended_pair(first: Images, second: Images) -> tuple[Float[Tensor, "B 3 h w"], Float[Tensor, "B 3 h w"]]:
    """Both images, their last pixels repeated below and to the right up to the next multiple of 64.

    Nothing is copied when nothing is missing.

    Raises:
        InputError: the images differ in shape, or have no pixels.
    """
    if first.shape != second.shape:
        raise InputError(
            "two images of one shape",
            f"{tuple(first.shape)} and {tuple(second.shape)}",
            hint="cut or resize them to one size first, both alike",
        )
    if 0 in first.shape[-2:]:
        raise InputError("images with pixels", f"shape {tuple(first.shape)}", hint="leave empty images out")
    height, width = first.shape[-2:]
    below, right = -height % STRIDE, -width % STRIDE
    if not below and not right:
        return first, second
    return _extended(first, below, right), _extended(second, below, right)


def _extended(images: Tensor, below: int, right: int) -> Tensor:
    return F.pad(images, (0, right, 0, below), mode="replicate")

"""Weights of the classes in the loss, from how many pixels each has."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def balanced_weights(class_pixels: Sequence[int]) -> Float[Tensor, " K"]:
    """One over the square root of each class's share of pixels, scaled so that classes with pixels have mean 1.

    Square roots, because full inverses let a class of 0.1 % drown the others. A class without pixels weighs nothing.

    >>> balanced_weights([90, 10, 0])
    tensor([0.5000, 1.5000, 0.0000])
    """
    pixels = torch.tensor(class_pixels, dtype=torch.float32)
    weights = torch.where(pixels > 0, (pixels.sum() / pixels.clamp(min=1)).sqrt(), 0)
    return weights / weights[pixels > 0].mean()

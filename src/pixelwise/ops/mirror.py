"""Positions outside an image, mirrored back into it."""

from jaxtyping import Integer
from torch import Tensor

from pixelwise.errors import InputError


def reflect_index(positions: Integer[Tensor, " N"], length: int) -> Integer[Tensor, " N"]:
    """Positions in 0..length-1 that mirror the given ones at the first and last pixel, which are not repeated.

    Any distance works, unlike torch's "reflect" padding: the mirrored image is mirrored again. An axis of one pixel
    gives 0 everywhere.

    >>> import torch
    >>> reflect_index(torch.tensor([-2, -1, 0, 3, 4, 7]), 4).tolist()
    [2, 1, 0, 3, 2, 1]
    """
    if length < 1:
        raise InputError("an axis of at least one pixel", f"length {length}", "check that the image is not empty")
    if length == 1:
        return positions * 0
    period = 2 * (length - 1)
    folded = positions % period
    return folded.minimum(period - folded)

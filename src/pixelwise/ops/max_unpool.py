"""Undoing max-pooling: every maximum back at the place it came from.

The switches of DeconvNet (Noh et al. 2015) and SegNet (Badrinarayanan et al. 2017).
"""

import torch
from jaxtyping import Shaped
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.shapes import Size


def max_unpool(
    values: Shaped[Tensor, "*channels h w"], indices: Shaped[Tensor, "*_ _ _"], size: Size
) -> Shaped[Tensor, "*channels H W"]:
    """Maps of the given size with each value at its index, and 0 elsewhere.

    `indices` are what `F.max_pool2d(maps, ..., return_indices=True)` gives: row * W + column in each map. Where
    overlapping windows chose the same pixel, the largest of their values stands there, and equal ones share its
    gradient. So values straight from the pooling come back exactly, for every kernel, stride, padding and dilation.
    Runs agree bit for bit on every device.

    Differs from `F.max_unpool2d`: `size` is the size of the maps before pooling, not guessed from a kernel; of two
    values at one index the largest wins, not the last written, whose gradient also goes to both; a bad index is an
    error with its value on every device.

    Args:
        values: one value per window, of any dtype; empty is fine.
        indices: of the same shape, int32 or int64.
        size: height and width of the result.

    Raises:
        InputError: shapes, dtypes or devices do not fit, or an index lies outside the maps. Traced programs (compile,
            export) cannot look at values: there torch's own bounds check holds.
    """
    _check_fit(values, indices, size)
    height, width = size
    looking = not torch.compiler.is_compiling() and not indices.is_meta
    if looking:
        _check_bounds(indices, height, width)
    places, flat = indices.long().flatten(-2), values.new_zeros((*values.shape[:-2], height * width))
    if looking and _all_differ(places, height * width):
        result = flat.scatter(-1, places, values.flatten(-2))
    else:
        # The same numbers, and defined where windows overlap, but several times slower, above all backwards.
        result = flat.scatter_reduce(-1, places, values.flatten(-2), "amax", include_self=False)
    return result.view(*values.shape[:-2], height, width)


def _all_differ(places: Tensor, length: int) -> bool:
    """Whether no place of a map is used twice: then each use finds its own number there."""
    numbers = torch.arange(places.shape[-1], device=places.device, dtype=torch.int32).expand_as(places)
    last = numbers.new_empty((*places.shape[:-1], length)).scatter_(-1, places, numbers)
    return torch.equal(last.gather(-1, places), numbers)


def _check_fit(values: Tensor, indices: Tensor, size: Size) -> None:
    if (
        values.shape != indices.shape
        or values.device != indices.device
        or indices.dtype not in (torch.int32, torch.int64)
        or values.ndim < 2
    ):
        raise InputError(
            "an index of int32 or int64 for every value, on its device",
            f"values of shape {tuple(values.shape)} on {values.device} and indices of {indices.dtype}, "
            f"shape {tuple(indices.shape)} on {indices.device}",
            hint="values, indices = F.max_pool2d(maps, 2, return_indices=True) gives both",
        )
    if len(size) != 2 or min(size) < 0 or (0 in size and values.numel()):
        raise InputError(
            "the height and width of the maps before pooling",
            f"size={size}",
            hint="pass size=maps.shape[-2:]",
        )


def _check_bounds(indices: Tensor, height: int, width: int) -> None:
    if indices.numel() == 0:
        return
    low, high = (int(bound) for bound in indices.aminmax())
    if low < 0 or high >= height * width:
        raise InputError(
            f"indices of 0 to {height * width - 1} for maps of {height}x{width}",
            f"{low if low < 0 else high}",
            hint="pass as size the size of the maps before pooling: size=maps.shape[-2:]",
        )

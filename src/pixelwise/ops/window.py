"""Windows of images and padding: every pixel asked for exists, because the picture continues as its mirror image."""

from typing import Literal

import torch
from jaxtyping import Shaped
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.ops.mirror import reflect_index
from pixelwise.shapes import Size

Border = Literal["reflect", "constant"]
"""What lies outside an image: its mirror image, or one value."""


def read_window(
    images: Shaped[Tensor, "*channels H W"],
    top: int,
    left: int,
    size: Size,
    border: Border = "reflect",
    value: float | int = 0,
) -> Shaped[Tensor, "*channels h w"]:
    """The pixels of a window that may reach beyond the image, of any dtype; a view where it does not.

    Args:
        images: one or more images or maps of the same size.
        top: first row of the window; negative above the image.
        left: first column of the window; negative left of the image.
        size: height and width of the window.
        border: "reflect" continues the image as its mirror image, the edge pixel not repeated, "constant" puts
            `value` outside.
        value: what stands outside with border "constant".

    Raises:
        InputError: the image has no pixels, or the window has a negative side.
    """
    height, width = images.shape[-2:]
    if height == 0 or width == 0 or min(size) < 0:
        raise InputError(
            "an image with at least one pixel and a window size of at least 0",
            f"an image of {height}x{width} and a window of {size[0]}x{size[1]}",
            hint="leave empty images out before reading windows from them",
        )
    rows, columns = slice(max(top, 0), max(top + size[0], 0)), slice(max(left, 0), max(left + size[1], 0))
    if top >= 0 and left >= 0 and rows.stop <= height and columns.stop <= width:
        return images[..., rows, columns]
    if border == "reflect":
        wanted_rows = reflect_index(torch.arange(top, top + size[0], device=images.device), height)
        wanted_columns = reflect_index(torch.arange(left, left + size[1], device=images.device), width)
        return images.index_select(-2, wanted_rows).index_select(-1, wanted_columns)
    window = images.new_full((*images.shape[:-2], *size), value)
    inside = images[..., rows, columns]
    start_row, start_column = max(-top, 0), max(-left, 0)
    window[..., start_row : start_row + inside.shape[-2], start_column : start_column + inside.shape[-1]] = inside
    return window


def pad_to_multiple(
    images: Shaped[Tensor, "*channels H W"], multiple: int, border: Border = "reflect"
) -> tuple[Shaped[Tensor, "*channels h w"], tuple[int, int, int, int]]:
    """The images grown to the next multiple of `multiple`, and the window (top, left, height, width) of the originals.

    `read_window(padded, top, left, (height, width))` undoes it. All padding goes below and to the right, so top and
    left are 0: a network with a stride then samples the original pixels at the same places with and without padding.
    Nothing is copied when nothing is missing.

    Args:
        images: one or more images of the same size.
        multiple: what both sides must be divisible by, such as the coarsest stride of a network; at least 1.
        border: "reflect" continues the image as its mirror image, "constant" fills with 0.

    Raises:
        InputError: `multiple` is below 1, or the image has no pixels.
    """
    if multiple < 1:
        raise InputError(
            "a multiple of at least 1", str(multiple), hint="pass the network's coarsest stride, such as 32"
        )
    height, width = images.shape[-2:]
    size = (-(-height // multiple) * multiple, -(-width // multiple) * multiple)
    return read_window(images, 0, 0, size, border), (0, 0, height, width)

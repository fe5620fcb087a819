"""Images that are read region by region, and what lies around them."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.ops.mirror import reflect_index
from pixelwise.shapes import Size


@runtime_checkable
class Regions(Protocol):
    """An image that is read region by region, such as `pixelwise.data.open_image` returns."""

    @property
    def size(self) -> Size:
        """Height and width of the whole image."""
        ...

    def read(self, top: int, left: int, height: int, width: int) -> Float[Tensor, "C h w"]:
        """The pixels of one region, 0..1."""
        ...


@dataclass(frozen=True)
class WholeTensor:
    """A tensor (C, H, W) in memory, read region by region."""

    pixels: Float[Tensor, "C H W"]

    @property
    def size(self) -> Size:
        """Height and width."""
        return self.pixels.shape[-2], self.pixels.shape[-1]

    def read(self, top: int, left: int, height: int, width: int) -> Float[Tensor, "C h w"]:
        """A view of the region."""
        return self.pixels[:, top : top + height, left : left + width]


def as_regions(image: object) -> Regions:
    """The image, if it is read region by region already, or a tensor (C, H, W) of floats wrapped to be.

    Raises:
        InputError: anything else, or an image without pixels.
    """
    wanted = "one image: a float tensor (C, H, W), or an object with `size` and `read`"
    if not isinstance(image, Tensor):
        # isinstance asks for the names alone, and NumPy arrays have a `size` too.
        if not isinstance(image, Regions):
            hint = "pass torch.from_numpy(array), channels first, or pixelwise.data.open_image(path)"
            raise InputError(wanted, f"a {type(image).__name__}", hint)
        regions: Regions = image
    elif image.ndim != 3:
        raise InputError(wanted, f"a tensor {tuple(image.shape)}", "pass the images of a batch one by one, images[0]")
    elif not image.is_floating_point():
        raise InputError(
            wanted, f"a tensor of {image.dtype}", "divide by the type's largest value: image.float() / 255"
        )
    else:
        regions = WholeTensor(image)
    if min(regions.size) < 1:
        raise InputError(wanted, f"{regions.size[0]}x{regions.size[1]} pixels", "leave empty images out")
    return regions


def read_mirrored(image: Regions, rows: tuple[int, int], columns: tuple[int, int]) -> Float[Tensor, "C h w"]:
    """The pixels of a window; where it leaves the image, the image is mirrored at its border pixels.

    Source: Ronneberger et al. 2015, figure 2.

    Args:
        image: the image.
        rows: first and last (exclusive) row; below 0 and past the end are allowed.
        columns: first and last (exclusive) column, likewise.
    """
    height, width = image.size
    if rows[0] >= 0 and columns[0] >= 0 and rows[1] <= height and columns[1] <= width:
        return image.read(rows[0], columns[0], rows[1] - rows[0], columns[1] - columns[0])
    row_index = reflect_index(torch.arange(*rows), height)
    column_index = reflect_index(torch.arange(*columns), width)
    top, left = int(row_index.min()), int(column_index.min())
    pixels = image.read(top, left, int(row_index.max()) + 1 - top, int(column_index.max()) + 1 - left)
    return pixels[:, row_index - top][:, :, column_index - left]

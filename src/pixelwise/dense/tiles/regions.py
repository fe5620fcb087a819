"""Images that are read region by region, and what lies around them."""

import mmap
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.ops.mirror import reflect_index
from pixelwise.shapes import Size

WANTED = "one image: an array or tensor of uint8, uint16 or floats, or an object with `size` and `read`"

MOST_COLOURS = 4
"""An axis this short holds channels where nothing is said: gray, gray and alpha, RGB, RGB and alpha."""


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
class SlicedArray:
    """An image in anything that is read by slices: NumPy arrays and memory maps, Zarr, tifffile's Zarr, h5py, tensors.

    uint8 and uint16 are divided by 255 and 65535; floats are passed on as they are. `channels` says which axis holds
    them: "first" (C, H, W), "last" (H, W, C), or "none" for (H, W).
    """

    array: Any
    channels: Literal["first", "last", "none"]

    def __post_init__(self) -> None:
        """Refuses what is no image.

        Raises:
            InputError: another number of axes, or numbers that are neither uint8, uint16 nor floats.
        """
        shape = tuple(self.array.shape)
        if 0 in shape:
            raise InputError(WANTED, f"one without pixels, of shape {shape}", "leave empty images out")
        if len(shape) != (2 if self.channels == "none" else 3):
            axes = {"first": "(C, H, W)", "last": "(H, W, C)", "none": "(H, W)"}[self.channels]
            raise InputError(
                f"one image {axes}", f"one of shape {shape}", "pass the images of a batch one by one, images[0]"
            )
        number_type = self.array.dtype
        name = str(number_type) if isinstance(self.array, Tensor) else np.dtype(number_type).name
        if "float" not in name and name.removeprefix("torch.") not in ("uint8", "uint16"):
            hint = "scale it to floats 0..1: image / the largest value it can hold"
            raise InputError(WANTED, f"one of {name}", hint)

    @property
    def size(self) -> Size:
        """Height and width."""
        shape = self.array.shape[1:] if self.channels == "first" else self.array.shape[:2]
        return int(shape[0]), int(shape[1])

    def read(self, top: int, left: int, height: int, width: int) -> Float[Tensor, "C h w"]:
        """The pixels of the region as floats."""
        place = slice(top, top + height), slice(left, left + width)
        part = self.array[(slice(None), *place) if self.channels == "first" else place]
        pixels = part if isinstance(part, Tensor) else torch.from_numpy(_native(part))
        release_pages(self.array)
        if self.channels == "none":
            pixels = pixels[None]
        elif self.channels == "last":
            pixels = pixels.movedim(-1, 0)
        if pixels.is_floating_point():
            return pixels
        return pixels.to(torch.float32) / (255 if pixels.dtype == torch.uint8 else 65535)


def _native(part: Any) -> np.ndarray[Any, np.dtype[Any]]:
    """A copy in this machine's byte order, of its own memory: a view of a memory map would keep its pages."""
    values = np.asarray(part)
    return np.array(values, dtype=values.dtype.newbyteorder("="), order="C")


def release_pages(array: object) -> None:
    """Gives the pages of a memory map back to the system, which keeps or writes them as it sees fit.

    Otherwise every page ever touched counts as memory of this process. Private maps (mode "c") are left alone: their
    changes exist nowhere else.
    """
    if not isinstance(array, np.memmap) or array.mode == "c" or not hasattr(mmap, "MADV_DONTNEED"):
        return
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap):
        base.madvise(mmap.MADV_DONTNEED)


def as_regions(image: Any) -> Regions:
    """The image, if it is read region by region already, or an array wrapped to be.

    Tensors are (C, H, W). Arrays of two axes are gray. In arrays of three, the first or the last axis holds the
    channels, whichever alone is at most `MOST_COLOURS` long.

    Raises:
        InputError: anything else, an array whose channels could be either axis, or an image without pixels.
    """
    if isinstance(image, Tensor):
        regions: Regions = SlicedArray(image, "first")
    elif hasattr(image, "shape") and hasattr(image, "dtype"):
        regions = SlicedArray(image, _channel_axis(tuple(image.shape)))
    elif isinstance(image, Regions):
        regions = image
    else:
        hint = "pass an array, or pixelwise.data.open_image(path)"
        raise InputError(WANTED, f"a {type(image).__name__}", hint)
    if min(regions.size) < 1:
        raise InputError(WANTED, f"{regions.size[0]}x{regions.size[1]} pixels", "leave empty images out")
    return regions


def _channel_axis(shape: tuple[int, ...]) -> Literal["first", "last", "none"]:
    if len(shape) == 2:
        return "none"
    if len(shape) != 3 or 0 in shape:
        return "first"  # which refuses it
    first, last = shape[0] <= MOST_COLOURS, shape[-1] <= MOST_COLOURS
    if first == last:
        raise InputError(
            "an array in which either the first or the last axis is short enough for channels",
            f"shape {shape}",
            'say which: pixelwise.dense.SlicedArray(array, channels="first") or channels="last"',
        )
    return "first" if first else "last"


def read_mirrored(image: Regions, rows: tuple[int, int], columns: tuple[int, int]) -> Float[Tensor, "C h w"]:
    """The pixels of a window; where it leaves the image, the image is mirrored at its border pixels.

    Source: Ronneberger et al. 2015, figure 2.

    Args:
        image: the image.
        rows: first and last (exclusive) row; below 0 and past the end are allowed.
        columns: first and last (exclusive) column, likewise.

    Raises:
        InputError: the image returns a region of another size than asked for.
    """
    height, width = image.size
    if rows[0] >= 0 and columns[0] >= 0 and rows[1] <= height and columns[1] <= width:
        return _read(image, rows[0], columns[0], rows[1] - rows[0], columns[1] - columns[0])
    row_index = reflect_index(torch.arange(*rows), height)
    column_index = reflect_index(torch.arange(*columns), width)
    top, left = int(row_index.min()), int(column_index.min())
    pixels = _read(image, top, left, int(row_index.max()) + 1 - top, int(column_index.max()) + 1 - left)
    return pixels[:, row_index - top][:, :, column_index - left]


def _read(image: Regions, top: int, left: int, height: int, width: int) -> Tensor:
    pixels = image.read(top, left, height, width)
    if pixels.ndim != 3 or tuple(pixels.shape[1:]) != (height, width):
        raise InputError(
            f"(C, {height}, {width}) from the image's read({top}, {left}, {height}, {width})",
            f"{tuple(pixels.shape)}",
            f"check that its size is really {image.size[0]}x{image.size[1]}",
        )
    return pixels

"""Images of any size, of which only the regions asked for are decoded where the format allows it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from pixelwise.data.formats.decode import decode
from pixelwise.data.formats.raster import Traits, file_format
from pixelwise.data.formats.tiff import channels_last, first_page, tiff_traits
from pixelwise.data.images import as_rgb, upright
from pixelwise.errors import InputError
from pixelwise.shapes import Image, Size

Region = tuple[slice, slice]
"""Rows and columns."""


@dataclass(frozen=True)
class LazyImage:
    """An image file that is read region by region.

    It holds no open file, so it may be copied to other threads and processes; each read opens the file again.
    """

    path: Path
    size: Size
    _stored: Callable[[Region], NDArray[Any]] = field(repr=False)
    _traits: Traits = field(repr=False)

    def read(self, top: int, left: int, height: int, width: int) -> Image:
        """The region of `height` rows and `width` columns whose first pixel is (`top`, `left`): RGB, 3 H W in 0..1.

        Raises:
            InputError: naming the file, when the region is empty or reaches outside the image, or cannot be decoded.
        """
        rows, columns = self.size
        if not (height > 0 and width > 0 and 0 <= top <= rows - height and 0 <= left <= columns - width):
            raise InputError(
                f"a region inside the {rows}x{columns} pixels of {self.path}",
                f"rows {top} to {top + height} and columns {left} to {left + width}",
                hint="clip the region to the image",
            )
        pixels = self._stored((slice(top, top + height), slice(left, left + width)))
        return as_rgb(pixels, self._traits, self.path)


def open_image(path: Path) -> LazyImage:
    """An image whose regions are read on demand.

    An uncompressed TIFF is mapped into memory; of another TIFF only the tiles or strips that a region touches are
    decoded (this needs the package zarr, in the extra "large"; without it the file is decoded whole). PNG, JPEG and BMP
    can only be decoded whole: this is done once, and the values are kept in 8 or 16 bits.

    Raises:
        InputError: naming the file, as `pixelwise.data.read_image` does.
    """
    if file_format(path) == "TIFF":
        with first_page(path) as page:
            size, traits = (page.imagelength, page.imagewidth), tiff_traits(page)
            if page.is_memmappable:
                return LazyImage(path, size, _mapped(path, page), traits)
            if len(page.dataoffsets) > 1 and find_spec("zarr"):
                return LazyImage(path, size, partial(_tiles, path), traits)
    raster = decode(path)
    pixels = upright(raster)
    return LazyImage(path, pixels.shape[:2], partial(_part, pixels), raster.traits)


@dataclass(frozen=True)
class _Mapping:
    """Where the values of an uncompressed file lie.

    The map is made anew on each read, so that copies to other processes stay small.
    """

    path: Path
    offset: int
    shape: tuple[int, ...]
    stored: np.dtype[Any]
    planar: bool

    def __call__(self, region: Region) -> NDArray[Any]:
        values = np.memmap(self.path, self.stored, "r", self.offset, self.shape)
        part = np.moveaxis(values[:, *region], 0, -1) if self.planar else values[region]
        return np.array(part, dtype=self.stored.newbyteorder("="))


def _mapped(path: Path, page: tifffile.TiffPage) -> _Mapping:
    assert page.dtype is not None
    stored = page.dtype.newbyteorder(page.parent.byteorder)
    return _Mapping(path, page.dataoffsets[0], page.shape, stored, page.axes == "SYX")


def _tiles(path: Path, region: Region) -> NDArray[Any]:
    """The region, decoded from the tiles or strips it touches."""
    import zarr  # noqa: PLC0415  (0.6 s, and part of the extra "large")

    with first_page(path) as page:
        values: Any = zarr.open_array(page.aszarr(), mode="r")
        planar = page.axes == "SYX"
        return channels_last(np.asarray(values[(slice(None), *region) if planar else region]), page)


def _part(pixels: NDArray[Any], region: Region) -> NDArray[Any]:
    return pixels[region]

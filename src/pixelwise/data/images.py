"""Image files of any kind as RGB float tensors.

Gray is repeated to three channels, palettes are looked up, alpha is dropped (not blended: what lies under it is
unknown), CMYK JPEG is converted without a colour profile, EXIF orientation is applied for JPEG (other formats'
orientation tags are not). A value of n bits is divided by 2**n - 1. Float TIFF must lie in 0..1 already; every other
scale is the user's to choose.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pixelwise.data.formats.decode import decode, header_size
from pixelwise.data.formats.raster import SUFFIXES, Raster, Traits
from pixelwise.errors import InputError
from pixelwise.shapes import Image, Size

IMAGE_SUFFIXES: frozenset[str] = frozenset(SUFFIXES)
"""Lower-case suffixes of the files that a folder is searched for."""

SIDEWAYS = range(5, 9)  # EXIF orientations 5 to 8 swap height and width


def read_image(path: Path) -> Image:
    """An RGB image, 3 H W in 0..1, upright.

    Raises:
        InputError: naming the file, when it is missing, empty, damaged, or of a kind that has no plain meaning as RGB.
    """
    raster = decode(path)
    return as_rgb(upright(raster), raster.traits, path)


def image_size(path: Path) -> Size:
    """Height and width as `read_image` would return them, from the header alone.

    Raises:
        InputError: naming the file, as far as its header shows a fault.
    """
    (height, width), orientation = header_size(path)
    return (width, height) if orientation in SIDEWAYS else (height, width)


def upright(raster: Raster) -> NDArray[Any]:
    """The stored values, turned as EXIF orientation asks (EXIF 2.3, table 4); a view, never a copy."""
    turned = raster.pixels
    orientation = raster.traits.orientation
    if orientation in SIDEWAYS:
        turned = turned.swapaxes(0, 1)
    flip_rows = orientation in (3, 4, 7, 8)
    flip_columns = orientation in (2, 3, 6, 7)
    return turned[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]


def colour_values(pixels: NDArray[Any], traits: Traits) -> NDArray[Any]:
    """Gray (H W) or RGB (H W 3) in the stored depth: palette looked up, alpha dropped, white made the largest value."""
    if traits.palette is not None:
        # Indices past the palette's end cannot be shown; they become its last colour.
        shown: NDArray[Any] = traits.palette[np.minimum(pixels, len(traits.palette) - 1)]
        return shown
    if traits.colours == "gray+alpha":
        pixels = pixels[..., 0]
    elif traits.colours == "rgba":
        pixels = pixels[..., :3]
    if not traits.inverted:
        return pixels
    return (2**traits.bits - 1 if traits.bits else 1) - pixels


def refuse_unscaled(values: NDArray[Any], source: Path) -> None:
    """Raises when values have no known scale: signed or 32-bit integers, or floats outside 0..1.

    Raises:
        InputError: naming the file.
    """
    wanted = "an image of 8 or 16 bits a channel, or of floats in 0..1"
    if values.dtype.kind == "f":
        low, high = float(values.min()), float(values.max())
        if not (low >= 0 and high <= 1):  # also true for NaN
            found = "NaN" if np.isnan(low) else f"values from {low:g} to {high:g}"
            raise InputError(
                wanted, f"{source}: floats with {found}", hint="scale it to 0..1, or save it as 16-bit integers"
            )
    elif values.dtype not in (np.uint8, np.uint16):
        raise InputError(
            wanted, f"{source}: values of {values.dtype}", hint="choose a scale and save it as 16-bit integers"
        )


def as_rgb(pixels: NDArray[Any], traits: Traits, source: Path) -> Image:
    """Stored values (H W or H W C) as a float tensor 3 H W in 0..1.

    Raises:
        InputError: naming the source, when the values have no known scale.
    """
    values = colour_values(pixels, traits)
    refuse_unscaled(values, source)
    largest = 255 if traits.palette is not None else 2**traits.bits - 1 if traits.bits else 1
    channels_first = torch.from_numpy(np.ascontiguousarray(_planes(values), dtype=np.float32))
    return channels_first.div_(largest).expand(3, -1, -1).contiguous()


def _planes(values: NDArray[Any]) -> NDArray[Any]:
    """1 H W or 3 H W."""
    return values[None] if values.ndim == 2 else np.moveaxis(values, -1, 0)

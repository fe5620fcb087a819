"""PNG, JPEG and BMP files, exactly as stored: the single place where Pillow is called."""

import io
import struct
import threading
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin, JpegImagePlugin, PngImagePlugin
from PIL.Image import Image as Picture

from pixelwise.data.formats.raster import Colours, Raster, Traits, blamed_on, unreadable
from pixelwise.shapes import Size

DEFLATE_LIMIT = 1032
"""No deflate stream expands more (zlib manual, "maximum compression factor"); a header that claims more is false."""

JPEG_LIMIT = 512
"""Pixels per byte: a block of 8x8 pixels costs at least one bit, since each block has at least one Huffman code."""

MODES: dict[str, Colours] = {
    "L": "gray",
    "LA": "gray+alpha",
    "RGB": "rgb",
    "RGBA": "rgba",
    "P": "palette",
    "1": "gray",
    "CMYK": "cmyk",
}

WARNINGS = threading.Lock()
"""Warning filters belong to the whole process; two threads that change them at once would leave them changed."""


def picture_size(path: Path, form: str) -> tuple[Size, int]:
    """Height and width as stored, and the EXIF orientation, of a PNG, JPEG or BMP, from its header."""
    with blamed_on(path), path.open("rb") as file:
        picture = _opened(file, form)
        return (picture.height, picture.width), _orientation(picture, form)


def decode_picture(path: Path, form: str) -> Raster:
    """The stored values of a PNG, JPEG or BMP file; 16-bit PNG keeps all 16 bits."""
    with blamed_on(path):
        content = path.read_bytes()
        picture = _opened(io.BytesIO(content), form)
        _refuse_false_size(path, picture.size, form, content)
        depth = content[24] if form == "PNG" else 8  # the byte after width and height in PNG's first chunk
        traits = _traits(picture, form, depth)
        if depth == 16:
            return _decode_deep_png(content, traits)
        picture.load()
        if traits.colours == "palette":
            traits = replace(traits, palette=_palette(picture))
        return Raster(_stored(picture, traits), traits)


def _opened(file: Any, form: str) -> Picture:
    """A picture whose header is read and whose pixels are not.

    The format's own reader is called instead of `PIL.Image.open`: that function refuses pictures past a limit which is
    one setting for the whole process, and which scans exceed. `_refuse_false_size` takes the limit's place: it believes
    a size only if the file can hold it.
    """
    readers: dict[str, Callable[[Any], Picture]] = {
        "PNG": PngImagePlugin.PngImageFile,
        "JPEG": JpegImagePlugin.JpegImageFile,
        "BMP": BmpImagePlugin.BmpImageFile,
    }
    with WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about metadata that is not used here
        picture = readers[form](file)
        if form == "JPEG":
            picture.getexif()  # parsed once, here, where its warnings are off
    return picture


def _orientation(picture: Picture, form: str) -> int:
    if form != "JPEG":
        return 1
    found = picture.getexif().get(0x0112, 1)  # EXIF 2.3, table 4: Orientation
    return found if found in range(1, 9) else 1


def _refuse_false_size(path: Path, size: tuple[int, int], form: str, content: bytes) -> None:
    """Raises before memory is taken when the file is too short for the size that its header claims."""
    width, height = size
    if width < 1 or height < 1:
        raise unreadable(path, f"its header claims {height}x{width} pixels")
    limit = len(content) * (JPEG_LIMIT if form == "JPEG" else DEFLATE_LIMIT)
    bits = _bits_per_pixel(content) if form == "PNG" else 8
    if width * height * bits > limit * 8:
        raise unreadable(path, f"its header claims {height}x{width} pixels, its {len(content)} bytes cannot hold them")


def _bits_per_pixel(png: bytes) -> int:
    """From the header chunk of a PNG (PNG specification, 11.2.2): depth times the channels of the colour type."""
    depth, colour_type = struct.unpack_from("BB", png, 24)
    return int(depth) * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour_type, 1)


def _traits(picture: Picture, form: str, depth: int) -> Traits:
    if depth < 16 and picture.mode not in MODES:
        raise ValueError(f"pixels of mode {picture.mode} are not known")
    colours = MODES.get(picture.mode, "gray")  # for 16 bits replaced once the channels are decoded
    bits = 1 if picture.mode == "1" else depth
    more = int(getattr(picture, "n_frames", 1)) > 1
    return Traits(form, colours, bits, orientation=_orientation(picture, form), more_pages=more)


def _decode_deep_png(content: bytes, traits: Traits) -> Raster:
    """A PNG of 16 bits a channel through libpng, because Pillow keeps only the high byte of 16-bit colour, silently."""
    import imagecodecs  # noqa: PLC0415  (most data sets have no 16-bit PNG)

    pixels: NDArray[Any] = imagecodecs.png_decode(content)
    colours: dict[int, Colours] = {1: "gray", 2: "gray+alpha", 3: "rgb", 4: "rgba"}
    return Raster(pixels, replace(traits, colours=colours[1 if pixels.ndim == 2 else pixels.shape[2]]))


def _palette(picture: Picture) -> NDArray[np.uint8]:
    """256 x 3 colours; indices past the stored palette are black."""
    stored = np.array(picture.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(stored)] = stored
    return palette


def _stored(picture: Picture, traits: Traits) -> NDArray[Any]:
    """The values in the file: Pillow stretches 1-, 2- and 4-bit gray to 0..255, which is undone here."""
    if picture.mode == "CMYK":
        picture = picture.convert("RGB")
    pixels: NDArray[Any] = np.array(picture, dtype=np.uint8)
    if traits.colours == "gray" and traits.bits in (2, 4):
        pixels //= 255 // (2**traits.bits - 1)
    return pixels

"""Uncompressed pictures, PPM (colour) and PGM (gray) in their binary forms P6 and P5; FlyingChairs has its frames so.

A text header with width, height and the largest value, one white space, then the values row by row; two bytes a value,
the high one first, where the largest value is above 255. Source: the Netpbm project's descriptions of ppm and pgm.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.data.formats.raster import Colours, Raster, Traits, unreadable
from pixelwise.errors import InputError
from pixelwise.files import whole_file
from pixelwise.shapes import Size

_GAP = rb"(?:\s|#[^\r\n]*[\r\n])+"  # white space and comments
_HEADER = re.compile(rb"P([56])" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,5})\s")

LONGEST_HEADER = 4096
"""Bytes searched for the header's end; comments longer than that are something else."""


def netpbm_size(path: Path) -> Size:
    """Height and width of a PPM or PGM file, from its header.

    Raises:
        InputError: the header is damaged; the message names the file.
    """
    with path.open("rb") as file:
        return _header(file.read(LONGEST_HEADER), path)[1]


def decode_netpbm(path: Path) -> Raster:
    """The stored values of a PPM or PGM file.

    Raises:
        InputError: naming the file: a damaged header, a largest value that is not 2**n - 1, a file that is cut short
            or goes on after the last pixel, values above the largest.
    """
    content = path.read_bytes()
    channels, (height, width), largest, start = _header(content[:LONGEST_HEADER], path)
    wide = 2 if largest > 255 else 1
    wanted = start + wide * channels * height * width
    if len(content) != wanted:
        fault = "is cut short" if len(content) < wanted else "goes on after the last pixel"
        raise unreadable(path, f"{height}x{width} pixels need {wanted} bytes, it has {len(content)}: it {fault}")
    values: NDArray[Any] = np.frombuffer(content, dtype=">u2" if wide == 2 else "u1", offset=start)
    values = values.astype(np.uint16 if wide == 2 else np.uint8)
    if int(values.max()) > largest:
        raise unreadable(path, f"a value of {int(values.max())} where its header says at most {largest}")
    colours: Colours = "rgb" if channels == 3 else "gray"
    shape = (height, width, 3) if channels == 3 else (height, width)
    return Raster(values.reshape(shape), Traits("PPM", colours, largest.bit_length()))


def write_netpbm(path: Path, pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    """Writes H x W x 3 values as PPM, H x W values as PGM, whole or not at all; `read_image` and `decode` read them.

    Raises:
        InputError: another shape or type, or no pixels.
    """
    path = Path(path)
    colour = pixels.ndim == 3 and pixels.shape[2] == 3
    if not (colour or pixels.ndim == 2) or pixels.size == 0 or pixels.dtype not in (np.uint8, np.uint16):
        raise InputError(
            "8-bit or 16-bit pixels of shape (H, W, 3) or (H, W)",
            f"{pixels.dtype} of shape {pixels.shape} for {path}",
            hint="turn an image in 0..1 into (255 * image).round().astype(numpy.uint8)",
        )
    height, width = pixels.shape[:2]
    with whole_file(path) as unfinished, unfinished.open("wb") as file:
        file.write(f"P{6 if colour else 5}\n{width} {height}\n{np.iinfo(pixels.dtype).max}\n".encode())
        file.write(pixels.astype(pixels.dtype.newbyteorder(">")).tobytes())


def _header(start: bytes, path: Path) -> tuple[int, Size, int, int]:
    """Channels, size, largest value, and where the values begin."""
    found = _HEADER.match(start)
    if found is None:
        raise unreadable(path, f"no header of a PPM or PGM (magic, width, height, largest value) in {start[:24]!r}")
    kind, width, height, largest = (int(part) for part in found.groups())
    if not (width and height):
        raise unreadable(path, f"its header claims {height}x{width} pixels")
    if largest not in (2**bits - 1 for bits in range(1, 17)):
        raise InputError(
            "a PPM or PGM whose largest value is 2**n - 1, such as 255 or 65535",
            f"{path}: {largest}",
            hint="write it again with 255 as the largest value",
        )
    return (3 if kind == 6 else 1), (height, width), largest, found.end()

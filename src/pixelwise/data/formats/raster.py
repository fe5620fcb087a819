"""One decoded picture file, exactly as stored, and the errors of files that cannot be decoded.

The format is told by a file's first bytes, not by its name. Whatever a library raises becomes an InputError that names
the file.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pixelwise.errors import InputError

Colours = Literal["gray", "gray+alpha", "rgb", "rgba", "palette", "cmyk"]

MAGIC = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",  # BigTIFF, for files past 4 GB
    b"MM\0+": "TIFF",
    b"P5": "PPM",
    b"P6": "PPM",
}

SUFFIXES = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".ppm": "PPM",
    ".pgm": "PPM",
}


@dataclass(frozen=True)
class Traits:
    """What stored values mean.

    `bits` is the depth of one stored value (0 for floats, which are 0..1 already); `palette` holds N x 3 colours, and
    then pixels are indices into it; `inverted` says that 0 is white; `orientation` is the EXIF number 1..8, not yet
    applied; `more_pages` says that only the first of several pictures is read.
    """

    format: str
    colours: Colours
    bits: int
    palette: NDArray[np.uint8] | None = None
    inverted: bool = False
    orientation: int = 1
    more_pages: bool = False


@dataclass(frozen=True)
class Raster:
    """Stored values (H W, or H W C) and what they mean."""

    pixels: NDArray[Any]
    traits: Traits


@contextmanager
def blamed_on(path: Path) -> Iterator[None]:
    """Turns whatever a picture library raises into an InputError that names the file.

    Every exception is caught, because Pillow, tifffile and their codecs raise some twenty kinds on damaged files, from
    struct.error and SyntaxError to KeyError, without a promise which.
    """
    try:
        yield
    except InputError:
        raise
    except MemoryError as problem:
        raise InputError(
            "an image that fits into memory", f"{path}", hint="save it as a tiled TIFF, which is read region by region"
        ) from problem
    except Exception as problem:
        reason = " ".join(str(problem).split())[:120] or type(problem).__name__
        raise unreadable(path, f"cut off or damaged ({reason})") from problem


def unreadable(path: Path, reason: str) -> InputError:
    """The error for a damaged file."""
    return InputError("a complete image file", f"{path}: {reason}", hint="copy or download it again, or remove it")


def file_format(path: Path) -> str:
    """The format, "PNG", "JPEG", "BMP", "TIFF" or "PPM", by the file's first bytes.

    Raises:
        InputError: no such file, a folder, an empty file, or another format.
    """
    if not path.exists():
        raise InputError("an image file", f"{path}, which does not exist", hint="check the path and its spelling")
    if not path.is_file():
        raise InputError("an image file", f"{path}, which is a folder", hint="name a file in it")
    with blamed_on(path), path.open("rb") as file:
        start = file.read(8)
    if not start:
        raise InputError(
            "a complete image file", f"{path}: empty (0 bytes)", hint="copy or download it again, or remove it"
        )
    for magic, name in MAGIC.items():
        if start.startswith(magic):
            return name
    raise InputError(
        "a PNG, JPEG, BMP, TIFF or PPM image",
        f"{path}: its first bytes are {start[:4]!r}",
        hint="save it as PNG; if it was one, the file is damaged",
    )

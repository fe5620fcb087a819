"""The first page of a TIFF file, exactly as stored, whole or by region."""

import logging
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from pixelwise.data.formats.raster import Colours, Raster, Traits, blamed_on, unreadable
from pixelwise.errors import InputError

EXPANSION = {1: 1, 5: 1400, 8: 1032, 32773: 64, 32946: 1032}
"""Largest ratio of pixels to stored bytes, by TIFF compression number: none; LZW (runs of zeros give 1365);
deflate (zlib manual, "maximum compression factor"); PackBits; deflate by its old number."""

ANY_EXPANSION = 2**16
"""The same for other compressions; Zstandard, the most extreme, packs 128 KiB into 4 bytes (RFC 8878, RLE block)."""

MIN_IS_WHITE, MIN_IS_BLACK, RGB, PALETTE, YCBCR = 0, 1, 2, 3, 6  # TIFF 6.0, tag PhotometricInterpretation
JPEG_COMPRESSIONS = (6, 7)  # their decoder returns RGB for stored YCbCr


@contextmanager
def first_page(path: Path) -> Iterator[tifffile.TiffPage]:
    """The open first page of a TIFF, checked: its pixels are of a known kind, and all its pieces lie inside the file.

    tifffile logs damage instead of raising; an error logged while the page is open is raised here at the end.

    Raises:
        InputError: naming the file.
    """
    with blamed_on(path), _logged_errors() as errors, tifffile.TiffFile(path) as file:
        page = file.pages[0]
        if not isinstance(page, tifffile.TiffPage):
            raise ValueError("it has no first page")
        _refuse_damage(path, page)
        _refuse_strange(path, page)
        yield page
        if errors:
            raise ValueError(errors[0])


def decode_tiff(path: Path) -> Raster:
    """The stored values of the first page and what they mean."""
    with first_page(path) as page:
        traits = tiff_traits(page)
        # One thread: whoever reads many files already reads several at a time.
        return Raster(channels_last(page.asarray(maxworkers=1), page), traits)


def tiff_traits(page: tifffile.TiffPage) -> Traits:
    """What the stored values of a checked page mean."""
    floating = page.dtype is not None and page.dtype.kind == "f"
    palette = None
    if page.photometric == PALETTE:
        # Colour maps are 16 bit, three rows (TIFF 6.0, tag ColorMap).
        palette = (np.asarray(page.colormap).T >> 8).astype(np.uint8)
    return Traits(
        "TIFF",
        _colours(page),
        bits=0 if floating else int(page.bitspersample),
        palette=palette,
        inverted=page.photometric == MIN_IS_WHITE,
        more_pages=_has_second_picture(page),
    )


def channels_last(pixels: NDArray[Any], page: tifffile.TiffPage) -> NDArray[Any]:
    """Values as H W or H W C; TIFF may store one plane per channel."""
    if page.axes == "SYX":
        pixels = np.moveaxis(pixels, 0, -1)
    return pixels.astype(np.uint8) if pixels.dtype == bool else pixels


def _colours(page: tifffile.TiffPage) -> Colours:
    if page.photometric == PALETTE:
        return "palette"
    kinds: dict[int, Colours] = {1: "gray", 2: "gray+alpha", 3: "rgb", 4: "rgba"}
    return kinds[page.samplesperpixel]


def _has_second_picture(page: tifffile.TiffPage) -> bool:
    """Whether a second page exists that is not a smaller copy of the first (pyramids keep those as further pages)."""
    try:
        second = page.parent.pages[1]
    except IndexError:
        return False
    return not (isinstance(second, tifffile.TiffPage) and second.is_reduced)


def _refuse_damage(path: Path, page: tifffile.TiffPage) -> None:
    """Raises, before memory is taken, when pieces are missing or the claimed size cannot be in the file."""
    size = path.stat().st_size
    if 0 in page.shape or not page.shape:
        raise unreadable(path, f"it claims pixels of shape {page.shape}")
    pieces = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    wanted = math.prod(page.chunked)
    missing = wanted - sum(1 for start, count in pieces if count > 0 and 0 < start <= size - count)
    if missing > 0:
        raise unreadable(
            path, f"{missing} of its {wanted} pieces lie outside its {size} bytes: it is cut off or sparse"
        )
    if page.nbytes > min(size, sum(page.databytecounts)) * EXPANSION.get(int(page.compression), ANY_EXPANSION) + 8:
        raise unreadable(path, f"it claims {page.nbytes} bytes of pixels, its {size} bytes cannot hold them")


def _refuse_strange(path: Path, page: tifffile.TiffPage) -> None:
    """Raises for pixels that cannot be shown as gray or RGB without choices that only the user can make."""
    known = page.photometric in (MIN_IS_WHITE, MIN_IS_BLACK, RGB, PALETTE)
    known |= page.photometric == YCBCR and page.compression in JPEG_COMPRESSIONS
    channels = {"YX": 1, "YXS": page.shape[-1], "SYX": page.shape[0]}.get(page.axes)
    if (
        known
        and page.dtype is not None
        and channels == page.samplesperpixel
        and channels in ((1,) if page.axes == "YX" else (2, 3, 4))
    ):
        return
    kind = getattr(page.photometric, "name", page.photometric)
    raise InputError(
        "a TIFF of gray, RGB or palette pixels with at most 4 channels",
        f"{path}: {kind}, {page.samplesperpixel} channels, shape {page.shape}",
        hint="save the three channels to look at as an RGB TIFF or PNG",
    )


@contextmanager
def _logged_errors() -> Iterator[list[str]]:
    """Collects what tifffile logs in this thread, and keeps it off the screen."""
    errors: list[str] = []
    thread = threading.get_ident()

    def swallow(record: logging.LogRecord) -> bool:
        if record.thread != thread:
            return True
        if record.levelno >= logging.ERROR:
            errors.append(record.getMessage())
        return False

    logger = logging.getLogger("tifffile")
    logger.addFilter(swallow)
    try:
        yield errors
    finally:
        logger.removeFilter(swallow)

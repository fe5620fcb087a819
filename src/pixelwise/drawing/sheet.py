"""Many pictures on one sheet."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw

from pixelwise.drawing.lettering import fitted, font
from pixelwise.drawing.pictures import checked_picture
from pixelwise.errors import InputError

_PAPER = 255
_INK = (40, 44, 52)


def contact_sheet(
    pictures: Sequence[NDArray[np.uint8]],
    columns: int,
    captions: Sequence[str] | None = None,
    gap: int = 8,
) -> NDArray[np.uint8]:
    """The pictures (H, W, 3) row by row on white paper, each with its caption below.

    All cells are as large as the largest picture; smaller ones are centred. Long captions are shortened.

    Raises:
        InputError: no pictures, fewer than one column, a negative gap, or another number of captions than pictures.
    """
    _check(pictures, columns, captions, gap)
    height = max(checked_picture(picture).shape[0] for picture in pictures)
    width = max(picture.shape[1] for picture in pictures)
    size = max(10, width // 20)  # about 35 letters across a cell, never too small to read
    words = int(size * 1.6) if captions else 0
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    shape = (gap + rows * (height + words + gap), gap + columns * (width + gap), 3)
    sheet = np.full(shape, _PAPER, dtype=np.uint8)
    corners = [
        (gap + index // columns * (height + words + gap), gap + index % columns * (width + gap))
        for index in range(len(pictures))
    ]
    for picture, (top, left) in zip(pictures, corners, strict=True):
        y, x = top + (height - picture.shape[0]) // 2, left + (width - picture.shape[1]) // 2
        sheet[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    if not captions:
        return sheet
    return _lettered(sheet, captions, [(left + width // 2, top + height) for top, left in corners], width, size)


def _lettered(
    sheet: NDArray[np.uint8], captions: Sequence[str], places: list[tuple[int, int]], width: int, size: int
) -> NDArray[np.uint8]:
    canvas = Pillow.fromarray(sheet)
    pen = ImageDraw.Draw(canvas)
    face = font(size)
    for caption, (x, y) in zip(captions, places, strict=True):
        words = fitted(caption, width, face)
        pen.text((x - face.getlength(words) / 2, y + size * 0.2), words, fill=_INK, font=face)
    return np.asarray(canvas).copy()


def _check(pictures: Sequence[NDArray[np.uint8]], columns: int, captions: Sequence[str] | None, gap: int) -> None:
    if not len(pictures):
        raise InputError("at least one picture", "none", hint="leave the sheet out")
    if columns < 1 or gap < 0:
        raise InputError("at least 1 column and a gap of 0 or more", f"{columns} and {gap}", hint="columns=4, gap=8")
    if captions is not None and len(captions) != len(pictures):
        raise InputError(
            "one caption per picture", f"{len(pictures)} pictures, {len(captions)} captions", hint='use "" for none'
        )

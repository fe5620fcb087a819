"""Boxes with their names, drawn over an image."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw

from pixelwise.drawing.lettering import fitted, font
from pixelwise.drawing.palette import readable_ink
from pixelwise.drawing.pictures import as_array, as_picture
from pixelwise.errors import InputError
from pixelwise.shapes import Boxes, Image


def draw_boxes(
    image: NDArray[Any] | Image, boxes: NDArray[Any] | Boxes, names: Sequence[str], colours: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """The image with each box and its name, (H, W, 3).

    Takes boxes (N, 4) as x0 y0 x1 y1 in pixels, ends exclusive, with one name and one colour (N, 3) *per box*; for
    colours by class, give `class_colours(count)[labels]`. Later boxes lie over earlier ones. What reaches outside is
    cut off; a box without area in the image is not drawn; an empty name draws no tag.

    Raises:
        InputError: the counts differ, or a box holds NaN or infinity.
    """
    picture, corners = as_picture(image), as_array(boxes)
    _check(corners, names, colours)
    height, width = picture.shape[:2]
    canvas = Pillow.fromarray(picture)
    pen = ImageDraw.Draw(canvas)
    line = max(1, min(height, width) // 150)  # one pixel up to 300, then growing, to be seen at page width
    for corner, name, colour in zip(corners, names, colours, strict=True):
        x0, y0, x1, y1 = np.clip(np.rint(corner), 0, (width, height, width, height)).astype(int).tolist()
        if x1 > x0 and y1 > y0:
            # Pillow draws the last pixel of a rectangle; ours end before it.
            pen.rectangle((x0, y0, x1 - 1, y1 - 1), outline=tuple(colour.tolist()), width=line)
            _tag(pen, (x0, y0), name, colour, (height, width))
    return np.asarray(canvas).copy()


def _tag(
    pen: ImageDraw.ImageDraw, corner: tuple[int, int], name: str, colour: NDArray[np.uint8], size: tuple[int, int]
) -> None:
    """The name on its colour, above the box, or inside it where the image ends."""
    height, width = size
    face = font(max(10, min(height, width) // 24))  # 10: the smallest size at which the face can be read
    x, y = corner
    words = fitted(name, width - x - 4, face)
    if not words:
        return
    left, top, right, bottom = pen.textbbox((0, 0), words, font=face)
    tall = int(bottom - top) + 4
    y = y - tall if y >= tall else y
    pen.rectangle((x, y, x + int(right - left) + 3, y + tall - 1), fill=tuple(colour.tolist()))
    pen.text((x + 2 - left, y + 2 - top), words, fill=readable_ink(colour), font=face)


def _check(boxes: NDArray[Any], names: Sequence[str], colours: NDArray[np.uint8]) -> None:
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise InputError("boxes of shape (N, 4)", str(boxes.shape), hint="x0 y0 x1 y1 in pixels, one box per row")
    if not len(boxes) == len(names) == len(colours):
        raise InputError(
            "one name and one colour per box",
            f"{len(boxes)} boxes, {len(names)} names, {len(colours)} colours",
            hint="colours by class: class_colours(count)[labels]",
        )
    broken = np.flatnonzero(~np.isfinite(boxes).all(axis=1))
    if broken.size:
        raise InputError("boxes of finite numbers", f"{boxes[broken[0]]} in box {broken[0]}", hint="drop this box")

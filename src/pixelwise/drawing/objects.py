"""Found or true objects over an image: masks tinted, boxes drawn, names and scores beside them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.drawing.boxes import draw_boxes
from pixelwise.drawing.pictures import as_picture
from pixelwise.results import ObjectMasks
from pixelwise.shapes import Boxes, Image

OPACITY = 0.45
"""Of a mask: what is under it stays visible."""


def draw_objects(
    image: NDArray[Any] | Image,
    boxes: Boxes,
    names: Sequence[str],
    colours: NDArray[np.uint8],
    masks: ObjectMasks | None = None,
    step: int = 1,
) -> NDArray[np.uint8]:
    """The image with objects drawn over it, (H, W, 3); the first object lies on top.

    Takes one name and one colour (N, 3) per box. `step` is how many pixels of boxes and masks are one pixel of the
    image, where the image was reduced by taking every `step`-th pixel.

    Raises:
        InputError: the counts differ, or a box holds NaN or infinity.
    """
    picture = as_picture(image).copy()
    if masks is not None:
        for window, corner, colour in reversed(list(zip(masks.windows, masks.corners, colours, strict=True))):
            inside, (row, column) = _reduced(window.cpu().numpy(), corner, step)
            part = picture[row : row + inside.shape[0], column : column + inside.shape[1]]
            part[inside] = (part[inside] * (1 - OPACITY) + colour * OPACITY).astype(np.uint8)
    order = np.arange(len(boxes))[::-1]
    return draw_boxes(picture, boxes.cpu().numpy()[order] / step, [names[place] for place in order], colours[order])


def _reduced(
    inside: NDArray[np.bool_], corner: tuple[int, int], step: int
) -> tuple[NDArray[np.bool_], tuple[int, int]]:
    """Every `step`-th row and column of the image that a window holds."""
    row, column = corner
    first_row, first_column = -row % step, -column % step
    return inside[first_row::step, first_column::step], ((row + first_row) // step, (column + first_column) // step)

"""Separate objects as a picture: each outlined in a colour of its own."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.drawing.overlays import Labels
from pixelwise.drawing.palette import class_colours
from pixelwise.drawing.pictures import as_array, as_picture
from pixelwise.errors import InputError
from pixelwise.shapes import Image

COLOURS = 24
"""Colours in turn: about as many as an eye tells apart; neighbours have near numbers, hence different colours."""


def outline_instances(image: NDArray[Any] | Image, objects: Labels) -> NDArray[np.uint8]:
    """The image with each object outlined in its own colour, (H, W, 3).

    Takes an image as uint8 (H, W, 3) or a float tensor (3, H, W), and object numbers (H, W) with 0 where there is none.
    The outline lies inside the object, so that two lines run between objects that touch. Objects 24 apart share a
    colour.

    Raises:
        InputError: numbers that are not whole or are negative, or image and numbers differ in size.
    """
    numbers, picture = as_array(objects), as_picture(image).copy()
    if numbers.ndim != 2 or numbers.dtype.kind not in "ui" or (numbers.size and numbers.min() < 0):
        raise InputError(
            "object numbers 0, 1, 2, ... of shape (H, W)",
            f"{numbers.dtype} {numbers.shape}" + (f" from {numbers.min()}" if numbers.size else ""),
            hint="pass the labels of pixelwise.results.Instances",
        )
    if picture.shape[:2] != numbers.shape:
        raise InputError(
            f"object numbers of the image's size {picture.shape[:2]}", f"{numbers.shape}", hint="resize the image"
        )
    lines = _outlines(numbers)
    colours = class_colours(COLOURS + 1)[1:]  # the first recedes: it is the background's
    picture[lines] = colours[(numbers[lines].astype(np.int64) - 1) % COLOURS]
    return picture


def _outlines(numbers: NDArray[Any]) -> NDArray[np.bool_]:
    """Pixels of an object with a neighbour (up, down, left, right) outside it; the picture's edge is no outside."""
    lines = np.zeros(numbers.shape, bool)
    for axis in (0, 1):
        ahead, behind = [slice(None)] * 2, [slice(None)] * 2
        ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
        changes = numbers[tuple(ahead)] != numbers[tuple(behind)]
        lines[tuple(ahead)] |= changes
        lines[tuple(behind)] |= changes
    outlines: NDArray[np.bool_] = lines & (numbers > 0)
    return outlines

"""A map of numbers as a picture: dark for low, light for high, and a bar that says how much that is."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pixelwise.drawing.lettering import font
from pixelwise.drawing.number_text import Number, number_text
from pixelwise.drawing.palette import hatch
from pixelwise.errors import InputError

# From night blue over purple and orange to pale yellow: lightness rises evenly, so that the order survives grey
# printing and colour deficiencies.
_ANCHORS = np.array(
    [(12, 12, 32), (66, 22, 104), (146, 38, 104), (218, 76, 62), (250, 156, 42), (252, 246, 186)], dtype=np.float64
)
_BAR, _GAP, _LETTERS = 10, 6, 12
"""Pixels: the bar's height, the space around it, and the size of its numbers."""
_NARROW = 96
"""Pictures less wide than this have no room for two numbers, and get no bar."""


def heat_picture(values: NDArray[Any], low: Number, high: Number, bar: bool = True) -> NDArray[np.uint8]:
    """The values (H, W) in colours, uint8 (H, W, 3); with a bar some rows higher. Not-a-number is hatched in grey.

    Args:
        values: numbers; those below `low` or above `high` get the colours of these.
        low: the value shown darkest.
        high: the value shown lightest.
        bar: whether a bar with both values stands below.

    Raises:
        InputError: not a map of two axes with at least one pixel.
    """
    if values.ndim != 2 or values.size == 0:
        raise InputError("a map (H, W) of numbers", f"shape {values.shape}", hint="choose one plane: scores[1]")
    share = (values.astype(np.float64) - float(low)) / max(float(high) - float(low), 1e-12)  # a flat map is dark
    picture = _coloured(share)
    missing = np.isnan(share)
    picture[missing] = hatch(*values.shape)[missing]
    if not bar or values.shape[1] < _NARROW:
        return picture
    return np.concatenate([picture, _bar(values.shape[1], low, high)])


def _coloured(share: NDArray[np.float64]) -> NDArray[np.uint8]:
    # 256 colours looked up: interpolating each pixel would take eight bytes for each channel.
    places = np.linspace(0, len(_ANCHORS) - 1, 256)
    table = np.stack([np.interp(places, range(len(_ANCHORS)), channel) for channel in _ANCHORS.T], axis=1)
    levels = (np.nan_to_num(share, nan=0.0).clip(0, 1) * 255).round().astype(np.uint8)
    return table.round().astype(np.uint8)[levels]


def _bar(width: int, low: Number, high: Number) -> NDArray[np.uint8]:
    """White rows with the colours from `low` to `high` between both numbers."""
    strip = Image.new("RGB", (width, _BAR + 2 * _GAP), "white")
    draw, face = ImageDraw.Draw(strip), font(_LETTERS)
    left, right = number_text(low), number_text(high)
    start, stop = _GAP + int(draw.textlength(left, face)) + _GAP, width - 2 * _GAP - int(draw.textlength(right, face))
    middle = (_BAR + 2 * _GAP) // 2
    draw.text((_GAP, middle), left, "black", face, anchor="lm")
    draw.text((width - _GAP, middle), right, "black", face, anchor="rm")
    rows = np.array(strip)
    if stop > start:
        rows[_GAP : _GAP + _BAR, start:stop] = _coloured(np.linspace(0, 1, stop - start)[None])
    return rows

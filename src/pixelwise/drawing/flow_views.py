"""Motion shown beside its images: the wheel that explains the colours, arrows, and what the flow does not explain."""

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw

from pixelwise.drawing.flow import flow_key, flow_picture, flow_vectors, known_flow, largest_motion
from pixelwise.drawing.heat import heat_picture
from pixelwise.drawing.lettering import font
from pixelwise.drawing.pictures import as_picture
from pixelwise.errors import InputError
from pixelwise.ops.warp import warp
from pixelwise.shapes import Flow, Image

_KEY_SHARE, _SMALLEST_KEY, _MARGIN = 5, 24, 4
"""The wheel takes a fifth of the shorter side, is large enough to see its colours, and keeps off the border."""
_NOTABLE = 0.25
"""A difference shown lightest: a quarter of the range from black to white is seen at a glance."""
_HEAD = 0.3
"""An arrow's head as a share of its length."""
_FAR = 1e6
"""Pixels: farther than any image is wide, so that unknown motion counts as off the image."""
_INK, _PAPER = (20, 24, 32), (255, 255, 255)


def flow_with_key(flow: NDArray[Any] | Flow, largest: float | int | None = None) -> NDArray[np.uint8]:
    """The motion in colours (see `flow_picture`), the wheel in the lower right corner with the pixels of full colour.

    The corner hides what lies beneath it; take `flow_picture` where every pixel matters. Flows with less than 48 rows
    or columns have no room for a wheel and get none.

    Raises:
        InputError: another shape than (H, W, 2) or (2, H, W), or `largest` not above 0.
    """
    picture = flow_picture(flow, largest)
    height, width = picture.shape[:2]
    if min(height, width) < 2 * _SMALLEST_KEY:
        return picture
    reach = largest_motion(flow) if largest is None else float(largest)
    size = max(_SMALLEST_KEY, min(height, width) // _KEY_SHARE)
    letters = max(9, size // 4)
    top, left = height - size - letters - 2 * _MARGIN, width - size - _MARGIN
    picture[top - _MARGIN :, left - _MARGIN :] = 255
    picture[top : top + size, left : left + size] = flow_key(size)
    canvas = Pillow.fromarray(picture)
    words = f"{reach:.3g} px"  # a tenth of a pixel is not seen in a colour
    ImageDraw.Draw(canvas).text((left + size / 2, height - _MARGIN), words, _INK, font(letters), anchor="ms")
    return np.asarray(canvas).copy()


def flow_arrows(
    image: NDArray[Any] | Image, flow: NDArray[Any] | Flow, spacing: int | None = None
) -> NDArray[np.uint8]:
    """The image (H, W, 3), on it arrows from pixels in rows and columns to where they go, true to scale.

    Motions below one pixel are dots; unknown ones are left out.

    Args:
        image: a float tensor (3, H, W) in 0..1 or uint8 (H, W, 3).
        flow: (2, H, W) or (H, W, 2), in pixels.
        spacing: pixels from arrow to arrow; None puts 16 along the longer side.

    Raises:
        InputError: image and flow of two sizes, or a spacing below 1.
    """
    picture, vectors = as_picture(image), flow_vectors(flow)
    if picture.shape[:2] != vectors.shape[:2]:
        sizes = [f"{shape[0]}x{shape[1]}" for shape in (picture.shape, vectors.shape)]
        raise InputError("an image and a flow of one size", " and ".join(sizes), hint="draw it on the first image")
    step = max(1, max(picture.shape[:2]) // 16) if spacing is None else spacing
    if step < 1:
        raise InputError("a spacing of at least 1 pixel", str(spacing), hint="leave it out for 16 arrows a row")
    known = known_flow(vectors)
    canvas = Pillow.fromarray(picture)
    pen = ImageDraw.Draw(canvas)
    places = [
        (row, column)
        for row in range(step // 2, picture.shape[0], step)
        for column in range(step // 2, picture.shape[1], step)
        if known[row, column]
    ]
    # The light halves first, so that no arrow's edge covers another's shaft.
    for colour, width in ((_PAPER, 3), (_INK, 1)):
        for row, column in places:
            _arrow(pen, (column, row), tuple(vectors[row, column]), colour, width)
    return np.asarray(canvas).copy()


def warped_difference(first: Image, second: Image, flow: Flow, bar: bool = True) -> NDArray[np.uint8]:
    """What the flow leaves unexplained: |first - second brought back by the flow|, dark for none, as a heat picture.

    The mean over the channels; 0.25 and more are lightest. Hatched where the flow points off the second image. It also
    lights up where pixels are hidden in the second image, whatever the flow.

    Args:
        first: (3, H, W) in 0..1.
        second: of the same size.
        flow: (dx, dy) in pixels.
        bar: whether a bar with the values stands below.
    """
    finite = flow.isfinite().all(0) & (flow.abs() < _FAR).all(0)
    returned, inside = warp(second[None], flow.where(finite, _FAR)[None])
    difference = (first - returned[0]).abs().mean(0)
    return heat_picture(difference.where(inside[0], torch.nan).cpu().numpy(), 0, _NOTABLE, bar)


def _arrow(
    pen: ImageDraw.ImageDraw,
    start: tuple[int, int],
    vector: tuple[float, ...],
    colour: tuple[int, int, int],
    width: int,
) -> None:
    (x, y), (dx, dy) = start, vector
    length = math.hypot(dx, dy)
    if length < 1:
        pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), colour)
        return
    end = (x + dx, y + dy)
    pen.line((start, end), colour, width)
    for turn in (math.radians(150), math.radians(-150)):
        cosine, sine = math.cos(turn) * _HEAD, math.sin(turn) * _HEAD
        head = (end[0] + cosine * dx - sine * dy, end[1] + sine * dx + cosine * dy)
        pen.line((end, head), colour, width)

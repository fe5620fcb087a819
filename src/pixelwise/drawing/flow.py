"""Motion as colour: the hue says where to, the strength of the colour how far.

Source: the colour coding of Baker et al., "A Database and Evaluation Methodology for Optical Flow" (2007, 2011).
Differs from their program: there the wheel ends one step (1/55 turn) early, which shows as an edge between motions
just above and just below "right"; ours closes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.drawing.palette import hatch
from pixelwise.drawing.pictures import as_array
from pixelwise.errors import InputError
from pixelwise.shapes import Flow

# Steps from each colour to the next around the wheel, as published: more where the eye sees more differences.
_CORNERS = np.array([(255, 0, 0), (255, 255, 0), (0, 255, 0), (0, 255, 255), (0, 0, 255), (255, 0, 255)], dtype=float)
_STEPS = (15, 6, 4, 11, 13, 6)
# Middlebury marks unknown motion with 1e10 and reads everything above 1e9 as unknown.
_UNKNOWN = 1e9


def flow_picture(flow: NDArray[Any] | Flow, largest: float | int | None = None) -> NDArray[np.uint8]:
    """The motion in colours, (H, W, 3): white stands still, full colour moves by `largest` pixels.

    Takes (dx, dy) in pixels as an array (H, W, 2) or a tensor (2, H, W). `largest` None means the largest motion
    there is; give the same number to pictures that are to be compared. Longer motions than `largest` are darkened;
    unknown ones (NaN, infinite or above 1e9) are hatched.

    Raises:
        InputError: another shape, or `largest` not above 0.
    """
    vectors = flow_vectors(flow)
    known = known_flow(vectors)
    vectors = np.where(known[:, :, None], vectors, 0.0)
    reach = largest_motion(vectors) if largest is None else largest
    if largest is not None and not 0 < largest < np.inf:
        raise InputError("a largest motion above 0 pixels", str(largest), hint="leave it out to use the flow's own")
    picture = _colours(vectors / (reach or 1.0))
    picture[~known] = hatch(*known.shape)[~known]
    return picture


def flow_key(size: int = 96) -> NDArray[np.uint8]:
    """The wheel that explains a flow picture, (size, size, 3): each place has the colour of the motion to it."""
    centre = (size - 1) / 2
    rows, columns = np.indices((size, size))
    vectors = np.stack([columns - centre, rows - centre], axis=-1) / max(centre, 1)
    wheel = _colours(np.clip(vectors, -1, 1))
    wheel[np.hypot(vectors[..., 0], vectors[..., 1]) > 1] = 255
    return wheel


def largest_motion(flow: NDArray[Any] | Flow) -> float:
    """The length of the longest known motion, in pixels; 0 where nothing is known."""
    vectors = flow_vectors(flow)
    lengths = np.hypot(vectors[..., 0], vectors[..., 1])[known_flow(vectors)]
    return float(lengths.max()) if lengths.size else 0.0


def flow_vectors(flow: NDArray[Any] | Flow) -> NDArray[np.float64]:
    """The motion as an array (H, W, 2), from one or from a tensor (2, H, W).

    Raises:
        InputError: another shape.
    """
    values = as_array(flow)
    vectors = np.moveaxis(values, 0, -1) if values is not flow and values.ndim == 3 else values
    if vectors.ndim != 3 or vectors.shape[2] != 2:
        raise InputError(
            "flow as an array (H, W, 2) or a tensor (2, H, W)", str(values.shape), hint="dx first, then dy"
        )
    return vectors.astype(np.float64)


def known_flow(vectors: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where the motion (H, W, 2) is known: finite, and not marked with values above 1e9."""
    known: NDArray[np.bool_] = np.all(np.abs(vectors) < _UNKNOWN, axis=-1)  # False for NaN as well
    return known


def _wheel() -> NDArray[np.float64]:
    """The colours around the circle, (55, 3) in 0..1, from red over yellow, green, cyan, blue and magenta."""
    parts = []
    for index, steps in enumerate(_STEPS):
        share = np.arange(steps)[:, None] / steps
        parts.append(_CORNERS[index] * (1 - share) + _CORNERS[(index + 1) % 6] * share)
    return np.concatenate(parts) / 255


def _colours(vectors: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Colours of motions whose length 1 is full colour."""
    wheel = _wheel()
    length = np.hypot(vectors[..., 0], vectors[..., 1])[..., None]
    turn = np.arctan2(-vectors[..., 1], -vectors[..., 0]) / np.pi  # as published: -1..1, red to the right
    place = (turn + 1) / 2 * len(wheel)
    low = np.floor(place).astype(int)
    share = (place - low)[..., None]
    hue = wheel[low % len(wheel)] * (1 - share) + wheel[(low + 1) % len(wheel)] * share
    # Inside the circle fade to white; outside keep three quarters of the brightness, as published.
    colour = np.where(length <= 1, 1 - length * (1 - hue), hue * 0.75)
    levels: NDArray[np.uint8] = (colour * 255).astype(np.uint8)
    return levels

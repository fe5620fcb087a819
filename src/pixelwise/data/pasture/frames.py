"""One frame of a world: the background, shadows on it, and the animals over it from back to front."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, UInt16

from pixelwise.data.pasture.bodies import Body, Place, bounds, paint
from pixelwise.data.pasture.grounds import paint_background
from pixelwise.data.pasture.knobs import BACKGROUNDS, Knobs
from pixelwise.data.pasture.light import BAND, bands
from pixelwise.data.pasture.sky import Canvas, View
from pixelwise.data.pasture.words import add_sign
from pixelwise.data.pasture.world import Animal, Pair, World

MOST_TERMS = BAND // 8
"""Pixels of an animal painted at once; each needs a row of about 30 numbers for every one of its several buffers."""

SHADOW = (0.50, 0.075)
"""Half axes of the shadow on the ground in body lengths."""

REFERENCE_SIDE = 128
"""At this side a texel of a tile is a pixel."""


class Frame(NamedTuple):
    """A painted frame."""

    canvas: Canvas
    order: UInt16[np.ndarray, "H W"]
    """What is seen at each pixel centre: 0 background, else one more than the animal's number from back to front."""


def paint_frame(knobs: Knobs, world: World, bodies: tuple[Body, ...], places: tuple[Place, ...], pan: Pair) -> Frame:
    """The world with each animal in its place and the background moved by `pan` from where frame 1 has it."""
    height, width = knobs.size
    canvas = np.empty((3, height, width), dtype=np.float32)
    order = np.zeros((height, width), dtype=np.uint16)
    view = _view(knobs, world, pan)
    for band in bands(height, width):
        rows = View(view.x, view.y[band], view.unit, view.grain, view.phase)
        canvas[:, band] = paint_background(world.background, rows)
    if world.word is not None:
        add_sign(canvas, view, world.word, world.sign, world.horizon)
    water = BACKGROUNDS[world.background] == "water"
    for body in bodies:
        _add_shadow(canvas, body.animal, pan, water)
    for number, (body, place) in enumerate(zip(bodies, places, strict=True), start=1):
        _add_animal(canvas, order, body, place, number)
    return Frame(canvas, order)


def window(box: tuple[float, float, float, float], height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of the picture that a box in pixels touches; empty slices where it lies outside."""
    left, right = max(0, int(np.floor(box[0]))), min(width, int(np.ceil(box[2])))
    top, bottom = max(0, int(np.floor(box[1]))), min(height, int(np.ceil(box[3])))
    return slice(top, max(top, bottom)), slice(left, max(left, right))


def _view(knobs: Knobs, world: World, pan: Pair) -> View:
    """Pixel centres in the world of the background."""
    height, width = knobs.size
    unit = knobs.reference_pixels
    return View(
        x=(np.arange(width) + (0.5 - pan[0])).astype(np.float32),
        y=(np.arange(height) + (0.5 - pan[1] - world.horizon)).astype(np.float32),
        unit=float(unit),
        grain=max(1.0, unit / REFERENCE_SIDE),
        phase=world.phase,
    )


def _add_shadow(canvas: Canvas, animal: Animal, pan: Pair, water: bool) -> None:
    """Darkens the ground under an animal, or lights up a ring of water around it.

    The shadow is part of the ground of frame 1 and moves with it: were it to follow the animal, ground that is seen
    in both frames would change its brightness, and the true flow would no longer explain frame 2.
    """
    # In water the ring lies where the legs come out of it (see WADING), else the shadow lies just behind the feet.
    wide, high = SHADOW[0] * animal.length, SHADOW[1] * animal.length
    x, y = animal.feet[0] + pan[0], animal.feet[1] + pan[1] - (0.11 if water else 0.01) * animal.length
    box = (x - 1.6 * wide, y - 1.6 * high, x + 1.6 * wide, y + 1.6 * high)
    rows, columns = window(box, canvas.shape[1], canvas.shape[2])
    across = (np.arange(columns.start, columns.stop) + (0.5 - x)) / wide
    down = (np.arange(rows.start, rows.stop) + (0.5 - y)) / high
    gap = (across**2 + down[:, None] ** 2).astype(np.float32)
    area = canvas[:, rows, columns]
    if water:
        ring = np.clip(1 - np.abs(np.sqrt(gap) - np.float32(0.95)) * np.float32(4), 0, 1)
        area += ring * np.float32(0.40) * (1 - area)
    else:
        area *= 1 - np.float32(0.48) * np.clip(np.float32(1.25) - gap, 0, 1)


def _add_animal(canvas: Canvas, order: UInt16[np.ndarray, "H W"], body: Body, place: Place, number: int) -> None:
    """Paints an animal over what is there, with soft edges; `order` has it where the pixel centre is inside."""
    rows, columns = window(bounds(body, place), *order.shape)
    wide = columns.stop - columns.start
    if not wide:
        return
    step = max(1, MOST_TERMS // wide)
    for top in range(rows.start, rows.stop, step):
        part = slice(top, min(top + step, rows.stop))
        x, y = _centres(part, columns)
        painted = paint(body, place, x, y)
        down, across = painted.pixels // wide + part.start, painted.pixels % wide + columns.start
        cover = np.clip(np.float32(0.5) - painted.distance, 0, 1)
        behind = canvas[:, down, across]
        canvas[:, down, across] = behind + cover * (painted.colour - behind)
        inside = painted.distance < 0
        order[down[inside], across[inside]] = number


def _centres(rows: slice, columns: slice) -> tuple[Float32[np.ndarray, " N"], Float32[np.ndarray, " N"]]:
    """X and y of the pixel centres of a window, row by row."""
    x = np.arange(columns.start, columns.stop, dtype=np.float32) + np.float32(0.5)
    y = np.arange(rows.start, rows.stop, dtype=np.float32) + np.float32(0.5)
    return np.tile(x, len(y)), np.repeat(y, len(x))

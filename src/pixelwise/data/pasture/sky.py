"""What lies above the horizon: air, clouds and distant hills. It belongs to the background and moves with it."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from pixelwise.data.pasture.textures import TILE, look_up_grid, noise_tile

Canvas = Float32[np.ndarray, "3 H W"]
Rows = Float32[np.ndarray, " H"]
Columns = Float32[np.ndarray, " W"]
Line = Float32[np.ndarray, " N"]
Tile = tuple[int, float, float]
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class View:
    """Where the pixels of a band of the picture lie in the world of the background."""

    x: Columns
    """Of each column, to the right, in pixels."""
    y: Rows
    """Of each row, down from the horizon, in pixels."""
    unit: float
    """Pixels per length of the world: the reference of the knobs."""
    grain: float
    """Pixels per texel of a tile: 1 at 128 px and below, more above, so that a larger picture is the same scene."""
    phase: tuple[float, float]
    """Where on the endless tiles this scene was cut, in texels."""

    def noise(self, tile: Tile, rows: Rows) -> Float32[np.ndarray, "H W"]:
        """A noise tile (arguments of `noise_tile`) at each pixel; `rows` (in pixels) may be spaced unevenly."""
        scale = 1.0 / self.grain
        # Offsets in double precision: single would jitter by a thousandth of a pixel far out.
        down = rows.astype(np.float64) * scale + self.phase[1]
        across = self.x.astype(np.float64) * scale + self.phase[0]
        return look_up_grid(noise_tile(*tile), _near(down), _near(across))


class Air(NamedTuple):
    """Colours of a sky, and the ranges of hills before it: colour, height (share of the unit), hills per unit."""

    zenith: Colour
    horizon: Colour
    clouds: float
    ranges: tuple[tuple[Colour, float, float], ...]


AIRS: dict[str, Air] = {
    "pasture": Air(
        (0.36, 0.63, 0.92),
        (0.82, 0.92, 0.97),
        0.85,
        (((0.56, 0.72, 0.74), 0.075, 1.3), ((0.40, 0.62, 0.42), 0.040, 2.1)),
    ),
    "desert": Air(
        (0.42, 0.66, 0.90),
        (0.99, 0.90, 0.72),
        0.25,
        (((0.86, 0.68, 0.52), 0.085, 1.1), ((0.90, 0.70, 0.44), 0.045, 1.9)),
    ),
    "beach": Air((0.30, 0.62, 0.93), (0.86, 0.95, 0.98), 0.80, ()),
    "water": Air(
        (0.45, 0.64, 0.86),
        (0.93, 0.91, 0.88),
        0.70,
        (((0.52, 0.64, 0.70), 0.060, 1.2), ((0.30, 0.46, 0.44), 0.022, 2.6)),
    ),
    "road": Air(
        (0.50, 0.68, 0.88),
        (0.90, 0.92, 0.92),
        0.75,
        (((0.58, 0.68, 0.72), 0.055, 1.5), ((0.34, 0.50, 0.34), 0.035, 4.0)),
    ),
}


def paint_sky(background: str, view: View) -> Canvas:
    """The rows of a view that lie above the horizon."""
    air = AIRS[background]
    height = np.clip(view.y / np.float32(-0.40 * view.unit), 0, 1)
    canvas = np.empty((3, len(view.y), len(view.x)), dtype=np.float32)
    canvas[:] = _between(air.horizon, air.zenith, height)[:, :, None]
    clouds = view.noise((201, 5.0, 16.0), view.y)
    clouds -= np.float32(0.35)
    np.clip(clouds, 0, 1, out=clouds)
    # Clouds thin out towards the horizon, where haze hides them.
    clouds *= (np.float32(air.clouds) * height)[:, None]
    canvas += clouds * (np.float32(1.0) - canvas)
    for number, (colour, tall, many) in enumerate(air.ranges):
        _add_hills(canvas, view, colour, tall * view.unit, (many, number))
    return canvas


def _add_hills(canvas: Canvas, view: View, colour: Colour, tall: float, shape: tuple[float, int]) -> None:
    """A range of hills on the horizon, up to `tall` pixels high, hazy at its foot."""
    start = int(np.searchsorted(view.y, -1.1 * tall - 1))
    if start == len(view.y):
        return
    many, number = shape
    angle = view.x * np.float32(2 * np.pi * many / view.unit) + np.float32(view.phase[0] + 2.0 * number)
    # Two waves of unlike length never line up into a visible period.
    crest = 0.55 + 0.28 * np.sin(angle) + 0.17 * np.sin(2.3 * angle + 1.0)
    cover = np.clip(view.y[start:, None] + np.float32(tall) * crest + np.float32(0.5), 0, 1)
    tint = np.array(colour, dtype=np.float32)[:, None, None]
    haze = np.clip(1 + view.y[start:] / np.float32(tall), 0, 1)[:, None] * np.float32(0.25)
    canvas[:, start:] += cover * (tint + haze * (np.float32(0.95) - tint) - canvas[:, start:])


def _between(first: Colour, last: Colour, part: Line) -> Float32[np.ndarray, "3 N"]:
    """Colours that lead from the first (part 0) to the last (part 1)."""
    start = np.array(first, dtype=np.float32)[:, None]
    colours: Float32[np.ndarray, "3 N"] = start + (np.array(last, dtype=np.float32)[:, None] - start) * part
    return colours


def _near(places: np.ndarray) -> Line:
    """The same texels with small numbers, exact in single precision to a ten-thousandth."""
    near: Line = np.mod(places, TILE).astype(np.float32)
    return near

"""What lies below the horizon: grass, sand, shore, water and road, functions of the place on the ground alone.

A ground is one colour from far to near, with noise laid over it; rows near the horizon are pressed together, which is
all the perspective there is, so the pixel scale stays the same over most of the picture and in pictures of any
height.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float32

from pixelwise.data.pasture.knobs import BACKGROUNDS
from pixelwise.data.pasture.sky import Canvas, Colour, Line, Rows, View, paint_sky

Plane = Float32[np.ndarray, "H W"]


def paint_background(background: int, view: View) -> Canvas:
    """Sky and ground of a view, RGB 0..1, channels first."""
    name = BACKGROUNDS[background]
    canvas = np.empty((3, len(view.y), len(view.x)), dtype=np.float32)
    # The row that the horizon cuts is half sky, half ground; both are painted there.
    above = int(np.searchsorted(view.y, 0.5))
    below = int(np.searchsorted(view.y, -0.5))
    if above:
        canvas[:, :above] = paint_sky(name, View(view.x, view.y[:above], view.unit, view.grain, view.phase))
    if below < len(view.y):
        ground = PAINTERS[name](View(view.x, view.y[below:], view.unit, view.grain, view.phase))
        canvas[:, above:] = ground[:, above - below :]
        cover = np.clip(view.y[below:above] + np.float32(0.5), 0, 1)[:, None]
        canvas[:, below:above] += cover * (ground[:, : above - below] - canvas[:, below:above])
    return canvas


def paint_pasture(view: View) -> Canvas:
    """Meadow: strokes of grass, lighter and darker patches, flowers."""
    depth, rows, clear = _perspective(view)
    canvas = _gradient(view, depth, (0.62, 0.76, 0.42), (0.36, 0.60, 0.22))
    patches = view.noise((301, 12.0, 28.0), rows)
    _blend(canvas, (0.66, 0.74, 0.30), _step(patches, 0.2, 0.5) * np.float32(0.45))
    strokes = view.noise((302, 2.6, 0.85), rows)
    strokes *= clear * np.float32(0.085)
    strokes += 1
    canvas *= strokes
    # Flowers are the peaks of a noise; another, broader one says whether they are white or yellow.
    flowers = view.noise((303, 1.3, 1.3), rows)
    flowers = _step(flowers, 2.15, 2.5) * clear
    _blend(canvas, (1.0, 0.93, 0.45), flowers * (patches > 0))
    _blend(canvas, (0.99, 0.97, 0.97), flowers * (patches <= 0))
    return canvas


def paint_desert(view: View) -> Canvas:
    """Sand: long dunes with a lit and a shaded side, ripples, grains."""
    depth, rows, clear = _perspective(view)
    canvas = _gradient(view, depth, (0.93, 0.78, 0.53), (0.90, 0.70, 0.42))
    dunes = view.noise((311, 7.0, 40.0), rows)
    _blend(canvas, (0.74, 0.50, 0.30), _step(dunes, 0.4, 0.9) * np.float32(0.40))
    _blend(canvas, (0.99, 0.88, 0.66), _step(dunes, -0.5, -1.3) * np.float32(0.55))
    ripples = view.noise((312, 1.3, 7.0), rows)
    ripples *= clear * np.float32(0.035)
    ripples += 1
    canvas *= ripples
    stones = _step(view.noise((313, 1.2, 1.5), rows), 2.7, 3.0) * clear
    _blend(canvas, (0.55, 0.40, 0.28), stones * np.float32(0.8))
    return canvas


def paint_beach(view: View) -> Canvas:
    """Shore: a strip of sea, foam, wet sand, dry sand with shells."""
    depth, rows, clear = _perspective(view)
    canvas = _gradient(view, depth, (0.95, 0.88, 0.72), (0.97, 0.90, 0.76))
    grains = view.noise((321, 0.95, 0.95), rows)
    grains *= clear * np.float32(0.022)
    grains += 1
    canvas *= grains
    heaps = view.noise((322, 8.0, 14.0), rows)
    heaps *= np.float32(0.022)
    heaps += 1
    canvas *= heaps
    shells = _step(view.noise((323, 1.3, 1.3), rows), 2.6, 2.9) * clear
    _blend(canvas, (0.98, 0.62, 0.58), shells)
    _add_sea(canvas, view, depth, rows)
    return canvas


def paint_water(view: View) -> Canvas:
    """A lake: flat waves, darker and lighter, with glitter."""
    depth, rows, clear = _perspective(view)
    canvas = _gradient(view, depth, (0.60, 0.78, 0.86), (0.12, 0.42, 0.62))
    swell = view.noise((331, 4.0, 24.0), rows)
    _blend(canvas, (0.20, 0.56, 0.70), _step(swell, -0.4, 1.2) * np.float32(0.5))
    waves = view.noise((332, 1.3, 8.0), rows)
    crests = _step(waves, 0.7, 2.2) * clear
    _blend(canvas, (0.80, 0.93, 0.97), crests * np.float32(0.65))
    waves *= clear * np.float32(0.05)
    waves += 1
    canvas *= waves
    return canvas


def paint_road(view: View) -> Canvas:
    """Asphalt from left to right between grass verges, with white lines; tall pictures have more than one road."""
    depth, rows, clear = _perspective(view)
    canvas = _gradient(view, depth, (0.50, 0.51, 0.53), (0.36, 0.37, 0.40))
    grit = view.noise((341, 1.0, 1.0), rows)
    grit *= clear * np.float32(0.035)
    grit += 1
    canvas *= grit
    wear = view.noise((342, 3.0, 30.0), rows)
    wear *= np.float32(0.03)
    wear += 1
    canvas *= wear
    # Roads repeat every 1.3 units of depth: verge, line, lane, broken line, lane, line, verge.
    place = np.mod(depth, 1.3)
    pixel = 0.5 / view.unit
    _blend_rows(canvas, (0.93, 0.92, 0.86), _stripe(place, 0.115, 0.130, pixel) + _stripe(place, 0.615, 0.640, pixel))
    dashes = np.clip((0.5 - np.abs(np.mod(view.x / view.unit, 0.42) / 0.21 - 1)) * 0.21 / pixel * 0.5 + 0.5, 0, 1)
    _blend(canvas, (0.95, 0.93, 0.84), _stripe(place, 0.315, 0.338, pixel)[:, None] * dashes.astype(np.float32))
    verge = np.clip(_stripe(place, -0.1, 0.085, pixel) + _stripe(place, 0.68, 1.4, pixel), 0, 1)
    if verge.any():
        # Only the rows of the verge are painted as grass.
        green = np.flatnonzero(verge)
        grass = paint_pasture(View(view.x, view.y[green], view.unit, view.grain, view.phase))
        canvas[:, green] += verge[green, None] * (grass * np.float32(0.9) - canvas[:, green])
    return canvas


PAINTERS: dict[str, Callable[[View], Canvas]] = {
    "pasture": paint_pasture,
    "desert": paint_desert,
    "beach": paint_beach,
    "water": paint_water,
    "road": paint_road,
}


def _add_sea(canvas: Canvas, view: View, depth: Rows, rows: Rows) -> None:
    """The sea behind a beach: its edge swings along the shore, with foam before it and wet sand around."""
    seaward = int(np.searchsorted(depth, 0.32))
    if not seaward:
        return
    strip = canvas[:, :seaward]
    swing = np.sin(view.x * np.float32(2 * np.pi * 1.7 / view.unit) + np.float32(view.phase[1]))
    edge = depth[:seaward, None] - (np.float32(0.15) + np.float32(0.022) * swing)
    waves = view.noise((332, 1.3, 8.0), rows[:seaward])
    _blend(strip, (0.76, 0.65, 0.50), np.clip((0.085 - edge) / 0.035, 0, 1) * np.float32(0.75))
    sea = np.clip(-edge * np.float32(view.unit / 2) + np.float32(0.5), 0, 1)
    _blend(strip, (0.14, 0.56, 0.72), sea * np.clip(1 + edge / 0.30, 0.70, 1))
    _blend(strip, (0.75, 0.92, 0.95), sea * _step(waves, 0.8, 2.0) * np.float32(0.6))
    _blend(strip, (0.99, 0.99, 0.98), np.clip(1.2 - np.abs(edge + 0.004) / 0.014, 0, 1))


def _perspective(view: View) -> tuple[Rows, Rows, Float32[np.ndarray, "H 1"]]:
    """Depth below the horizon in units, texture rows in pixels, and how clear details are.

    Near the horizon haze and distance hide them.
    """
    depth = np.maximum(view.y / np.float32(view.unit), 0)
    # Rows run three times as fast at the horizon; from 0.3 units below it on they are pixels.
    rows = np.maximum(view.y, 0) + np.float32(0.3 * view.unit) * (1 - np.exp(depth / np.float32(-0.15)))
    return depth, rows, (1 - np.exp(depth / np.float32(-0.10)))[:, None]


def _gradient(view: View, depth: Rows, far: Colour, near: Colour) -> Canvas:
    """A plain ground that changes from the far to the near colour within 0.6 units."""
    part = np.minimum(depth / np.float32(0.6), 1)
    start = np.array(far, dtype=np.float32)[:, None]
    column = start + (np.array(near, dtype=np.float32)[:, None] - start) * part
    canvas = np.empty((3, len(depth), len(view.x)), dtype=np.float32)
    canvas[:] = column[:, :, None]
    return canvas


def _step(values: Plane, low: float, high: float) -> Plane:
    """0 before `low`, 1 past `high`, a ramp between (downwards where high < low)."""
    ramp: Plane = np.clip((values - np.float32(low)) * np.float32(1 / (high - low)), 0, 1)
    return ramp


def _stripe(place: Line, start: float, end: float, pixel: float) -> Line:
    """1 between start and end, with edges two half pixels wide."""
    middle, half = (start + end) / 2, (end - start) / 2
    return np.clip((half - np.abs(place - middle)) / (2 * pixel) + 0.5, 0, 1).astype(np.float32)


def _blend(canvas: Canvas, colour: Colour, part: Plane) -> None:
    """Lays a colour over a canvas where `part` is above 0."""
    for plane, value in zip(canvas, colour, strict=True):
        np.add(plane, part * (np.float32(value) - plane), out=plane)


def _blend_rows(canvas: Canvas, colour: Colour, part: Rows) -> None:
    """Lays a colour over the rows where `part` is above 0."""
    for row in np.flatnonzero(part):
        canvas[:, row] += np.minimum(part[row], 1) * (np.array(colour, dtype=np.float32)[:, None] - canvas[:, row])

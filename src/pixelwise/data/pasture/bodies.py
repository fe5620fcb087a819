"""One animal in one frame: which pixels it covers, by a signed distance, and in what colour.

The distance to a tapered limb is the distance to its axis less the radius there; the smooth union of limbs is -k
log(sum(exp(-d / k))) (Quilez, "Smooth minimum", exponential form), whose terms also say how much each limb counts at
a pixel: colours and surface directions are mixed with the same weights.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int64

from pixelwise.data.pasture.animals import BUILDS, FRONT, HEAD, HIND, Anatomy, anatomy, fur
from pixelwise.data.pasture.textures import look_up, noise_tile
from pixelwise.data.pasture.world import Animal, Pair

Line = Float32[np.ndarray, " N"]
Limbs = Float32[np.ndarray, "P 2"]
Terms = Float32[np.ndarray, "P N"]
Rgb = Float32[np.ndarray, "3 N"]

LEG_SWING = 0.20
"""Largest turn of a leg, in radians: a calm walk."""

LIGHT = (-0.48, 0.64, 0.60)
"""Direction to the sun: the upper left, towards the viewer. It turns with the animal, which keeps its colours so."""

WADING = 0.13
"""Depth of the water in length units of an animal: the hooves and half the shins are hidden."""


class Place(NamedTuple):
    """Where an animal is in one frame: the picture of frame 1, turned about `pivot` and moved by `way`."""

    pivot: Pair
    way: Pair
    turn: float


@dataclass(frozen=True)
class Body:
    """An animal posed in its own coordinates (x ahead, y up, feet at 0; see animals.py)."""

    animal: Animal
    start: Limbs
    end: Limbs
    bones: Anatomy
    eye: tuple[float, float, float]
    pixels: float
    """Pixels per length unit."""
    waterline: float
    """What lies lower is under water."""

    @property
    def pivot(self) -> Pair:
        """Middle of the body in frame 1, about which it turns."""
        return self.animal.feet[0], self.animal.feet[1] - 0.5 * self.pixels


class Paint(NamedTuple):
    """What an animal shows at those pixels of a list that it touches."""

    pixels: Int64[np.ndarray, " M"]
    """Their places in the list."""
    distance: Float32[np.ndarray, " M"]
    """Signed distance to its outline in pixels, negative inside."""
    colour: Float32[np.ndarray, "3 M"]


def pose(animal: Animal, wading: bool) -> Body:
    """The animal with head and legs turned as its pose says."""
    build, bones = BUILDS[animal.species], anatomy(animal.species)
    low, high = build.nod
    nod = low + (high - low) * (animal.pose[0] + 1) / 2
    start, end = bones.start.copy(), bones.end.copy()
    eye = np.array([build.eye[:2]], dtype=np.float32)
    turns = (nod, LEG_SWING * animal.pose[1], LEG_SWING * animal.pose[2])
    for joint, pivot, angle in zip((HEAD, FRONT, HIND), build.pivots, turns, strict=True):
        for sign in (1, -1):  # legs on the far side swing the other way
            moved = bones.joints == sign * joint
            start[moved] = _turned(start[moved], pivot, sign * angle)
            end[moved] = _turned(end[moved], pivot, sign * angle)
    eye = _turned(eye, build.pivots[0], nod)
    return Body(
        animal=animal,
        start=start,
        end=end,
        bones=bones,
        eye=(float(eye[0, 0]), float(eye[0, 1]), build.eye[2]),
        pixels=animal.length / bones.length,
        waterline=WADING if wading else -math.inf,
    )


def bounds(body: Body, place: Place) -> tuple[float, float, float, float]:
    """x0 y0 x1 y1 in pixels, outside which the animal shows nothing."""
    radii = body.bones.radii
    margin = _reach(body)
    low = np.minimum(body.start - radii[:, :1], body.end - radii[:, 1:]).min(axis=0) - margin
    high = np.maximum(body.start + radii[:, :1], body.end + radii[:, 1:]).max(axis=0) + margin
    x = np.array([low[0], high[0], high[0], low[0]], dtype=np.float64)
    y = np.array([low[1], low[1], high[1], high[1]], dtype=np.float64)
    feet, facing = body.animal.feet, body.animal.facing
    columns, rows = carry(place, feet[0] + facing * body.pixels * x, feet[1] - body.pixels * y)
    return float(columns.min()), float(rows.min()), float(columns.max()), float(rows.max())


def carry(place: Place, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where points of the animal in frame 1 (in pixels of the image) are in this place."""
    cosine, sine = math.cos(place.turn), math.sin(place.turn)
    from_x, from_y = x - place.pivot[0], y - place.pivot[1]
    return (
        cosine * from_x - sine * from_y + place.pivot[0] + place.way[0],
        sine * from_x + cosine * from_y + place.pivot[1] + place.way[1],
    )


def paint(body: Body, place: Place, columns: Line, rows: Line) -> Paint:
    """Distance and colour of the animal at these pixel centres, as far as it reaches them."""
    x, y = _own_coordinates(body, place, columns, rows)
    build = BUILDS[body.animal.species]
    away, sideways, upwards = _distances(body, x, y)
    # The rest of the work is done where the animal is: half of its window.
    near = np.flatnonzero(away.min(axis=0) < _reach(body))
    away, sideways, upwards = away.take(near, axis=1), sideways.take(near, axis=1), upwards.take(near, axis=1)
    x, y = x.take(near), y.take(near)
    smoothness = np.float32(build.smoothness)
    weights = np.exp(np.maximum(away / -smoothness, np.float32(-80)))  # e-80 is the last that float32 holds well
    total = weights.sum(axis=0)
    distance = np.maximum(-smoothness * np.log(total), np.float32(body.waterline) - y)
    weights /= total
    lit = _lit(weights, sideways, upwards, body.animal.facing)
    colour = _coloured(body, weights, x, y)
    # A darker rim, as a pencil would draw it, keeps animals and grounds of like colour apart.
    rim = np.clip(1 + distance / np.float32(0.035), 0, 1)
    colour *= lit * (1 - np.float32(0.38) * rim * rim) * np.float32(body.animal.tone)
    _add_eye(body, colour, x, y)
    return Paint(near, distance * np.float32(body.pixels), colour)


def _reach(body: Body) -> np.float32:
    """How far from its nearest limb an animal may still show, in length units.

    The smooth union swells where limbs overlap, by at most k log(number of limbs); soft edges add half a pixel.
    """
    swelling = BUILDS[body.animal.species].smoothness * math.log(len(body.start))
    return np.float32(swelling + 0.5 / body.pixels)


def _turned(points: Limbs, pivot: Pair, angle: float) -> Limbs:
    """Points turned about a pivot, counter-clockwise as y points up."""
    cosine, sine = math.cos(angle), math.sin(angle)
    centre = np.array(pivot, dtype=np.float32)
    turn = np.array([[cosine, sine], [-sine, cosine]], dtype=np.float32)
    turned: Limbs = (points - centre) @ turn + centre
    return turned


def _own_coordinates(body: Body, place: Place, columns: Line, rows: Line) -> tuple[Line, Line]:
    """The pixels in the animal's own coordinates: the inverse of `carry`, mirrored and scaled."""
    cosine, sine = math.cos(place.turn), math.sin(place.turn)
    from_x = columns - np.float32(place.pivot[0] + place.way[0])
    from_y = rows - np.float32(place.pivot[1] + place.way[1])
    (feet_x, feet_y), unit = body.animal.feet, body.pixels
    back_x = np.float32(cosine / unit) * from_x + np.float32(sine / unit) * from_y
    back_y = np.float32(cosine / unit) * from_y - np.float32(sine / unit) * from_x
    x = np.float32(body.animal.facing) * (back_x + np.float32((place.pivot[0] - feet_x) / unit))
    return x, np.float32((feet_y - place.pivot[1]) / unit) - back_y


def _distances(body: Body, x: Line, y: Line) -> tuple[Terms, Terms, Terms]:
    """For each limb: the distance to its surface, and the way from its axis (x and y) in radii."""
    span = body.end - body.start
    along = span / np.square(span).sum(axis=1, keepdims=True)
    offset = (along * body.start).sum(axis=1, keepdims=True)
    part = along[:, 1:] * y - offset
    part += along[:, :1] * x
    np.clip(part, 0, 1, out=part)
    sideways = x - body.start[:, :1]
    sideways -= part * span[:, :1]
    upwards = y - body.start[:, 1:]
    upwards -= part * span[:, 1:]
    radii = body.bones.radii
    part *= radii[:, 1:] - radii[:, :1]
    part += radii[:, :1]
    away = sideways * sideways
    away += upwards * upwards
    np.sqrt(away, out=away)
    away -= part
    sideways /= part
    upwards /= part
    return away, sideways, upwards


def _lit(weights: Terms, sideways: Terms, upwards: Terms, facing: int) -> Line:
    """Brightness of a rounded surface: each limb is a round tube, the tubes mixed by weight."""
    across = np.einsum("pn,pn->n", weights, sideways)
    over = np.einsum("pn,pn->n", weights, upwards)
    towards = np.sqrt(np.clip(1 - across * across - over * over, 0, 1))
    cosine = np.float32(facing * LIGHT[0]) * across + np.float32(LIGHT[1]) * over + np.float32(LIGHT[2]) * towards
    # The lower half is lit by the ground, so nothing falls below half brightness.
    light: Line = np.float32(0.70) + np.float32(0.38) * np.clip(cosine, -0.45, 1)
    return light


def _coloured(body: Body, weights: Terms, x: Line, y: Line) -> Rgb:
    """Paint of the limbs, with the second colour over the coat."""
    coat = BUILDS[body.animal.species].coat
    spots, paints = fur(body.animal.species, body.animal.dark)
    colour: Rgb = paints[:, body.bones.paints] @ weights
    furred = body.bones.coated @ weights
    density = np.float32(coat.density)
    across, down = (np.float32(offset) for offset in body.animal.coat)
    noise = look_up(noise_tile(*coat.tile), y * density + down, x * density + across)
    noise -= np.float32(coat.threshold)
    mix = np.clip(np.float32(0.5) + np.float32(coat.sharpness) * noise, 0, 1) * furred
    mix *= np.float32(coat.amount)
    colour += mix * (spots[:, None] - colour)
    return colour


def _add_eye(body: Body, colour: Rgb, x: Line, y: Line) -> None:
    """A dark eye with a light in it, painted over."""
    across, up, radius = body.eye
    reach = np.float32(radius + 0.5 / body.pixels)
    near = np.flatnonzero((np.abs(x - np.float32(across)) < reach) & (np.abs(y - np.float32(up)) < reach))
    x, y = x[near], y[near]
    for shift, size, shade in ((0.0, 1.0, 0.06), (0.35, 0.38, 0.95)):
        # The light stands up and to the left, whichever way the animal looks.
        from_x = x - np.float32(across - body.animal.facing * shift * radius)
        gap = np.hypot(from_x, y - np.float32(up + shift * radius))
        cover = np.clip((np.float32(radius * size) - gap) * np.float32(body.pixels) + np.float32(0.5), 0, 1)
        colour[:, near] += cover * (np.float32(shade) - colour[:, near])

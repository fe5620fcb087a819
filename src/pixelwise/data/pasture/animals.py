"""How the four species are built: a handful of tapered limbs each, with their colours and coats.

Coordinates: x to the right (every animal looks right), y up, feet at y = 0, the trunk about 0.8 long.
Limb: (x0, y0, r0, x1, y1, r1, paint, joint), a disc of radius r0 that glides to the other end and becomes one of
    radius r1.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int64

from pixelwise.data.pasture.knobs import SPECIES

COAT, FAR, FACE, HAIR, HOOF, HORN, PINK = range(7)
"""Paints. FAR is the coat in the shade of the body, for the legs on the far side."""

BODY, HEAD, FRONT, HIND = range(4)
"""Joints: the body turns with none; far legs swing against the near ones, which a negative joint number says."""

Limb = tuple[float, float, float, float, float, float, int, int]
Colour = tuple[float, float, float]


class Coat(NamedTuple):
    """A second colour over the coat: `amount` of it where noise exceeds `threshold`, with edges of this `sharpness`."""

    tile: tuple[int, float, float]
    """Arguments of `noise_tile`."""
    density: float
    """Texels per length unit of the animal."""
    threshold: float
    sharpness: float
    amount: float


@dataclass(frozen=True)
class Build:
    """What all animals of one species share."""

    limbs: tuple[Limb, ...]
    pivots: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    """Where head, front legs and hind legs turn."""
    nod: tuple[float, float]
    """Turn of the head at pose -1 (up) and 1 (down), in radians; negative is down."""
    eye: tuple[float, float, float]
    """Place and radius; it moves with the head."""
    coat: Coat
    smoothness: float
    """Width over which limbs melt into each other."""


class Anatomy(NamedTuple):
    """A species' limbs as arrays."""

    start: Float32[np.ndarray, "P 2"]
    end: Float32[np.ndarray, "P 2"]
    radii: Float32[np.ndarray, "P 2"]
    paints: Int64[np.ndarray, " P"]
    coated: Float32[np.ndarray, " P"]
    """How much of the coat's second colour each limb takes: 1 on the coat, half in the shade, 0 elsewhere."""
    joints: Int64[np.ndarray, " P"]
    length: float


def _leg(
    top: tuple[float, float], foot: float, thick: tuple[float, float], joint: int, knee: float
) -> tuple[Limb, ...]:
    """Thigh, shin and hoof; `thick` holds the radii at the top and at the knee, whose height is given."""
    (x, y), (upper, lower) = top, thick
    paint = COAT if joint > 0 else FAR
    bend = x + 0.6 * (foot - x)
    return (
        (x, y, upper, bend, knee, lower, paint, joint),
        (bend, knee, lower, foot, 0.05, 0.8 * lower, paint, joint),
        (foot, 0.045, 0.95 * lower, foot + 0.012, 0.028, lower, HOOF, joint),
    )


def _wool() -> tuple[Limb, ...]:
    """A ring of curls around a sheep's body."""
    angles = [2 * math.pi * i / 11 for i in range(11)]
    places = [(-0.03 + 0.30 * math.cos(a), 0.47 + 0.165 * math.sin(a)) for a in angles]
    return tuple((x, y, 0.105, x + 0.001, y, 0.105, COAT, BODY) for x, y in places)


COW = Build(
    limbs=(
        *_leg((-0.24, 0.42), -0.22, (0.09, 0.045), -HIND, 0.24),
        *_leg((0.13, 0.40), 0.12, (0.08, 0.042), -FRONT, 0.22),
        (-0.27, 0.54, 0.185, 0.20, 0.53, 0.18, COAT, BODY),
        (-0.30, 0.60, 0.12, 0.24, 0.62, 0.115, COAT, BODY),
        (-0.19, 0.35, 0.055, -0.16, 0.31, 0.045, PINK, BODY),
        *_leg((-0.36, 0.45), -0.37, (0.10, 0.045), HIND, 0.25),
        *_leg((0.24, 0.44), 0.25, (0.09, 0.042), FRONT, 0.23),
        (0.24, 0.60, 0.13, 0.40, 0.72, 0.09, COAT, HEAD),
        (0.42, 0.76, 0.088, 0.52, 0.65, 0.068, COAT, HEAD),
        (0.45, 0.74, 0.05, 0.54, 0.65, 0.05, FACE, HEAD),
        (0.545, 0.625, 0.066, 0.57, 0.61, 0.058, PINK, HEAD),
        (0.37, 0.79, 0.035, 0.27, 0.80, 0.020, COAT, HEAD),
        (0.40, 0.84, 0.022, 0.39, 0.92, 0.010, HORN, HEAD),
        (0.46, 0.84, 0.022, 0.50, 0.91, 0.010, HORN, HEAD),
        (-0.44, 0.66, 0.022, -0.51, 0.40, 0.016, COAT, BODY),
        (-0.51, 0.38, 0.026, -0.51, 0.29, 0.030, HAIR, BODY),
    ),
    pivots=((0.24, 0.58), (0.2, 0.44), (-0.3, 0.44)),
    nod=(0.15, -0.75),
    eye=(0.445, 0.765, 0.017),
    coat=Coat((101, 16.0, 16.0), 120.0, 0.35, 5.0, 1.0),
    smoothness=0.016,
)

CAMEL = Build(
    limbs=(
        *_leg((-0.17, 0.58), -0.17, (0.07, 0.034), -HIND, 0.31),
        *_leg((0.10, 0.58), 0.09, (0.065, 0.032), -FRONT, 0.30),
        (-0.21, 0.66, 0.13, 0.13, 0.66, 0.135, COAT, BODY),
        (-0.06, 0.76, 0.125, -0.05, 0.90, 0.062, COAT, BODY),
        (-0.05, 0.92, 0.045, -0.05, 0.94, 0.040, HAIR, BODY),
        *_leg((-0.27, 0.60), -0.28, (0.09, 0.034), HIND, 0.32),
        *_leg((0.17, 0.60), 0.18, (0.08, 0.034), FRONT, 0.31),
        (0.17, 0.67, 0.10, 0.33, 0.62, 0.072, COAT, BODY),
        (0.33, 0.62, 0.072, 0.43, 0.76, 0.054, COAT, HEAD),
        (0.43, 0.76, 0.054, 0.45, 0.96, 0.046, COAT, HEAD),
        (0.46, 0.99, 0.060, 0.56, 0.965, 0.046, COAT, HEAD),
        (0.57, 0.96, 0.046, 0.61, 0.945, 0.040, FACE, HEAD),
        (0.43, 1.03, 0.022, 0.40, 1.08, 0.012, COAT, HEAD),
        (0.36, 0.57, 0.030, 0.41, 0.60, 0.022, HAIR, HEAD),
        (-0.32, 0.70, 0.018, -0.38, 0.50, 0.012, COAT, BODY),
        (-0.38, 0.49, 0.020, -0.38, 0.44, 0.022, HAIR, BODY),
    ),
    pivots=((0.33, 0.62), (0.14, 0.6), (-0.24, 0.6)),
    nod=(0.12, -0.30),
    eye=(0.495, 1.005, 0.015),
    coat=Coat((102, 3.0, 1.2), 110.0, 0.0, 0.5, 0.35),
    smoothness=0.018,
)

SHEEP = Build(
    limbs=(
        *_leg((-0.17, 0.30), -0.16, (0.06, 0.038), -HIND, 0.17),
        *_leg((0.10, 0.30), 0.09, (0.06, 0.038), -FRONT, 0.17),
        (-0.22, 0.47, 0.17, 0.15, 0.47, 0.17, COAT, BODY),
        *_wool(),
        (-0.38, 0.50, 0.050, -0.41, 0.44, 0.040, COAT, BODY),
        *_leg((-0.24, 0.30), -0.25, (0.06, 0.040), HIND, 0.17),
        *_leg((0.18, 0.30), 0.19, (0.06, 0.040), FRONT, 0.17),
        (0.32, 0.62, 0.085, 0.43, 0.50, 0.060, FACE, HEAD),
        (0.27, 0.64, 0.025, 0.19, 0.59, 0.028, FACE, HEAD),
        (0.30, 0.70, 0.065, 0.33, 0.71, 0.060, COAT, HEAD),
    ),
    pivots=((0.24, 0.56), (0.14, 0.3), (-0.2, 0.3)),
    nod=(0.12, -0.75),
    eye=(0.365, 0.625, 0.018),
    coat=Coat((103, 2.0, 2.0), 110.0, 0.35, 0.9, 0.30),
    smoothness=0.012,
)

HORSE = Build(
    limbs=(
        *_leg((-0.22, 0.52), -0.20, (0.07, 0.034), -HIND, 0.29),
        *_leg((0.11, 0.52), 0.12, (0.065, 0.032), -FRONT, 0.28),
        (-0.24, 0.60, 0.145, 0.16, 0.60, 0.14, COAT, BODY),
        (-0.29, 0.63, 0.120, -0.27, 0.60, 0.125, COAT, BODY),
        *_leg((-0.32, 0.55), -0.36, (0.10, 0.036), HIND, 0.30),
        *_leg((0.20, 0.54), 0.22, (0.085, 0.034), FRONT, 0.29),
        (0.13, 0.73, 0.050, 0.24, 0.93, 0.055, HAIR, HEAD),
        (0.24, 0.93, 0.050, 0.33, 1.02, 0.035, HAIR, HEAD),
        (0.19, 0.66, 0.130, 0.33, 0.90, 0.078, COAT, HEAD),
        (0.35, 0.93, 0.078, 0.49, 0.80, 0.048, COAT, HEAD),
        (0.495, 0.795, 0.048, 0.52, 0.775, 0.044, FACE, HEAD),
        (0.33, 1.00, 0.026, 0.33, 1.08, 0.008, COAT, HEAD),
        (-0.39, 0.68, 0.045, -0.49, 0.50, 0.055, HAIR, BODY),
        (-0.49, 0.50, 0.055, -0.50, 0.25, 0.018, HAIR, BODY),
    ),
    pivots=((0.18, 0.66), (0.16, 0.54), (-0.28, 0.54)),
    nod=(0.10, -0.65),
    eye=(0.375, 0.935, 0.016),
    coat=Coat((104, 10.0, 10.0), 110.0, 0.0, 0.35, 0.25),
    smoothness=0.018,
)

BUILDS = (COW, CAMEL, SHEEP, HORSE)
"""In the order of `SPECIES`."""

# Fur of light and of dark animals: the second coat colour, then one colour for each paint except FAR.
COLOURS: dict[tuple[str, bool], tuple[str, ...]] = {
    ("cow", False): ("#bd7340", "#f7f0e0", "#f7f0e0", "#cc9e70", "#4c3d33", "#e0d1a8", "#f2b2ad"),
    ("cow", True): ("#e6e0d9", "#2b2424", "#2b2424", "#1a1717", "#1a1717", "#ccc29e", "#cc8f8c"),
    ("camel", False): ("#b8854c", "#e0b273", "#cc9961", "#a8703d", "#735438", "#ccb280", "#cc9980"),
    ("camel", True): ("#4c2e1a", "#754a2b", "#613d26", "#382114", "#2e1f17", "#80664c", "#99664c"),
    ("sheep", False): ("#c7baa3", "#faf2e0", "#423838", "#e6e6e6", "#1f1a1a", "#ccb280", "#e6b2b2"),
    ("sheep", True): ("#241c1c", "#544540", "#dbccb8", "#333333", "#1a1414", "#998066", "#b28080"),
    ("horse", False): ("#fae6bd", "#e6c28a", "#c79e75", "#fcf5e0", "#6b5745", "#ccb280", "#e6b2b2"),
    ("horse", True): ("#572914", "#7a4021", "#3d2117", "#211714", "#171212", "#80664c", "#996666"),
}

FAR_SHADE = 0.68
"""Brightness of legs on the far side."""


@lru_cache(maxsize=len(SPECIES))
def anatomy(species: int) -> Anatomy:
    """The limbs of a species as arrays, and its length from nose to tail in the same units."""
    table = np.array(BUILDS[species].limbs, dtype=np.float64)
    ends = table[:, [0, 3]], table[:, [2, 5]]
    length = float((ends[0] + ends[1]).max() - (ends[0] - ends[1]).min())
    return Anatomy(
        start=table[:, 0:2].astype(np.float32),
        end=table[:, 3:5].astype(np.float32),
        radii=table[:, [2, 5]].astype(np.float32),
        paints=table[:, 6].astype(np.int64),
        coated=np.select([table[:, 6] == COAT, table[:, 6] == FAR], [1.0, 0.5]).astype(np.float32),
        joints=table[:, 7].astype(np.int64),
        length=length,
    )


@lru_cache(maxsize=2 * len(SPECIES))
def fur(species: int, dark: bool) -> tuple[Float32[np.ndarray, "3"], Float32[np.ndarray, "3 7"]]:
    """The second colour of the coat, and the colour of each paint as columns."""
    spots, coat, *others = (_rgb(name) for name in COLOURS[SPECIES[species], dark])
    shaded = tuple(FAR_SHADE * value for value in coat)
    return np.array(spots, dtype=np.float32), np.array([coat, shaded, *others], dtype=np.float32).T.copy()


def _rgb(name: str) -> Colour:
    """Red, green, blue in 0..1 of a colour written as #rrggbb."""
    red, green, blue = bytes.fromhex(name[1:])
    return red / 255, green / 255, blue / 255

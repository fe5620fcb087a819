"""Turning, zooming and shifting the plane: p -> factor * p + shift with points as complex numbers x + iy.

The length of the factor is the zoom, its angle the turn (clockwise in the picture, as y points down).
"""

import cmath
import math
from typing import NamedTuple


class Similarity(NamedTuple):
    """A map of the plane that keeps shapes."""

    factor: complex
    shift: complex

    def __call__(self, point: complex) -> complex:
        """Where a point goes."""
        return self.factor * point + self.shift

    def after(self, first: "Similarity") -> "Similarity":
        """First the other map, then this one."""
        return Similarity(self.factor * first.factor, self.factor * first.shift + self.shift)

    @property
    def inverse(self) -> "Similarity":
        """The way back; the factor must not be 0."""
        return Similarity(1 / self.factor, -self.shift / self.factor)

    @property
    def zoom(self) -> float:
        """How many times as long everything becomes."""
        return abs(self.factor)


STILL = Similarity(1 + 0j, 0j)
"""Nothing moves."""


def moved_about(centre: complex, way: complex, turn: float, zoom: float) -> Similarity:
    """Zooms and turns (degrees) about a point, which itself goes by `way`."""
    factor = cmath.rect(zoom, math.radians(turn))
    return Similarity(factor, centre + way - factor * centre)

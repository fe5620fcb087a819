"""Where numbers lie on a chart: round ticks and the straight line from values to places."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from pixelwise.drawing.number_text import Number


@dataclass(frozen=True)
class Axis:
    """An axis from `low` to `high`, drawn from place `start` to place `end`, with its ticks."""

    low: float
    high: float
    start: Number
    end: Number
    ticks: tuple[float, ...]
    step: float

    def at(self, value: Number) -> float:
        """The place of a value."""
        share = (float(value) - self.low) / (self.high - self.low)
        return float(self.start + share * (self.end - self.start))

    def text(self, tick: float) -> str:
        """The tick's number, with just the places that tell it from its neighbours."""
        if not 1e-4 <= max(abs(self.low), abs(self.high)) < 1e6:
            return f"{tick:.4g}" if tick else "0"
        places = max(0, -math.floor(math.log10(self.step) + 1e-9))  # 1e-9: the logarithm of 0.1 may fall below -1
        return f"{tick:,.{min(places, 12)}f}"


def drawable(value: Number) -> bool:
    """Whether the value has a place on an axis: not NaN, not infinite."""
    # 1e300: beyond it the length of the axis itself could overflow.
    return math.isfinite(value) and abs(float(value)) < 1e300


def axis(values: Iterable[Number], start: Number, end: Number, tight: bool = False, about: int = 5) -> Axis:
    """An axis that covers all drawable values, with about `about` round ticks.

    It ends on ticks, or with `tight` on the smallest and largest value. Where all values are whole, so are the ticks.
    Without values it runs from 0 to 1; around one value it is one unit wide, or wide enough to tell its ends apart.
    """
    known = [float(value) for value in values if drawable(value)] or [0.0, 1.0]
    low, high = min(known), max(known)
    # 1e-9: nearer together than that, ticks would be lost in the rounding of float64.
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        margin = max(0.5, 1e-6 * abs(low))
        low, high = low - margin, high + margin
    step = _round_step((high - low) / about)
    if all(value.is_integer() for value in known):
        step = max(1.0, step)
    first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)
    if not tight:
        first, last = math.floor(low / step + 1e-6), math.ceil(high / step - 1e-6)
        low, high = first * step, last * step
    return Axis(low, high, start, end, tuple(index * step for index in range(first, last + 1)), step)


def _round_step(rough: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not below `rough` (Heckbert, Graphics Gems, 1990)."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10, 20) if factor * power >= rough * (1 - 1e-9))

"""How far things move: mostly little, sometimes far, never beyond a limit.

The form is that of FlyingChairs (Dosovitskiy et al., "FlowNet", 2015, supplement): a power of a Gaussian draw, cut at
two ends, and no motion at all in a share of the cases. The numbers here are our own, chosen so that the lengths of
motion spread as in the three pairs that were released as examples (docs/guides/flow_data.md shows both).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64


@dataclass(frozen=True)
class Law:
    """A distribution: sign(g) |g|**power, g Gaussian about `rest`, cut to low..high, in `chance` of the cases.

    In the others the value is `rest`, which means nothing happens: 0 for ways and turns, 1 for zooms.
    """

    spread: float
    power: float
    low: float
    high: float
    chance: float = 1.0
    rest: float = 0.0

    def draw(self, source: np.random.Generator, count: int) -> Float64[np.ndarray, " N"]:
        """So many independent values."""
        gauss = source.normal(self.rest, self.spread, count)
        cut = np.clip(np.sign(gauss) * np.abs(gauss) ** self.power, self.low, self.high)
        return np.where(source.random(count) < self.chance, cut, self.rest)


@dataclass(frozen=True)
class Motion:
    """The laws of one kind of thing: ways in pixels of a picture 384 high, for x and y alike; turns in degrees."""

    way: Law
    turn: Law
    zoom: Law


BACKGROUND = Motion(
    way=Law(1.05, 4.0, -40.0, 40.0),
    turn=Law(1.0, 2.0, -10.0, 10.0, chance=0.3),
    zoom=Law(0.025, 1.0, 0.93, 1.07, chance=0.6, rest=1.0),
)
"""Of the whole picture: half of all ways are below 1/4 pixel in x and in y, one in sixty reaches the limit."""

OBJECT = Motion(
    way=Law(1.9, 3.0, -120.0, 120.0),
    turn=Law(1.7, 2.0, -30.0, 30.0, chance=0.7),
    zoom=Law(0.08, 1.0, 0.8, 1.2, chance=0.7, rest=1.0),
)
"""Of each object, on top of the background's: half of all ways are below 2.1 pixels, one in a hundred at the limit."""

REFERENCE = 384
"""The shorter side at which ways are pixels; smaller pictures have proportionally shorter ways."""

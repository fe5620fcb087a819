"""Two areas and one patrol as a generalised Polya urn: where the share of visits ends, in closed form.

Source: Ensign, Friedler, Neville, Scheidegger, Venkatasubramanian 2018, "Runaway feedback loops in predictive
policing", and their code. Each day a ball is drawn and put back, with more: (a, b) of the two colours if it was of the
first, (c, d) if of the second. The share x of the first colour drifts with
g(x) = (c + d - a - b) x^2 + (a - 2c - d) x + c and comes to rest at the root of g that it is pulled to from both sides.
"""

import math
from dataclasses import dataclass

from pixelwise.errors import InputError

Pair = tuple[float | int, float | int]


@dataclass(frozen=True)
class UrnLimit:
    """Where the first colour's share goes.

    Either to `share`, or, where no share has any drift, chance alone decides: then `share` is None and the limit has
    the Beta distribution of the parameters `beta`.
    """

    share: float | None
    beta: Pair | None = None

    def __str__(self) -> str:
        if self.beta:
            return f"the share has no aim: it ends anywhere, by Beta({self.beta[0]:g}, {self.beta[1]:g})"
        return f"the share tends to {self.share:.6g}"


def urn_limit(if_first: Pair, if_second: Pair, start: Pair = (1, 1)) -> UrnLimit:
    """Where the first colour's share ends.

    Args:
        if_first: what is added of the two colours after a draw of the first.
        if_second: the same after a draw of the second.
        start: how many of each are there at first; matters only where nothing else decides.

    Raises:
        InputError: a negative number, a start without one of the colours, or draws that add nothing.

    >>> print(urn_limit((7.37022, 2.816466), (3.68511, 5.632932)))
    the share tends to 0.598897
    """
    _check(if_first, if_second, start)
    (a, b), (c, d) = if_first, if_second
    square, linear = c + d - a - b, a - 2 * c - d
    if a == d and b == c == 0:
        return UrnLimit(None, (start[0] / a, start[1] / a))
    # g(0) = c >= 0 >= -b = g(1): there is a root, and the one where g falls is -(linear + root) / (2 square).
    root = math.sqrt(max(linear * linear - 4 * square * c, 0.0))
    # Of its two forms the one that does not subtract nearly equal numbers, or divide by 0.
    return UrnLimit(-(linear + root) / (2 * square) if linear >= 0 else 2 * c / (root - linear))


def patrol_urn(rates: Pair, discovered: float = 1.0, reported: float = 0.0) -> tuple[Pair, Pair]:
    """What a day adds if incidents are discovered where the patrol is and reported everywhere.

    Args:
        rates: incidents per day in the two areas.
        discovered: the weight of discovered ones.
        reported: the weight of reported ones.

    Returns:
        The arguments `if_first` and `if_second` of `urn_limit`.
    """
    (first, second), both = rates, discovered + reported
    return (both * first, reported * second), (reported * first, both * second)


def _check(if_first: Pair, if_second: Pair, start: Pair) -> None:
    numbers = (*if_first, *if_second)
    if not all(0 <= number < math.inf for number in numbers):
        raise InputError("numbers of at least 0 to add", f"{if_first} and {if_second}", hint="rates are never negative")
    if not sum(if_first) or not sum(if_second):
        raise InputError("draws that add something", f"{if_first} and {if_second}", hint="leave out an idle area")
    if not all(0 < number < math.inf for number in start):
        raise InputError(
            "a start with some of both colours", f"{start}", hint="a colour that is not there is never drawn"
        )

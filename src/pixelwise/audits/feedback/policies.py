"""Where to look next, given what is believed: each takes beliefs and gives probabilities of a visit.

A policy is any function from beliefs (runs, K), none negative, to probabilities (runs, K) that sum to 1.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pixelwise.errors import InputError

Beliefs = NDArray[np.float64]
"""Or shares of them, or probabilities."""

Policy = Callable[[Beliefs], NDArray[np.float64]]


def proportional(beliefs: Beliefs) -> NDArray[np.float64]:
    """Visits in proportion to what is believed: the urn's rule."""
    shares: Beliefs = beliefs / beliefs.sum(1, keepdims=True)
    return shares


def greedy(beliefs: Beliefs) -> NDArray[np.float64]:
    """Always where most is believed to be; equal beliefs share the visit.

    Nothing is ever learned of the other areas: their probability is 0.
    """
    best = beliefs == beliefs.max(1, keepdims=True)
    shares: Beliefs = best / best.sum(1, keepdims=True)
    return shares


def exploring(share: float, rest: Policy = greedy) -> Policy:
    """A policy that looks anywhere with equal chance on this share of the days, and follows `rest` on the others.

    Raises:
        InputError: a share outside 0..1.
    """
    if not 0 <= share <= 1:
        raise InputError("a share of days in 0..1", f"{share}", hint="0.1 looks anywhere on one day in ten")
    return lambda beliefs: (1 - share) * rest(beliefs) + share / beliefs.shape[1]

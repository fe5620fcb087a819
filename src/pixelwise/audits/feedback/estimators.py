"""What a visit adds to the belief about an area: the count as it is, or corrected for how likely the visit was.

An estimator is any function that takes one `Visits` and gives the amount (runs,) that is added for the visited area.
A correction needs probabilities below 1 for the areas visited and above 0 for the others; under a policy that always
goes to one area there is nothing to correct with.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pixelwise.errors import InputError


@dataclass(frozen=True, eq=False)
class Visits:
    """One day of all runs.

    Attributes:
        found: incidents discovered, (runs,).
        chosen: the visited areas, (runs,).
        probabilities: what the policy gave every area, (runs, K).
        generator: for estimators that draw.
    """

    found: NDArray[np.int64]
    chosen: NDArray[np.intp]
    probabilities: NDArray[np.float64]
    generator: np.random.Generator

    def of_chosen(self) -> NDArray[np.float64]:
        """The probability of the visit that was made, (runs,)."""
        return np.take_along_axis(self.probabilities, self.chosen[:, None], 1)[:, 0]


Estimator = Callable[[Visits], NDArray[np.float64]]


def raw_counts(visits: Visits) -> NDArray[np.float64]:
    """What was found, as it is. Areas visited more seem worse, and are visited more: the loop runs away."""
    return visits.found.astype(np.float64)


def rejection(visits: Visits) -> NDArray[np.float64]:
    """What was found, or nothing: the more likely a visit was, the more often it is thrown away.

    Kept with probability (1 - p of the visited area) / (the largest 1 - p of all). Under `proportional` with two areas
    the share then tends to the true one. Source: Ensign et al. 2018, section 4 and `add_linear_surprise` of their
    code; of reported incidents, which do not depend on visits, nothing is thrown away.
    """
    surprise = 1 - visits.of_chosen()
    largest = (1 - visits.probabilities).max(1)
    return np.where(visits.generator.random(len(surprise)) * largest < surprise, visits.found, 0.0)


def importance_weighted(least: float = 0.0) -> Estimator:
    """An estimator that divides what was found by the probability of the visit, for any number of areas.

    The sum over days then grows by the true rate a day in every area that can be visited at all (Horvitz, Thompson
    1952). Rare visits count much: the result is right on average and noisy.

    Args:
        least: probabilities below it count as this much, which tames the noise and biases rarely visited areas down.

    Raises:
        InputError: a `least` outside 0..1.
    """
    if not 0 <= least <= 1:
        raise InputError("a smallest probability in 0..1", f"{least}", hint="0 clips nothing; 0.01 is mild")
    return lambda visits: visits.found / np.maximum(visits.of_chosen(), least)

"""Which share of a list each group should have, and whether a pool can fill it.

Two readings of fairness differ only in where the shares come from (Geyik, Ambler, Kenthapadi 2019, section 4.3):
those of the qualified candidates ask for equal opportunity, those of a population for demographic parity.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.audits.ranking.candidates import Candidates, check_size
from pixelwise.errors import InputError

Targets = Mapping[str, float | int]

SLACK = 1e-9
"""Keeps 100 * 0.29 from being 28.999999999999996: far above the rounding of products, far below any real share."""

SUM_SLACK = 1e-6
"""Shares written with six decimals may miss 1 by this much."""


def equal_opportunity(qualified: Candidates) -> dict[str, float]:
    """The shares of the groups among the qualified candidates, such as those that a search retrieved."""
    names, counts = np.unique(qualified.groups, return_counts=True)
    return demographic_parity({str(name): int(count) for name, count in zip(names, counts, strict=True)})


def demographic_parity(population: Mapping[str, float | int]) -> dict[str, float]:
    """The shares of the groups of a population, from its counts.

    Raises:
        InputError: a negative or infinite count, or nobody at all.
    """
    for name, count in population.items():
        if not 0 <= count < math.inf:
            raise InputError("counts of at least 0", f"{count} for {name!r}", hint="count each group of the population")
    total = sum(population.values())
    if not total:
        raise InputError("a population", "0 people in it", hint="give the count of each group")
    return {name: count / total for name, count in population.items()}


def least(places: int | NDArray[Any], shares: NDArray[Any]) -> NDArray[np.float64]:
    """How many of the first so many places groups of these shares are owed at least: floor(places * shares)."""
    return np.asarray(np.floor(np.multiply(places, shares) + SLACK))


def most(places: int | NDArray[Any], shares: NDArray[Any]) -> NDArray[np.float64]:
    """How many of the first so many places they should have at most: ceil(places * shares)."""
    return np.asarray(np.ceil(np.multiply(places, shares) - SLACK))


def lacking(pool: Candidates, targets: Targets, size: int) -> dict[str, int]:
    """Per group, how many more candidates a list would need to owe nobody anything; empty if the pool suffices.

    Exact: a list of this size that gives every group `least(k, share)` of the first k places, for every k, exists if
    and only if nothing is lacking. (The floors of k shares never sum to more than k, so placing by due date works.)

    Raises:
        InputError: targets that do not fit the pool, or a size it cannot fill.
    """
    check_size(pool, size)
    check_targets(targets, pool)
    owed = least(size, np.asarray(list(targets.values()))).tolist()
    missing = {name: int(count) - int((pool.groups == name).sum()) for name, count in zip(targets, owed, strict=True)}
    return {name: count for name, count in missing.items() if count > 0}


def check_targets(targets: Targets, pool: Candidates) -> None:
    """Refuses shares that are no distribution, or that leave a group of the candidates out.

    Raises:
        InputError: no targets, a share outside 0..1, a sum other than 1, or candidates of a group without a share.
    """
    for name, share in targets.items():
        if not 0 <= share <= 1:
            raise InputError("shares in 0..1", f"{share} for {name!r}", hint="divide counts by their sum first")
    total = sum(targets.values())
    if abs(total - 1) > SUM_SLACK:
        raise InputError("shares that sum to 1", f"a sum of {total:.6g}", hint="divide counts by their sum first")
    unknown = sorted(set(pool.groups.tolist()) - set(targets))
    if unknown:
        raise InputError(
            f"a share for every group of the candidates ({', '.join(map(repr, targets))} have one)",
            f"candidates of {unknown[0]!r}",
            hint="give it a share, 0 if it should stay out",
        )

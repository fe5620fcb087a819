"""What the arms of a swap amount to: differences between arms of the same objects, with intervals."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from pixelwise.audits.intervals import Interval, few, paired_rate_difference, rate
from pixelwise.audits.resampling import bootstrap
from pixelwise.audits.shortcuts.shared_backgrounds import SharedArm, signed_sum, wider
from pixelwise.audits.shortcuts.swap import ARMS, Swap

Values = Float64[np.ndarray, " N"]


@dataclass(frozen=True)
class Effects:
    """The effects of one swap.

    `artefact`: original minus self-composite, what cutting and pasting does by itself. `context`: same-class background
    minus other-class background, both pasted alike, so what is left is the context. `grey`: self-composite minus grey.
    `reliance`: the score of the background alone, without the object. `excess`: context minus artefact. `arms` are the
    scores themselves. All are means over the objects that have the arms in question; n says how many.
    """

    artefact: Interval
    context: Interval
    grey: Interval
    reliance: Interval
    excess: Interval
    arms: dict[str, Interval]


def effects(swap: Swap, rng: np.random.Generator, level: float = 0.95) -> Effects:
    """The effects with their intervals.

    Where all scores are 0 or 1 (a classifier), intervals are Wilson's and Newcombe's for pairs; else of the bootstrap
    over images. Those of context and excess also know which objects share a background
    (`pixelwise.audits.shortcuts.shared_backgrounds`): the wider of both holds. Those of single arms do not.

    Args:
        swap: the scores.
        rng: source of the bootstrap's draws.
        level: share of such intervals that hold the true effect.
    """
    columns = {arm: swap.arm(arm) for arm in ARMS}
    original, own = columns["original"], columns["self_composite"]
    beyond = columns["same_class"] - columns["other_class"] - (original - own)
    signs = {"same_class": 1, "other_class": -1, "original": -1, "self_composite": 1}
    return Effects(
        artefact=difference(original, own, rng, level),
        context=context_effect(swap, rng, level),
        grey=difference(own, columns["grey"], rng, level),
        reliance=mean(columns["background_only"], rng, level),
        excess=wider(_shared(swap, signs, ~np.isnan(beyond), level), _resampled(beyond, rng, level)),
        arms={arm: mean(values, rng, level) for arm, values in columns.items()},
    )


def context_effect(swap: Swap, rng: np.random.Generator, level: float = 0.95, label: int | None = None) -> Interval:
    """Same-class minus other-class background, of all objects or of those of one class; see `effects`.

    Args:
        swap: the scores.
        rng: source of the bootstrap's draws.
        level: share of such intervals that hold the true effect.
        label: the class; None takes all.
    """
    same, other = swap.arm("same_class"), swap.arm("other_class")
    known = ~np.isnan(same) & ~np.isnan(other)
    if label is not None:
        known &= np.array([row.label == label for row in swap.log])
    pairs = difference(same[known], other[known], rng, level)
    return wider(_shared(swap, {"same_class": 1, "other_class": -1}, known, level), pairs)


def difference(first: Values, second: Values, rng: np.random.Generator, level: float = 0.95) -> Interval:
    """The mean of first minus second over the units that have both, with an interval for pairs; NaN of none.

    Args:
        first: one value for each unit, NaN where there is none.
        second: the same in the other arm.
        rng: source of the bootstrap's draws.
        level: share of such intervals that hold the true difference.
    """
    known = ~np.isnan(first) & ~np.isnan(second)
    if _all_or_nothing(first[known]) and _all_or_nothing(second[known]):
        return paired_rate_difference(first[known] == 1, second[known] == 1, level)
    return _resampled(first - second, rng, level)


def mean(values: Values, rng: np.random.Generator, level: float = 0.95) -> Interval:
    """The mean of the values that are numbers, with an interval; NaN of none."""
    known = values[~np.isnan(values)]
    if _all_or_nothing(known):
        return rate(int(known.sum()), len(known), level)
    return _resampled(values, rng, level)


def _shared(swap: Swap, signs: Mapping[str, int], known: NDArray[np.bool_], level: float) -> Interval:
    """The signed sum of arms over the objects that are known to have them all."""
    objects = np.flatnonzero(known)
    taken = {
        "same_class": [swap.pairings[index].same_class for index in objects],
        "other_class": [swap.pairings[index].other_class for index in objects],
    }
    arms = [
        SharedArm(sign, swap.arm(arm)[known], np.array(taken.get(arm, objects), dtype=np.int64))
        for arm, sign in signs.items()
    ]
    return signed_sum(arms, objects, level)


def _resampled(values: Values, rng: np.random.Generator, level: float) -> Interval:
    known = values[~np.isnan(values)]
    if not len(known):
        return Interval(float("nan"), float("nan"), float("nan"), 0, few(0))
    return bootstrap(lambda weights: weights @ known / weights.sum(1), len(known), rng).interval(level=level)


def _all_or_nothing(values: Values) -> bool:
    return bool(np.isin(values, (0, 1)).all())

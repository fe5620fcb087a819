"""How likely a difference of rates is, if the true one is no larger than a margin: binomial tails, not normal ones.

Among many groups the judgement rests on far tails, and there normal approximations of rates near 1 fail: were the
margin held against Newcombe's intervals, 16 equal groups of 50 images that are 97 % right would see a false alarm in
17 % of audits instead of 5 %. Here the counts keep their binomial distributions. What the difference leaves open, the
rates themselves, is set to what is likeliest with a difference of exactly the margin (an "estimated" p-value: Lloyd
2008, "Exact p-values for discrete models obtained by estimation and maximization").
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import special  # type: ignore[import-untyped]  # scipy ships no types; scipy.stats takes 0.6 s to import

from pixelwise.audits.intervals import Number, Numbers, Values, arms, counts_of
from pixelwise.errors import InputError

HALVINGS = 50
"""Of the range 0..1 in which a rate is looked for: what is left is 1e-15."""

REACH = 9.0
"""Standard deviations of a count that are summed; beyond them lie 1e-18 of its distribution."""

ROUNDING = 1e-9
"""Counts that differ by less are equal."""


def excess_p(
    right: Numbers, total: Numbers, other_right: Numbers, other_total: Numbers, margin: Number = 0.0
) -> Values:
    """One-sided p-values that the first rate exceeds the second, of other units, by no more than the margin.

    NaN where a total is 0.

    Args:
        right: successes of the first groups.
        total: units of the first groups.
        other_right: successes of the second groups.
        other_total: units of the second groups.
        margin: the largest difference that does not matter, 0 or more and below 1.

    Raises:
        InputError: another margin, counts below 0, or more successes than units.

    >>> round(float(excess_p(9, 10, 3, 10)), 3)
    0.005
    """
    _check_margin(margin)
    counts = np.broadcast_arrays(*counts_of(right, total), *counts_of(other_right, other_total))
    flat = np.stack([part.ravel() for part in counts], axis=1)
    # The same counts come again and again where many small groups, or many simulated audits, are judged at once.
    distinct, place = np.unique(flat, axis=0, return_inverse=True)
    found = [
        _excess_p(first, units, second, others, float(margin)) for first, units, second, others in distinct.tolist()
    ]
    return np.array(found, dtype=np.float64).take(place).reshape(counts[0].shape)


def paired_excess_p(first: Numbers, second: Numbers, margin: Number = 0.0) -> float:
    """One-sided p-value that the first arm succeeds on no more than the margin more of the same units.

    With a margin of 0 and few changed units this is nearly McNemar's exact test. NaN without units.

    Args:
        first: for each unit, whether it succeeded in the first arm.
        second: the same for the second arm.
        margin: the largest difference of rates that does not matter, 0 or more and below 1.

    Raises:
        InputError: the arms differ in length, or another margin.
    """
    _check_margin(margin)
    one, two = arms(first, second)
    total, lost, gained = len(one), int((one & ~two).sum()), int((two & ~one).sum())
    if not total:
        return float("nan")

    def slope(rate: float) -> float:
        """Of the log-likelihood in the rate of gained units, that of lost ones being higher by the margin."""
        kept = total - lost - gained
        return _part(lost, rate + margin) + _part(gained, rate) - 2 * _part(kept, 1 - 2 * rate - margin)

    gain = _root(slope, 0.0, (1 - float(margin)) / 2)
    loss = gain + float(margin)
    gains = _likely(total, gain)
    # Of the units that are not gained, each is lost with this probability.
    share = min(loss / (1 - gain), 1.0) if gain < 1 else 0.0
    tail = 1 - _at_most(lost - gained + gains - 1, total - gains, share)
    return float(min((_chances(gains, total, gain) * tail).sum(), 1))


def _excess_p(right: float, total: float, other_right: float, other_total: float, margin: float) -> float:
    if not total or not other_total:
        return float("nan")

    def slope(rate: float) -> float:
        """Of the log-likelihood in the second rate, the first one being higher by the margin."""
        first = _part(right, rate + margin) - _part(total - right, 1 - rate - margin)
        return first + _part(other_right, rate) - _part(other_total - other_right, 1 - rate)

    rate = _root(slope, 0.0, 1 - margin)
    firsts = _likely(total, rate + margin)
    difference = right / total - other_right / other_total
    most = np.floor(other_total * (firsts / total - difference) + ROUNDING)
    tail = _at_most(most, np.full(len(most), other_total), rate)
    return float(min((_chances(firsts, total, min(rate + margin, 1.0)) * tail).sum(), 1))


def _check_margin(margin: Number) -> None:
    if not 0 <= margin < 1:
        raise InputError("a margin from 0 to below 1 for a rate", f"{margin}", hint="0.05 is five points")


def _part(count: Number, rate: float) -> float:
    """The slope of count * log(rate)."""
    if not count:
        return 0.0
    return count / rate if rate > 0 else float("inf")


def _root(slope: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function crosses 0, or the end of the range nearest to that."""
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return (low + high) / 2


def _chances(counts: NDArray[np.float64], total: Number, rate: float) -> NDArray[np.float64]:
    """The binomial probability of each count."""
    ways = special.gammaln(total + 1) - special.gammaln(counts + 1) - special.gammaln(total - counts + 1)
    chances: NDArray[np.float64] = np.exp(ways + special.xlogy(counts, rate) + special.xlog1py(total - counts, -rate))
    return chances


def _at_most(counts: NDArray[np.float64], totals: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    """The binomial probability of no more than each count."""
    inside = np.clip(counts, 0, totals)
    below: NDArray[np.float64] = np.where(counts < 0, 0.0, special.bdtr(inside, totals.astype(np.int64), rate))
    return below


def _likely(total: Number, rate: float) -> NDArray[np.float64]:
    """The counts that a binomial distribution gives with any probability to speak of."""
    middle, reach = total * rate, REACH * (total * max(rate * (1 - rate), 0)) ** 0.5 + REACH
    return np.arange(max(0, np.floor(middle - reach)), min(total, np.ceil(middle + reach)) + 1, dtype=np.float64)

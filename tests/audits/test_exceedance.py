"""P-values of differences equal sums over all outcomes, and far tails keep their promise where normal ones do not."""

import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from pixelwise.audits.exceedance import excess_p, paired_excess_p
from pixelwise.audits.intervals import holm, mcnemar, rate_difference
from pixelwise.errors import InputError


def by_enumeration(right: int, total: int, other_right: int, other_total: int, margin: float) -> float:
    """The probability of a difference at least as large, at the likeliest rates that differ by the margin."""
    rates = np.linspace(0, 1 - margin, 20_001)
    fit = stats.binom.logpmf(right, total, np.minimum(rates + margin, 1))
    rate = rates[np.argmax(fit + stats.binom.logpmf(other_right, other_total, rates))]
    seen = right / total - other_right / other_total
    firsts, seconds = np.arange(total + 1), np.arange(other_total + 1)
    chances = np.outer(
        stats.binom.pmf(firsts, total, min(rate + margin, 1)), stats.binom.pmf(seconds, other_total, rate)
    )
    return float(chances[firsts[:, None] / total - seconds / other_total >= seen - 1e-9].sum())


@pytest.mark.parametrize("counts", [(9, 10, 3, 10), (6, 7, 2, 7), (19, 20, 6, 9), (3, 10, 5, 12), (10, 10, 8, 8)])
@pytest.mark.parametrize("margin", [0.0, 0.1])
def test_p_equals_the_sum_over_all_outcomes(counts: tuple[int, int, int, int], margin: float) -> None:
    assert float(excess_p(*counts, margin)) == pytest.approx(by_enumeration(*counts, margin), abs=2e-4)


def test_p_and_interval_agree_for_many_units() -> None:
    for right in (1650, 1700, 1760):
        p = float(excess_p(right, 2000, 800, 1000, 0.0))
        low = rate_difference(right, 2000, 800, 1000, level=1 - 2 * p).lo
        assert low == pytest.approx(0, abs=2e-3)


def test_paired_p_equals_the_sum_over_all_outcomes() -> None:
    first = [True] * 9 + [False] * 3
    second = [True] * 4 + [False] * 5 + [True] + [False] * 2
    lost, gained, total = 5, 1, 12

    rates = np.linspace(1e-6, 0.45 - 1e-6, 20_001)
    fit = lost * np.log(rates + 0.1) + gained * np.log(rates) + (total - lost - gained) * np.log(0.9 - 2 * rates)
    rate = rates[np.argmax(fit)]
    expected = sum(
        math.factorial(total)
        / (math.factorial(x) * math.factorial(y) * math.factorial(total - x - y))
        * (rate + 0.1) ** x
        * rate**y
        * (0.9 - 2 * rate) ** (total - x - y)
        for x, y in product(range(total + 1), range(total + 1))
        if x + y <= total and x - y >= lost - gained
    )
    assert paired_excess_p(first, second, 0.1) == pytest.approx(expected, abs=1e-4)


def test_paired_p_without_margin_is_near_mcnemars() -> None:
    first = [True] * 400 + [False] * 100
    second = [True] * 370 + [False] * 30 + [True] * 12 + [False] * 88
    assert 2 * paired_excess_p(first, second) == pytest.approx(mcnemar(first, second), rel=0.25)


@pytest.mark.parametrize(("groups", "images", "share"), [(8, 50, 0.9), (16, 50, 0.97)])
def test_equal_groups_fail_no_more_often_than_alpha(groups: int, images: int, share: float) -> None:
    """The hardest case: a margin of 0 and no gap at all. Normal tails reject up to 17 % here."""
    rng = np.random.default_rng(1)
    audits = 400
    right = rng.binomial(images, share, (audits, groups))
    p = excess_p(right.sum(1, keepdims=True) - right, (groups - 1) * images, right, images)
    failed = np.mean([(holm(row) <= 0.05).any() for row in p])
    assert failed <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / audits)


def test_degenerate_counts() -> None:
    assert math.isnan(float(excess_p(0, 0, 3, 5)))
    assert float(excess_p(5, 5, 5, 5)) == pytest.approx(1)
    assert float(excess_p(5, 5, 0, 5)) == pytest.approx(2**-10)
    assert float(excess_p(0, 50, 50, 50)) == pytest.approx(1)
    assert math.isnan(paired_excess_p([], []))
    assert paired_excess_p([True] * 5, [True] * 5) == pytest.approx(1)
    assert paired_excess_p([True] * 9, [False] * 9) < 0.01


def test_margins_that_no_rate_can_exceed_are_refused() -> None:
    with pytest.raises(InputError, match="a margin from 0 to below 1 for a rate, got 5"):
        excess_p(3, 5, 2, 5, 5)
    with pytest.raises(InputError, match=r"got -0\.1"):
        paired_excess_p([True], [False], -0.1)


@pytest.mark.parametrize("counts", [(5, 3, 1, 3), (-1, 3, 1, 3)])
def test_counts_that_cannot_be_are_refused(counts: tuple[int, int, int, int]) -> None:
    with pytest.raises(InputError, match="counts from 0 to their totals"):
        excess_p(*counts)

"""Intervals equal published ones, statsmodels and their definitions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelwise.audits.intervals import (
    Interval,
    critical,
    holm,
    mcnemar,
    newcombe,
    paired_rate_difference,
    rate,
    rate_difference,
    wilson,
)
from pixelwise.errors import InputError
from references.intervals import holm_by_steps, wilson_by_roots

# Newcombe 1998, Table II, method 10.
NEWCOMBE = [
    ((56, 70, 48, 80), (0.0524, 0.3339)),
    ((9, 10, 3, 10), (0.1705, 0.8090)),
    ((6, 7, 2, 7), (0.0582, 0.8062)),
    ((5, 56, 0, 29), (-0.0381, 0.1926)),
]

# Wrong answers of three face analysis programs on darker women and lighter men (counts that reproduce Buolamwini and
# Gebru 2018, Table 4); intervals from statsmodels 0.15.
FACES = [
    ((94, 271, 1, 385), 0.3443, (0.2888, 0.4028)),
    ((55, 265, 0, 385), 0.2075, (0.1620, 0.2604)),
    ((90, 261, 3, 372), 0.3368, (0.2796, 0.3965)),
]


def ends(interval: Interval) -> tuple[float, float]:
    return interval.lo, interval.hi


@pytest.mark.parametrize(("counts", "expected"), NEWCOMBE)
def test_differences_equal_newcombes_table(counts: tuple[int, ...], expected: tuple[float, float]) -> None:
    assert ends(rate_difference(*counts)) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize(("counts", "value", "expected"), FACES)
def test_gaps_of_face_programs(counts: tuple[int, ...], value: float, expected: tuple[float, float]) -> None:
    found = rate_difference(*counts)
    assert found.value == pytest.approx(value, abs=5e-5)
    assert ends(found) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        # Fagerland, Lydersen and Laake 2017, chapter 8, "Newcombe square-and-add", as their programs print it.
        ((59, 6, 16, 80), (-0.1186, -0.0046)),
        ((1, 1, 7, 12), (-0.507, -0.026)),
    ],
)
def test_paired_differences_equal_published_ones(table: tuple[int, ...], expected: tuple[float, float]) -> None:
    both, first, second, neither = table
    one = [True] * (both + first) + [False] * (second + neither)
    two = [True] * both + [False] * first + [True] * second + [False] * neither
    found = paired_rate_difference(one, two)
    assert found.value == pytest.approx((first - second) / sum(table))
    assert ends(found) == pytest.approx(expected, abs=5e-4)
    turned = paired_rate_difference(two, one)
    assert ends(turned) == pytest.approx((-found.hi, -found.lo))


@given(total=st.integers(1, 2000), share=st.floats(0, 1), level=st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_wilson_equals_its_definition(total: int, share: float, level: float) -> None:
    right = round(share * total)
    low, high = wilson(right, total, critical(level))
    assert (float(low), float(high)) == pytest.approx(wilson_by_roots(right, total, level), abs=1e-9)


def test_all_groups_at_once_equal_statsmodels() -> None:
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    rng = np.random.default_rng(0)
    total, other_total = rng.integers(1, 300, (2, 200))
    right, other_right = rng.integers(0, total + 1), rng.integers(0, other_total + 1)
    low, high = wilson(right, total, critical(0.95))
    expected = proportion.proportion_confint(right, total, method="wilson")
    np.testing.assert_allclose((low, high), expected, atol=1e-12)
    found = newcombe(right, total, other_right, other_total, critical(0.9))
    for index in range(0, 200, 10):
        counts = [int(part[index]) for part in (right, total, other_right, other_total)]
        pair = proportion.confint_proportions_2indep(*counts, method="newcomb", compare="diff", alpha=0.1)
        np.testing.assert_allclose([end[index] for end in found], pair, atol=1e-12)


@given(st.lists(st.floats(0, 1), max_size=12), st.sampled_from([0.01, 0.05, 0.3]))
def test_corrected_p_values_decide_as_holms_procedure(p: list[float], alpha: float) -> None:
    corrected = holm(p)
    steps = holm_by_steps(p, alpha)
    clear = np.abs(corrected - alpha) > 1e-12
    assert ((corrected <= alpha) == steps)[clear].all()


def test_holm_equals_statsmodels_and_passes_over_what_was_not_tested() -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p = np.random.default_rng(1).random(20) ** 4
    np.testing.assert_allclose(holm(p), multitest.multipletests(p, method="holm")[1])
    gaps = np.insert(p, [0, 7], np.nan)
    np.testing.assert_array_equal(np.delete(holm(gaps), [0, 8]), holm(p))


def test_mcnemar_is_a_fair_coin_over_what_changed() -> None:
    before = [True] * 90 + [False] * 10
    after = [True] * 80 + [False] * 18 + [True] * 2
    # 10 lost, 2 gained: 2 (C(12,0) + C(12,1) + C(12,2)) / 2^12
    assert mcnemar(before, after) == pytest.approx(2 * (1 + 12 + 66) / 4096)
    assert mcnemar(before, before) == 1


def test_nothing_and_everything() -> None:
    nothing = rate(0, 0)
    assert math.isnan(nothing.value) and math.isnan(nothing.lo) and nothing.n == 0
    assert rate(0, 10).lo == 0 and rate(10, 10).hi == 1
    assert rate(0, 10).hi == pytest.approx(0.2775, abs=5e-5)
    assert "only 10 units" in rate(3, 10).caution and not rate(30, 100).caution
    assert math.isnan(rate_difference(0, 0, 3, 5).lo)
    assert math.isnan(paired_rate_difference([], []).value)


def test_refusals_say_what_was_got() -> None:
    with pytest.raises(InputError, match="counts from 0 to their totals, got 5 of 3"):
        rate(5, 3)
    with pytest.raises(InputError, match="a level between 0 and 1, got 95"):
        rate(3, 5, level=95)
    with pytest.raises(InputError, match=r"the same units in both arms, got shapes \(3,\) and \(2,\)"):
        paired_rate_difference([1, 0, 1], [1, 0])


@pytest.mark.parametrize("arm", [[float("nan"), 1.0, 0.0], [0.3, 1, 0], ["no", "yes", "no"]])
def test_only_truth_values_are_successes(arm: list[object]) -> None:
    with pytest.raises(InputError, match="successes as True and False"):
        paired_rate_difference(arm, [True, True, False])


def test_infinite_counts_and_p_values_beyond_1_are_refused() -> None:
    with pytest.raises(InputError, match="counts from 0 to their totals"):
        rate(float("inf"), float("inf"))
    for wrong in ([-1.0, 0.5], [0.5, 2.0], [[0.5, 0.5]]):
        with pytest.raises(InputError, match="p-values from 0 to 1 in a list"):
            holm(wrong)

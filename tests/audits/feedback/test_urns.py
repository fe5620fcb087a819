"""Limits of urns to six decimals: roots by another method, hand-worked urns, and long draws."""

import math

import numpy as np
import pytest

from pixelwise.audits.feedback import patrol_urn, urn_limit
from pixelwise.errors import InputError

OAKLAND = (3.68511, 2.816466)
"""Incidents a day in the two areas with the most drug arrests, from the Makefile of Ensign et al. 2018."""


def root_by_halving(if_first: tuple[float, float], if_second: tuple[float, float]) -> float:
    """Where the drift changes from up to down."""
    low, high = 0.0, 1.0
    for _ in range(60):
        x = (low + high) / 2
        adds = [x * of_first + (1 - x) * of_second for of_first, of_second in zip(if_first, if_second, strict=True)]
        rising = adds[0] - x * sum(adds) > 0
        low, high = (x, high) if rising else (low, x)
    return (low + high) / 2


def test_limits_are_where_the_drift_changes_sign() -> None:
    rng = np.random.default_rng(0)
    for _ in range(500):
        a, b, c, d = (rng.random(4) * rng.choice([1e-3, 1, 1e3], 4)).tolist()
        found = urn_limit((a, b), (c, d)).share
        assert found == pytest.approx(root_by_halving((a, b), (c, d)), abs=1e-6)


@pytest.mark.parametrize(
    ("discovered", "limit"), [(0.9, 0.775890), (0.8, 0.682591), (0.7, 0.638738), (0.6, 0.614287), (0.5, 0.598897)]
)
def test_reports_attenuate_the_loop_and_do_not_remove_it(discovered: float, limit: float) -> None:
    """The true share is 0.567; the weights are those of the paper's figures."""
    found = urn_limit(*patrol_urn(OAKLAND, discovered, 1 - discovered)).share
    assert found == pytest.approx(limit, abs=1e-6)
    assert found > OAKLAND[0] / sum(OAKLAND) + 0.03


def test_discoveries_alone_end_in_one_area_however_little_the_rates_differ() -> None:
    assert urn_limit(*patrol_urn((1.0001, 1.0))).share == 1
    assert urn_limit(*patrol_urn((1.0, 1.0001))).share == 0


def test_reports_alone_end_at_the_truth() -> None:
    assert urn_limit(*patrol_urn(OAKLAND, 0.0, 1.0)).share == pytest.approx(OAKLAND[0] / sum(OAKLAND), abs=1e-12)


def test_equal_rates_end_anywhere() -> None:
    limit = urn_limit(*patrol_urn((2.0, 2.0)), start=(6.0, 3.0))
    assert (limit.share, limit.beta) == (None, (3, 1.5))
    assert str(limit) == "the share has no aim: it ends anywhere, by Beta(3, 1.5)"


@pytest.mark.parametrize(
    ("if_first", "if_second", "limit"),
    [
        ((0, 1), (1, 0), 0.5),  # Friedman's urn: the other colour is added
        ((1, 1), (0, 1), 0),  # the second colour is added every day
        ((1, 0), (1, 1), 1),
        ((2, 1), (1, 2), 0.5),
        ((1, 2), (1, 2), 1 / 3),  # what is added does not depend on the draw
    ],
)
def test_urns_worked_by_hand(if_first: tuple[float, float], if_second: tuple[float, float], limit: float) -> None:
    assert urn_limit(if_first, if_second).share == pytest.approx(limit, abs=1e-12)


def test_equal_rates_drawn_many_times_have_the_beta_distribution_of_the_start() -> None:
    """Polya's urn from one of each ends uniformly: a tenth of the runs in each tenth."""
    rng = np.random.default_rng(0)
    first, second = np.ones(4000), np.ones(4000)
    for _ in range(500):
        red = rng.random(4000) * (first + second) < first
        first, second = first + red, second + ~red
    counts = np.histogram(first / (first + second), bins=10, range=(0, 1))[0]
    assert np.abs(counts - 400).max() < 4 * math.sqrt(400)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (((-1, 0), (0, 1)), "numbers of at least 0 to add"),
        (((1, 0), (0, math.nan)), "numbers of at least 0 to add"),
        (((0, 0), (0, 1)), "draws that add something"),
        (((1, 0), (0, 1), (0, 1)), "a start with some of both colours, got (0, 1)"),
    ],
)
def test_what_is_no_urn_is_named(arguments: tuple[tuple[float, float], ...], words: str) -> None:
    with pytest.raises(InputError) as caught:
        urn_limit(*arguments)
    assert words in str(caught.value)

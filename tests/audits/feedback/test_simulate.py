"""Loops in motion: published courses within chance, corrections right on average, and what cannot be mended."""

from collections.abc import Callable

import numpy as np
import pytest

from pixelwise.audits.feedback import (
    Course,
    Estimator,
    Policy,
    Visits,
    World,
    exploring,
    greedy,
    importance_weighted,
    proportional,
    raw_counts,
    rejection,
    simulate,
)
from pixelwise.errors import InputError
from references.patrols import patrol

TOP = World((3.68511, 2.816466), (609, 379), forgetting=0.01)
RANDOM = World((3.68511, 2.35592), (609, 7), forgetting=0.01)
"""Areas, priors and forgetting of the Makefile of Ensign et al. 2018: the two areas with the most arrests, and the
first beside a random one."""

RUNS = 200


def margin(course: Course) -> float:
    """Four standard errors of the mean final share."""
    return 4 * float(course.shares[-1][:, 0].std()) / RUNS**0.5


@pytest.mark.parametrize(
    ("world", "estimator", "share"),
    [
        (TOP, raw_counts, 0.933),
        (RANDOM, raw_counts, 0.994),
        (TOP, rejection, 0.566),
        (RANDOM, rejection, 0.611),
        (World(TOP.rates, TOP.prior, reported=1.0, forgetting=0.01), raw_counts, 0.599),
        (World(RANDOM.rates, RANDOM.prior, reported=1.0, forgetting=0.01), raw_counts, 0.659),
    ],
)
def test_courses_of_1000_days_end_where_the_published_code_does(
    world: World, estimator: Estimator, share: float
) -> None:
    """Final mean shares of 1000 runs of the rule of the published code: runaway, corrected, and attenuated."""
    course = simulate(world, estimator=estimator, runs=RUNS)
    assert course.final()[0] == pytest.approx(share, abs=max(margin(course), 0.002))


@pytest.mark.parametrize("reject", [False, True])
def test_many_runs_at_once_are_as_single_runs_incident_by_incident(reject: bool) -> None:
    rates, prior = (3.0, 2.0, 1.0), (5.0, 5.0, 5.0)
    single = [patrol(list(rates), list(prior), 60, 0.02, reject, seed) for seed in range(600)]
    world = World(rates, prior, forgetting=0.02)
    course = simulate(world, estimator=rejection if reject else raw_counts, days=60, runs=3000)
    together = course.shares[-1][:, 0]
    error = float(np.hypot(np.std(single) / 600**0.5, together.std() / 3000**0.5))
    assert np.mean(single) == pytest.approx(together.mean(), abs=4 * error)
    assert np.std(single) == pytest.approx(together.std(), rel=0.15)


FOUR = World((3.3, 2.6, 2.2, 1.9), (50, 50, 50, 50))


@pytest.mark.parametrize("policy", [proportional, exploring(0.2), exploring(0.1, proportional)])
def test_weights_of_one_over_p_give_the_true_shares_of_four_areas_under_any_policy_that_sees_all(
    policy: Policy,
) -> None:
    course = simulate(FOUR, policy, importance_weighted(), days=500, runs=RUNS)
    errors = 4 * course.shares[-1].std(0) / RUNS**0.5
    prior = sum(FOUR.prior) / (500 * sum(FOUR.rates))  # what is left of the even prior
    assert (np.abs(course.final() - course.truth) < errors + prior).all()
    uncorrected = simulate(FOUR, policy, days=500, runs=RUNS)
    off, corrected = (np.abs(each.shares[-1] - each.truth).mean() for each in (uncorrected, course))
    assert off > 1.5 * corrected


def test_the_estimators_add_the_true_rate_a_day_on_average() -> None:
    """One day, many runs: importance weights sum to every area's rate; raw counts to rate times probability."""
    world = World((3.0, 1.0, 2.0), (1.0, 1.0, 1.0))
    chances = np.array([0.7, 0.2, 0.1])

    def fixed(beliefs: np.ndarray) -> np.ndarray:
        return np.tile(chances, (len(beliefs), 1))

    runs = 200_000
    for estimator, expected in (
        (raw_counts, world.rates * chances),
        (importance_weighted(), np.asarray(world.rates)),
        (importance_weighted(0.25), np.asarray(world.rates) * [1, 0.2 / 0.25, 0.1 / 0.25]),
        (rejection, world.rates * chances * (1 - chances) / 0.9),
    ):
        added: list[np.ndarray] = []

        def spied(visits: Visits, used: Estimator = estimator, kept: list[np.ndarray] = added) -> np.ndarray:
            amounts = used(visits)
            kept.append(np.bincount(visits.chosen, amounts, 3) / runs)
            return amounts

        simulate(world, fixed, spied, days=1, runs=runs)
        assert added[0] == pytest.approx(expected, rel=0.03)


def test_where_a_visit_is_certain_nothing_can_be_corrected_and_it_says_so() -> None:
    raw = simulate(TOP, greedy, raw_counts, days=300, runs=20)
    weighted = simulate(TOP, greedy, importance_weighted(), days=300, runs=20)
    assert raw.final().tolist() == weighted.final().tolist()
    assert raw.final()[0] > 0.9
    assert "visits cannot be corrected here, whatever the estimator: on 100.0% of the days" in raw.verdict()
    explored = simulate(TOP, exploring(0.1), importance_weighted(), days=300, runs=20)
    assert explored.verdict().startswith("every area had a chance of a visit on most days")


def test_one_certain_area_a_run_is_blind_even_if_runs_differ_in_which() -> None:
    course = simulate(World((2.0, 2.0), (1, 1)), greedy, days=100, runs=50)
    assert course.blind > 0.9


def test_effective_sizes_are_the_visits_where_all_are_equally_likely_and_less_elsewhere() -> None:
    even = simulate(World((2.0, 2.0), (5, 5)), exploring(1.0), days=50, runs=10)
    assert even.effective == pytest.approx(even.visits)
    assert even.visits.sum(1).tolist() == [50] * 10
    moving = simulate(FOUR, proportional, days=500, runs=10)
    assert (moving.effective <= moving.visits + 1e-9).all()
    assert moving.effective.sum() < moving.visits.sum()


def test_an_area_that_was_never_visited_has_an_effective_size_of_0() -> None:
    course = simulate(TOP, greedy, days=5, runs=3)
    assert course.effective[:, 1].tolist() == [0, 0, 0]


def test_a_seed_repeats_a_course_and_another_one_does_not() -> None:
    first, again, other = (simulate(FOUR, days=50, runs=5, seed=seed).shares for seed in (1, 1, 2))
    assert (first == again).all() and (first != other).any()
    assert first.shape == (51, 5, 4)
    assert len(simulate(FOUR, days=500, runs=2).days) == 101


REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: simulate(World((1.0,), (1.0,))), "rates and a prior for the same two or more areas, got 1 rates"),
    (lambda: simulate(World((1.0, 2.0), (1.0,))), "got 2 rates and 1 priors"),
    (lambda: simulate(World((1.0, -2.0), (1.0, 1.0))), "finite rates, priors and weights of at least 0"),
    (lambda: simulate(World((0.0, 0.0), (1.0, 1.0))), "not all rates 0"),
    (lambda: simulate(World((1.0, 1.0), (1.0, 1.0), forgetting=1.0)), "forgetting in 0..1"),
    (lambda: simulate(TOP, days=0), "at least one day and one run, got 0 days, 1000 runs"),
    (lambda: simulate(TOP, policy=lambda beliefs: beliefs, runs=2), "that sum to 1 in each run, got shape (2, 2)"),
    (lambda: simulate(TOP, policy=lambda beliefs: 1 / 0), "got ZeroDivisionError: division by zero"),
    (lambda: simulate(TOP, estimator=lambda visits: visits.found * np.nan, runs=2), "one amount of at least 0"),
    (lambda: simulate(TOP, estimator=lambda visits: visits.found[:1], runs=2), "each of 2 runs, got shape (1,)"),
    (lambda: exploring(1.5), "a share of days in 0..1, got 1.5"),
    (lambda: importance_weighted(-0.1), "a smallest probability in 0..1, got -0.1"),
]


@pytest.mark.parametrize(("call", "words"), REFUSED)
def test_what_cannot_run_is_named(call: Callable[[], object], words: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert words in str(caught.value)

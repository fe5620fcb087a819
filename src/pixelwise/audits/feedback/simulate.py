"""A loop in motion: visits follow beliefs, beliefs follow what visits find, over many days in many runs at once."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.audits.feedback.estimators import Estimator, Visits, raw_counts
from pixelwise.audits.feedback.policies import Policy, proportional
from pixelwise.errors import InputError

RECORDED = 100
"""Days whose beliefs are kept for charts, spread evenly; more would not show on a page."""

MOSTLY = 0.5
"""Blind on more than half of the days: what was seen on the others is too old or too rare to lean on."""


@dataclass(frozen=True)
class World:
    """Areas with constant rates, and how incidents come to be known.

    Attributes:
        rates: true incidents per day, one per area.
        prior: what is believed at first, in incidents.
        discovered: the weight of incidents found by a visit.
        reported: the weight of incidents known without one.
        forgetting: the share of the belief that is lost each day.
        least: no belief falls below this many incidents.
    """

    rates: tuple[float | int, ...]
    prior: tuple[float | int, ...]
    discovered: float = 1.0
    reported: float = 0.0
    forgetting: float = 0.0
    least: float = 1.0

    def true_shares(self) -> NDArray[np.float64]:
        """The areas' shares of all incidents."""
        return np.asarray(self.rates) / sum(self.rates)


@dataclass(frozen=True, eq=False)
class Course:
    """What became of the beliefs.

    Attributes:
        days: the recorded days, (T,), the first being 0.
        shares: each area's share of the belief on these days, (T, runs, K).
        truth: each area's share of the incidents, (K,).
        visits: how often each area was visited, (runs, K).
        effective: the effective sample size of those visits under importance weights, (sum w)^2 / sum w^2 with
            w = 1 / p, (runs, K): far below `visits`, and the corrected belief rests on a few rare days.
        blind: on which share of the days, over all runs, some area had no chance of a visit.
    """

    days: NDArray[np.int64]
    shares: NDArray[np.float64]
    truth: NDArray[np.float64]
    visits: NDArray[np.int64]
    effective: NDArray[np.float64]
    blind: float

    def final(self) -> NDArray[np.float64]:
        """The mean share of each area at the end, (K,)."""
        shares: NDArray[np.float64] = self.shares[-1].mean(0)
        return shares

    def verdict(self) -> str:
        """In words, whether what was collected allows a correction at all."""
        if self.blind > MOSTLY:
            return (
                f"visits cannot be corrected here, whatever the estimator: on {self.blind:.1%} of the days an area had"
                " no chance of a visit, and nothing was learned about it; explore, or use what is known without visits"
            )
        return "every area had a chance of a visit on most days: visits can be weighted by their probability"


def simulate(
    world: World,
    policy: Policy = proportional,
    estimator: Estimator = raw_counts,
    days: int = 1000,
    runs: int = 1000,
    seed: int = 0,
) -> Course:
    """Lets the loop run. Every day each run visits one area, drawn by the policy.

    Counts are Poisson. Differs from the code of Ensign et al. 2018 in forgetting a share of the belief exactly rather
    than incident by incident by chance, so that beliefs need not be whole numbers.

    Args:
        world: the areas.
        policy: beliefs to probabilities of a visit.
        estimator: what a visit adds to the belief.
        days: how long.
        runs: how many independent courses, computed together.
        seed: of all draws.

    Raises:
        InputError: a world that is none, no days or runs, or a policy or estimator that fails or gives what cannot be.
    """
    _check(world, days, runs)
    generator = np.random.default_rng(seed)
    rates = np.asarray(world.rates, dtype=np.float64)
    beliefs = np.tile(np.asarray(world.prior, dtype=np.float64), (runs, 1))
    rows = np.arange(runs)
    tally = _Tally(beliefs.shape, np.unique(np.linspace(0, days, RECORDED + 1).round().astype(np.int64)))
    tally.record(0, beliefs)
    for day in range(1, days + 1):
        probabilities = _probabilities(policy, beliefs)
        chosen = (generator.random((runs, 1)) >= probabilities.cumsum(1)[:, :-1]).sum(1)
        found = generator.poisson(world.discovered * rates[chosen])
        visits = Visits(found, chosen, probabilities, generator)
        beliefs[rows, chosen] += _added(estimator, visits)
        if world.reported:
            beliefs += generator.poisson(world.reported * rates, beliefs.shape)
        beliefs = np.maximum(beliefs * (1 - world.forgetting), world.least)
        tally.count(visits)
        tally.record(day, beliefs)
    return tally.course(world.true_shares(), days)


class _Tally:
    """What is kept of the days."""

    def __init__(self, shape: tuple[int, int], days: NDArray[np.int64]) -> None:
        self.days = days
        self.shares: list[NDArray[np.float64]] = []
        self.visits = np.zeros(shape, dtype=np.int64)
        self.weights, self.squares = np.zeros(shape), np.zeros(shape)
        self.blind = 0.0

    def record(self, day: int, beliefs: NDArray[np.float64]) -> None:
        if day == self.days[len(self.shares)]:
            self.shares.append(beliefs / beliefs.sum(1, keepdims=True))

    def count(self, visits: Visits) -> None:
        rows, weights = np.arange(len(visits.chosen)), 1 / visits.of_chosen()
        self.visits[rows, visits.chosen] += 1
        self.weights[rows, visits.chosen] += weights
        self.squares[rows, visits.chosen] += weights**2
        self.blind += float((visits.probabilities == 0).any(1).mean())

    def course(self, truth: NDArray[np.float64], days: int) -> Course:
        effective = self.weights**2 / np.maximum(self.squares, 1)  # weights are at least 1, unless there was no visit
        return Course(self.days, np.stack(self.shares), truth, self.visits, effective, self.blind / days)


def _probabilities(policy: Policy, beliefs: NDArray[np.float64]) -> NDArray[np.float64]:
    given = _called(policy, beliefs, "a policy that gives probabilities")
    if given.shape != beliefs.shape or not (given >= 0).all() or not np.allclose(given.sum(1), 1):
        raise InputError(
            f"probabilities (runs, areas) = {beliefs.shape} that sum to 1 in each run",
            f"shape {given.shape}, first row {given.flat[: beliefs.shape[1]].tolist()}",
            hint="divide by the sum over the last axis",
        )
    return given


def _added(estimator: Estimator, visits: Visits) -> NDArray[np.float64]:
    given = _called(estimator, visits, "an estimator that gives amounts")
    if given.shape != visits.found.shape or not ((given >= 0) & np.isfinite(given)).all():
        raise InputError(
            f"one amount of at least 0 for each of {len(visits.found)} runs",
            f"shape {given.shape}, smallest {given.min() if given.size else None}",
            hint="estimators give what is added for the visited area, (runs,)",
        )
    return given


def _called(function: Any, argument: Any, wanted: str) -> NDArray[np.float64]:
    try:
        return np.asarray(function(argument), dtype=np.float64)
    except Exception as error:
        raise InputError(wanted, f"{type(error).__name__}: {error}", hint="try it on one day by itself") from error


def _check(world: World, days: int, runs: int) -> None:
    if len(world.rates) < 2 or len(world.rates) != len(world.prior):
        raise InputError(
            "rates and a prior for the same two or more areas",
            f"{len(world.rates)} rates and {len(world.prior)} priors",
            hint="World(rates=(3, 2), prior=(1, 1))",
        )
    numbers = (*world.rates, *world.prior, world.discovered, world.reported, world.least)
    if not all(0 <= number < np.inf for number in numbers) or not sum(world.rates):
        raise InputError(
            "finite rates, priors and weights of at least 0, not all rates 0", f"{world}", hint="mend that one"
        )
    if not 0 <= world.forgetting < 1 or not max(*world.prior, world.least):
        raise InputError("forgetting in 0..1 and a belief to start from", f"{world}", hint="0.01 forgets 1 % a day")
    if days < 1 or runs < 1:
        raise InputError("at least one day and one run", f"{days} days, {runs} runs", hint="days=1000, runs=1000")

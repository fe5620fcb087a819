"""Claim: re-ranked lists are closer to the shares of groups at nearly the same scores; the greedy rule fails from four.

Source: Geyik, Ambler, Kenthapadi 2019, "Fairness-aware ranking in search & recommendation systems", the simulation of
section 5: random shares, 100 candidates of each group with uniform scores, lists of 100. The shares are uniform numbers
divided by their sum; the paper draws a million tasks for each number of groups, here it is hundreds.

    python -m experiments.reranking

Prints and writes for 2 to 10 groups: how many lists owe a group a place somewhere (infeasible), NDKL (0 is as wanted)
and NDCG (1 is the best scores). Takes about 1 minute on 1 core.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from experiments.arguments import arguments, read
from experiments.intervals import paired, t_interval, verdict
from experiments.outcome import write_chart, write_table
from pixelwise.audits.ranking import (
    Candidates,
    det_cons,
    det_const_sort,
    det_greedy,
    det_relaxed,
    infeasible_index,
    min_skew,
    ndcg,
    ndkl,
    top,
)
from pixelwise.drawing import line_chart

GROUPS = (2, 3, 4, 6, 8, 10)
EACH = 100
"""Candidates of each group, and places of a list."""

RULES: dict[str, Callable[..., Candidates]] = {
    "by score": lambda pool, targets, size: top(pool, size),
    "DetGreedy": det_greedy,
    "DetConstSort": det_const_sort,
    "DetRelaxed": det_relaxed,
    "DetCons": det_cons,
}
CLAIMS = (("by score", "DetGreedy"), ("DetGreedy", "DetConstSort"), ("DetConstSort", "DetCons"))
"""Pairs (farther from the shares, closer to them)."""

Measures = dict[str, float]


def measured(rule: str, pool: Candidates, targets: dict[str, float]) -> tuple[Measures, np.ndarray]:
    """The figures of one list, and its worst skew at each place."""
    ranking = RULES[rule](pool, targets, EACH)
    short = infeasible_index(ranking, targets)
    figures = {"infeasible": float(short > 0), "places short": short}
    return figures | {"NDKL": ndkl(ranking, targets), "NDCG": ndcg(ranking, pool)}, min_skew(ranking, targets)


def tasks_of(groups: int, tasks: int, seed: int) -> tuple[dict[str, Measures], dict[str, np.ndarray]]:
    """Mean figures of each rule over tasks, all rules on the same ones, and the middle worst skew at each place."""
    rng = np.random.default_rng((seed, groups))
    names = [f"group {index}" for index in range(groups)]
    found: dict[str, list[tuple[Measures, np.ndarray]]] = {rule: [] for rule in RULES}
    for _ in range(tasks):
        shares = rng.random(groups)
        targets = dict(zip(names, (shares / shares.sum()).tolist(), strict=True))
        pool = Candidates(np.arange(groups * EACH), rng.random(groups * EACH), np.repeat(names, EACH))
        for rule in RULES:
            found[rule].append(measured(rule, pool, targets))
    means = {
        rule: {name: float(np.mean([figures[name] for figures, _ in lists])) for name in lists[0][0]}
        for rule, lists in found.items()
    }
    return means, {rule: np.median([skew for _, skew in lists], axis=0) for rule, lists in found.items()}


def told(groups: int, rows: list[dict[str, Any]]) -> None:
    """Prints the figures of one number of groups, and what they say about the claims."""
    values = {rule: [row for row in rows if (row["rule"], row["groups"]) == (rule, groups)] for rule in RULES}
    for rule, mine in values.items():
        figures = "  ".join(f"{name} {t_interval([row[name] for row in mine]).mean:.3f}" for name in list(mine[0])[3:])
        print(f"{groups:2} groups  {rule:13} {figures}")
    for farther, closer in CLAIMS:
        lines = [[row["NDKL"] for row in values[rule]] for rule in (farther, closer)]
        gain = paired(*lines)
        print(f"{groups:2} groups  NDKL of {farther} minus {closer}: {gain}; the claim {verdict(gain)}")


def main(words: list[str] | None = None) -> None:
    """Measures, prints and writes."""
    parser = arguments(__doc__, seeds=5)
    parser.add_argument("--tasks", type=int, default=40, help="for each seed and number of groups")
    chosen = read(parser, words)
    tasks, numbers = (4, GROUPS[:3]) if chosen.quick else (chosen.tasks, GROUPS)
    rows: list[dict[str, Any]] = []
    skews: dict[str, np.ndarray] = {}
    for groups in numbers:
        for seed in range(chosen.seeds):
            means, curves = tasks_of(groups, tasks, seed)
            rows += [{"groups": groups, "rule": rule, "seed": seed, **figures} for rule, figures in means.items()]
            if (groups, seed) == (4, 0):
                skews = curves
        told(groups, rows)
    write_table(chosen.out / "reranking.csv", rows)
    lines = {
        rule: [
            (groups, t_interval([row["NDKL"] for row in rows if (row["rule"], row["groups"]) == (rule, groups)]).mean)
            for groups in numbers
        ]
        for rule in RULES
    }
    write_chart(
        chosen.out / "reranking.svg", line_chart(lines, "groups", "NDKL", "Distance from the shares", y_range=(0, 0.1))
    )
    curves = {
        rule: [(place, float(skew)) for place, skew in enumerate(curve, start=1)] for rule, curve in skews.items()
    }
    title = "Skew of the worst-served of 4 groups (median)"
    write_chart(chosen.out / "reranking_skew.svg", line_chart(curves, "first k places", "skew", title, y_range=(-1, 0)))


if __name__ == "__main__":
    main()

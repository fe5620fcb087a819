"""Claim: patrols sent where patrols found something end in one place; corrected by how likely a visit was, they do not.

Source: Ensign, Friedler, Neville, Scheidegger, Venkatasubramanian 2018, "Runaway feedback loops in predictive
policing", with the rates, priors and forgetting of their code: two areas of Oakland with the most drug arrests, and the
first of them beside a random one. Added here: importance weights for any number of areas, and policies that explore.

    python -m experiments.feedback_loops

Prints the first area's share of the belief at the end (mean and the middle 90 % of runs) beside its true share, and
for reported incidents the share that the urn tends to. Takes about 1 minute on 1 core.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.arguments import arguments, read
from experiments.outcome import write_chart, write_table
from pixelwise.audits.feedback import (
    Course,
    Estimator,
    Policy,
    World,
    exploring,
    greedy,
    importance_weighted,
    patrol_urn,
    proportional,
    raw_counts,
    rejection,
    simulate,
    urn_limit,
)
from pixelwise.drawing import line_chart

TOP = (3.68511, 2.816466)
RANDOM = (3.68511, 2.35592)
PRIORS = {TOP: (609, 379), RANDOM: (609, 7)}
FORGETTING = 0.01
"""Incidents a day, incidents at first, and the share forgotten a day: the Makefile of Ensign et al.'s code."""

FOUR = World((3.33, 2.59, 2.22, 1.85), (50, 50, 50, 50))
"""Four areas that nothing is known of at first."""

Loop = tuple[World, Policy, Estimator]


def oakland(rates: tuple[float, float], discovered: float = 1.0, reported: float = 0.0) -> World:
    """Two areas as in the published code."""
    return World(rates, PRIORS[rates], discovered, reported, FORGETTING)


def loops() -> Mapping[str, Loop]:
    """What is compared, by name."""
    found: dict[str, Loop] = {}
    for name, rates in (("top two", TOP), ("top and random", RANDOM)):
        found[f"{name}: raw counts"] = (oakland(rates), proportional, raw_counts)
        found[f"{name}: rejection"] = (oakland(rates), proportional, rejection)
        found[f"{name}: with reports"] = (oakland(rates, reported=1.0), proportional, raw_counts)
    for weight in (0.9, 0.8, 0.7, 0.6, 0.5):
        world = oakland(TOP, weight, round(1 - weight, 1))
        found[f"top two: discovered {weight:g}, reported {1 - weight:.1f}"] = (world, proportional, raw_counts)
    for policy, rule in (("proportional", proportional), ("greedy", greedy), ("greedy, 10 % anywhere", exploring(0.1))):
        for name, estimator in (("raw counts", raw_counts), ("weights 1 / p", importance_weighted())):
            found[f"four areas: {policy}, {name}"] = (FOUR, rule, estimator)
    return found


def row_of(name: str, loop: Loop, course: Course) -> dict[str, Any]:
    """The figures of one loop."""
    world, policy, estimator = loop
    shares = course.shares[-1]
    low, high = np.quantile(shares[:, 0], (0.05, 0.95))
    limit = ""
    if len(world.rates) == 2 and policy is proportional and estimator is raw_counts:
        limit = f"{urn_limit(*patrol_urn(world.rates, world.discovered, world.reported)).share:.3f}"
    return {
        "loop": name,
        "share": round(float(shares[:, 0].mean()), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "truth": round(float(course.truth[0]), 4),
        "tends to": limit,
        "error of a run": round(float(np.abs(shares - course.truth).mean()), 4),
        "visits": round(float(course.visits.mean(0)[-1]), 1),
        "effective visits": round(float(course.effective.mean(0)[-1]), 1),
        "blind days": round(course.blind, 4),
    }


def main(words: list[str] | None = None) -> None:
    """Measures, prints and writes."""
    parser = arguments(__doc__, seeds=1)
    parser.add_argument("--runs", type=int, default=1000, help="courses of each loop")
    chosen = read(parser, words)
    days, runs = (30, 10) if chosen.quick else (1000, chosen.runs)
    rows, lines = [], {}
    for name, loop in loops().items():
        course = simulate(*loop, days=days, runs=runs)
        row = row_of(name, loop, course)
        rows.append(row)
        print(
            f"{name:44} {row['share']:.3f} ({row['low']:.3f} to {row['high']:.3f}), truth {row['truth']:.3f}"
            + (f", tends to {row['tends to']}" if row["tends to"] else f", a run is off by {row['error of a run']:.3f}")
        )
        if course.blind > 0:
            print(f"{'':44} {course.verdict()}")
        if name.startswith("top two") and "discovered" not in name:
            means = course.shares[:, :, 0].mean(1).tolist()
            lines[name.partition(": ")[2]] = list(zip(course.days.tolist(), means, strict=True))
    lines["truth"] = [(0, rows[0]["truth"]), (days, rows[0]["truth"])]
    write_table(chosen.out / "feedback_loops.csv", rows)
    title = "Mean share of the first of two areas"
    chart = line_chart(lines, "day", "share of the belief", title, y_range=(0.5, 1))
    write_chart(chosen.out / "feedback_loops.svg", chart)


if __name__ == "__main__":
    main()

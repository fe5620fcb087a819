"""How often the gate fails a model without any gap, and how often it finds one: simulated audits, margin 0.

A clean model should fail in 5 % of audits at most. Accuracies are 90 % right; mean IoUs are of five classes, some rare,
in images of unlike quality. Groups are equal but for the last rows, in which one has 0.15 or 0.25 fewer pixels right.

Run as `PYTHONPATH=tests python -m benchmarks.audits.false_alarms`; takes some 15 minutes on one core.
"""

import math

import numpy as np
import torch

from benchmarks.timing import machine
from pixelwise.audits import Conditions, Statistics
from pixelwise.audits.gate import judged
from pixelwise.audits.groups import find_groups
from pixelwise.audits.measures import measures_of
from pixelwise.audits.subgroups import group_rows
from references.simulated_segmentations import segmented

AUDITS = 1000
EQUAL = [(groups, images) for images in (50, 200) for groups in (4, 8, 16)] + [(8, 20), (8, 10)]
"""Numbers of groups, and of images in each."""

WORSE = [(8, 50, 0.15, 0.0), (8, 25, 0.25, 0.05)]
"""The same, then by how much the first group is worse, and the margin."""

DRAWS = 100
"""They make the intervals; whether a group fails does not depend on them."""


def table(groups: int, images: int, measure: str, worse: float, rng: np.random.Generator) -> Statistics:
    """One audit's table of groups of as many images each."""
    count = groups * images
    group = np.arange(count) % groups
    attributes = {"group": tuple(map(str, group))}
    names, answered = tuple(map(str, range(count))), ("answered",) * count
    if measure == "accuracy":
        right = (rng.random(count) < 0.9 - worse * (group == 0)).astype(np.int64)
        arrays = {"truth": np.ones(count, dtype=np.int64), "answer": right}
        return Statistics("classification", ("no", "yes"), names, answered, attributes, arrays)
    counts = segmented(count, rng, -worse * (group == 0))
    return Statistics("segmentation", tuple("abcde"), names, answered, attributes, {"counts": counts})


def share_failed(groups: int, images: int, measure: str, worse: float = 0.0, margin: float = 0.0) -> float:
    """The share of audits in which any group fails; where one is worse, in which that one does."""
    rng = np.random.default_rng([groups, images])
    conditions = Conditions(by=("group",), margin=margin, draws=DRAWS)
    failed = 0
    for _ in range(AUDITS):
        statistics = table(groups, images, measure, worse, rng)
        found = find_groups(statistics, conditions.by)
        rows = judged(group_rows(statistics, found, measures_of(statistics)[measure], conditions, rng), conditions)
        failed += any(row.decision == "fail" and (not worse or row.group == "0") for row in rows)
    return failed / AUDITS


def main() -> None:
    torch.set_num_threads(1)
    limit = 0.05 + 2 * math.sqrt(0.05 * 0.95 / AUDITS)
    print(f"{AUDITS} audits each, alpha 0.05; limit with two standard errors {limit:.3f}; {machine()}")
    for groups, images in EQUAL:
        shares = [f"{measure} {share_failed(groups, images, measure):.3f}" for measure in ("accuracy", "mean_iou")]
        print(f"{groups:2} groups of {images:3} images: {', '.join(shares)}", flush=True)
    for groups, images, worse, margin in WORSE:
        share = share_failed(groups, images, "mean_iou", worse, margin)
        print(f"{groups} groups of {images} images, one worse by {worse}, margin {margin}: mean_iou {share:.3f}")


if __name__ == "__main__":
    main()

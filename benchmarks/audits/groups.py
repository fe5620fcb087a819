"""Intervals of 8 groups from 2,000 bootstrap draws of 20,000 images: seconds of one core, beside fairlearn's.

fairlearn's MetricFrame draws 100 times, as 2,000 would take minutes; its seconds are multiplied by 20. It gives no
interval of the gap to all other images, and does not measure IoU or end-point errors.
"""

import time
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.timing import machine
from pixelwise.audits import Conditions, Statistics
from pixelwise.audits.groups import find_groups
from pixelwise.audits.measures import measures_of
from pixelwise.audits.subgroups import group_rows

IMAGES, GROUPS, DRAWS, ROUNDS = 20_000, 8, 2_000, 5
FAIRLEARN_DRAWS = 100


def tables() -> dict[str, Statistics]:
    """One table of each task that the benchmark measures, with random counts."""
    rng = np.random.default_rng(0)
    names, answered = tuple(map(str, range(IMAGES))), ("answered",) * IMAGES
    attributes = {"group": tuple(map(str, rng.integers(0, GROUPS, IMAGES)))}
    truth = rng.integers(0, 2, IMAGES)
    answer = np.where(rng.random(IMAGES) < 0.9, truth, 1 - truth)
    arrays = {
        "accuracy": ("classification", ("no", "yes"), {"truth": truth, "answer": answer}),
        "epe": ("flow", (), {"sums": rng.random((IMAGES, 7)) + 1}),
        "mean_iou": ("segmentation", tuple("abcde"), {"counts": rng.integers(0, 1000, (IMAGES, 5, 3))}),
    }
    return {
        measure: Statistics(task, classes, names, answered, attributes, parts)
        for measure, (task, classes, parts) in arrays.items()
    }


def contestants() -> dict[str, tuple[Callable[[], object], int]]:
    """What is measured, and by how much its seconds are multiplied."""
    conditions = Conditions(by=("group",), draws=DRAWS)
    found: dict[str, tuple[Callable[[], object], int]] = {}
    data = tables()
    for measure, statistics in data.items():
        groups, chosen = find_groups(statistics, conditions.by), measures_of(statistics)[measure]

        def run(statistics: Statistics = statistics, groups: list = groups, chosen: object = chosen) -> object:
            return group_rows(statistics, groups, chosen, conditions, np.random.default_rng(0))

        drawn = "closed form" if measure == "accuracy" else f"{DRAWS} draws"
        found[f"{measure}, {drawn}"] = (run, 1)
    theirs = fairlearn(data["accuracy"])
    return found | ({"accuracy, fairlearn (100 draws x 20)": (theirs, DRAWS // FAIRLEARN_DRAWS)} if theirs else {})


def fairlearn(statistics: Statistics) -> Callable[[], object] | None:
    """The peer, where it is installed."""
    try:
        from fairlearn.metrics import MetricFrame
    except ImportError:
        print("fairlearn is not installed")
        return None

    def accuracy(truth: np.ndarray, answer: np.ndarray) -> float:
        return float((truth == answer).mean())

    def run() -> object:
        frame = MetricFrame(
            metrics=accuracy,
            y_true=statistics.arrays["truth"],
            y_pred=statistics.arrays["answer"],
            sensitive_features=np.array(statistics.attributes["group"]),
            n_boot=FAIRLEARN_DRAWS,
            ci_quantiles=[0.025, 0.975],
            random_state=0,
        )
        return frame.by_group_ci

    return run


def main() -> None:
    torch.set_num_threads(1)
    print(f"{GROUPS} groups, {IMAGES} images, {machine()}; processor seconds, fastest and slowest of {ROUNDS}")
    for name, (run, times) in contestants().items():
        seconds = []
        for _ in range(ROUNDS if times == 1 else 1):
            start = time.process_time()
            run()
            seconds.append(times * (time.process_time() - start))
        print(f"{name:40} {min(seconds):8.3f} {max(seconds):8.3f}")


if __name__ == "__main__":
    main()

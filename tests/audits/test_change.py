"""A new model against the old one, on the same images: paired, whatever the order of the tables."""

from dataclasses import replace

import numpy as np
import pytest

from pixelwise.audits import Conditions, Statistics
from pixelwise.audits.change import change_rows
from pixelwise.audits.gate import judged
from pixelwise.audits.groups import find_groups
from pixelwise.audits.intervals import paired_rate_difference
from pixelwise.audits.measures import measures_of
from pixelwise.audits.subgroups import GroupRow
from pixelwise.errors import InputError


def classified(right: np.ndarray) -> Statistics:
    count = len(right)
    side = tuple("l" if number % 2 else "r" for number in range(count))
    names = tuple(f"{number}.png" for number in range(count))
    arrays = {"truth": np.ones(count, np.int64), "answer": right.astype(np.int64)}
    return Statistics("classification", ("no", "yes"), names, ("answered",) * count, {"side": side}, arrays)


def rows_of(new: Statistics, old: Statistics, measure: str = "accuracy", **settings: object) -> list[GroupRow]:
    conditions = Conditions(by=("side",), **settings)  # type: ignore[arg-type]
    groups = find_groups(new, conditions.by)
    rows = change_rows(new, old, groups, measures_of(new)[measure], conditions, np.random.default_rng(0))
    return list(judged(rows, conditions))


def shuffled(statistics: Statistics) -> Statistics:
    order = np.random.default_rng(1).permutation(len(statistics))
    return replace(
        statistics,
        names=tuple(statistics.names[place] for place in order),
        outcomes=tuple(statistics.outcomes[place] for place in order),
        arrays={name: array[order] for name, array in statistics.arrays.items()},
    )


def test_a_model_that_got_worse_on_one_group_fails_there() -> None:
    rng = np.random.default_rng(0)
    before = rng.random(400) < 0.9
    after = before & ~((np.arange(400) % 2 == 1) & (rng.random(400) < 0.25))
    everything, left, right = rows_of(classified(after), shuffled(classified(before)))
    assert (left.group, left.decision, right.decision) == ("l", "fail", "pass")
    expected = paired_rate_difference(before[1::2], after[1::2])
    assert (left.gap, left.gap_lo, left.gap_hi) == pytest.approx((expected.value, expected.lo, expected.hi))
    assert left.value == pytest.approx(after[1::2].mean())
    assert everything.gap == pytest.approx((left.gap + right.gap) / 2) and everything.decision == "fail"


def test_the_same_model_is_no_worse() -> None:
    same = classified(np.random.default_rng(0).random(400) < 0.9)
    assert [row.decision for row in rows_of(same, same)] == ["pass"] * 3
    assert all(row.gap == 0 for row in rows_of(same, same))


def test_pairs_are_told_apart_where_groups_are_not() -> None:
    """A loss of 0.02 IoU on every image is certain, though images differ by far more."""
    rng = np.random.default_rng(0)
    right = rng.integers(200, 900, 80)

    def table(lost: int) -> Statistics:
        counts = np.stack([np.stack([right - lost, 0 * right, 1000 - right + lost], axis=1)] * 2, axis=1)
        names = tuple(map(str, range(80)))
        side = ("l", "r") * 40
        return Statistics("segmentation", ("a", "b"), names, ("answered",) * 80, {"side": side}, {"counts": counts})

    rows = rows_of(table(20), table(0), "mean_iou", margin=0.01, draws=500)
    assert [row.decision for row in rows] == ["fail"] * 3
    assert all(row.gap == pytest.approx(0.02) for row in rows)


def test_other_images_and_other_classes_are_refused() -> None:
    new = classified(np.ones(6))
    old = classified(np.ones(8))
    for first, second in ((new, old), (old, new)):
        with pytest.raises(InputError, match="the same images"):
            rows_of(first, second)
    with pytest.raises(InputError, match="two models of classification with the classes no, yes"):
        rows_of(new, replace(new, classes=("yes", "no")))

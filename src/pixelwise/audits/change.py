"""Is a new model no worse than the old one, on any group? Both answer the same images, so differences are paired."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pixelwise.audits.conditions import Conditions
from pixelwise.audits.exceedance import paired_excess_p
from pixelwise.audits.groups import Group
from pixelwise.audits.intervals import critical, few, paired_rate_difference, wilson
from pixelwise.audits.jackknife import change_errors
from pixelwise.audits.measures import Measure, SumMeasure, measures_of
from pixelwise.audits.resampling import Weights, bootstrap, cluster_numbers
from pixelwise.audits.statistics.table import Statistics
from pixelwise.audits.subgroups import EVERYTHING, GroupRow, cluster_column, units_of
from pixelwise.errors import InputError


def change_rows(
    new: Statistics,
    old: Statistics,
    groups: Sequence[Group],
    measure: Measure,
    conditions: Conditions,
    rng: np.random.Generator,
) -> list[GroupRow]:
    """A row for all images and one for each group: the new model's value, and by how much it is worse than the old.

    The rows are as those of `group_rows`, but for the gap: it is to the old model on the same images, and all images
    have one too.

    Args:
        new: the table of the model to be judged.
        old: the table of the other model, on the same images, in any order.
        groups: groups of the new table's images.
        measure: one measure of the new table.
        conditions: margin, level, draws, clusters.
        rng: the source of all draws.

    Raises:
        InputError: the tables are of different tasks, classes or images.
    """
    if (old.task, old.classes) != (new.task, new.classes):
        raise InputError(
            f"two models of {new.task} with the classes {', '.join(new.classes[:8])}",
            f"{old.task} with {', '.join(old.classes[:8])}",
            hint="compare models of one task, trained for the same classes",
        )
    before = measures_of(_reordered(old, new))[measure.name]
    margin = conditions.margin_of(measure.name, measure.margin)
    everything = Group("", EVERYTHING, np.ones(len(new), dtype=np.bool_))
    chosen = [everything, *groups]
    if isinstance(measure, SumMeasure) and isinstance(before, SumMeasure) and _is_paired(measure, before, conditions):
        return [_rate_row(measure, before, group, margin, float(conditions.level)) for group in chosen]
    return _resampled_rows(new, (measure, before), chosen, margin, conditions, rng)


def _reordered(old: Statistics, new: Statistics) -> Statistics:
    """The old table with its images in the new one's order.

    Raises:
        InputError: the images are not the same.
    """
    places = old.rows(new.names)
    if len(old) != len(new):
        new.rows(old.names)
    if (places == np.arange(len(places))).all():
        return old
    if old.task == "detection":
        raise InputError("the images in the same order", "another order", "collect both tables from the same folder")
    return replace(
        old,
        names=new.names,
        outcomes=tuple(old.outcomes[place] for place in places),
        arrays={name: array[places] for name, array in old.arrays.items()},
    )


def _is_paired(measure: SumMeasure, before: SumMeasure, conditions: Conditions) -> bool:
    """Whether both models are asked the same yes-or-no question on the same independent images."""
    same = np.array_equal(measure.columns[:, 1], before.columns[:, 1])
    return measure.rate and same and not conditions.clusters


def _rate_row(measure: SumMeasure, before: SumMeasure, group: Group, margin: float, level: float) -> GroupRow:
    counted = group.inside & (measure.columns[:, 1] > 0)
    now, then = (each.columns[counted, 0] > 0 for each in (measure, before))
    low, high = wilson(now.sum(), len(now), critical(level))
    first, second = (then, now) if measure.higher_is_better else (now, then)
    gap = paired_rate_difference(first, second, level)
    value = float(now.mean()) if len(now) else float("nan")
    return GroupRow(
        group.attribute,
        group.value,
        measure.name,
        len(now),
        value,
        float(low),
        float(high),
        gap.value,
        gap.lo,
        gap.hi,
        margin,
        paired_excess_p(first, second, margin),
        note=few(len(now)),
    )


def _resampled_rows(
    new: Statistics,
    measures: tuple[Measure, Measure],
    groups: Sequence[Group],
    margin: float,
    conditions: Conditions,
    rng: np.random.Generator,
) -> list[GroupRow]:
    clusters = cluster_column(new, conditions)
    masks = np.stack([group.inside for group in groups], axis=1)
    sign = 1.0 if measures[0].higher_is_better else -1.0

    def score(weights: Weights) -> NDArray[np.float64]:
        now, then = (measure.groups_and_rests(weights, masks)[0] for measure in measures)
        return np.concatenate([now, sign * (then - now)], axis=1)

    found = bootstrap(score, len(new), rng, conditions.draws, clusters)
    errors = change_errors(*measures, masks, cluster_numbers(len(new), clusters), rng)
    rows = []
    for place, group in enumerate(groups):
        units, level = units_of(group.inside, clusters), float(conditions.level)
        shown, gap = found.interval(place, level, units), found.interval(len(groups) + place, level, units)
        rows.append(
            GroupRow(
                group.attribute,
                group.value,
                measures[0].name,
                units,
                shown.value,
                shown.lo,
                shown.hi,
                gap.value,
                gap.lo,
                gap.hi,
                margin,
                errors.excess_p(place, gap.value, margin),
                note=shown.caution or gap.caution,
            )
        )
    return rows

"""One tidy table: each group and measure with its value, its gap to all other images, and the intervals of both."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pixelwise.audits.conditions import Conditions
from pixelwise.audits.exceedance import excess_p
from pixelwise.audits.groups import Group
from pixelwise.audits.intervals import Numbers, critical, few, newcombe, wilson
from pixelwise.audits.jackknife import Errors, gap_errors
from pixelwise.audits.measures import Measure, SumMeasure
from pixelwise.audits.resampling import Replicates, Weights, bootstrap, cluster_numbers
from pixelwise.audits.statistics.table import Statistics
from pixelwise.errors import InputError

Decision = Literal["pass", "fail", "inconclusive", "too few", "nothing", ""]
"""Too few: below the minimum. Nothing: the group, or all other images, have nothing that the measure counts, so that
there is no gap. Empty: not judged yet."""

EVERYTHING = "all images"

NAN = float("nan")


@dataclass(frozen=True)
class GroupRow:
    """One line of the table.

    `n` counts independent units: images, or clusters, that the value rests on. `gap` is by how much the group is worse
    than all other images, whatever the measure's direction; negative where it is better. `p` is the one-sided p-value
    that the gap is no larger than `margin`, `p_adj` the same corrected for all that was judged, `needed` the number of
    units at which the same gap could be decided (0 where it is, or never).
    """

    attribute: str
    group: str
    metric: str
    n: int
    value: float
    lo: float
    hi: float
    gap: float = NAN
    gap_lo: float = NAN
    gap_hi: float = NAN
    margin: float = NAN
    p: float = NAN
    p_adj: float = NAN
    decision: Decision = ""
    needed: int = 0
    note: str = ""

    @property
    def name(self) -> str:
        """The group in words, such as "light = dark"."""
        return f"{self.attribute} = {self.group}" if self.attribute else self.group


def group_rows(
    statistics: Statistics,
    groups: Sequence[Group],
    measure: Measure,
    conditions: Conditions,
    rng: np.random.Generator,
) -> list[GroupRow]:
    """A row for all images and one for each group, not judged yet.

    Rates of images have closed intervals (Wilson, and Newcombe for the gap); everything else, and everything with
    clusters, is resampled by image or cluster, and its p-values come from leaving out one at a time.

    Args:
        statistics: the table.
        groups: from `find_groups`.
        measure: one measure of the table.
        conditions: margin, level, draws, clusters.
        rng: the source of all draws.

    Raises:
        InputError: no attribute of the name of the clusters.
    """
    margin = conditions.margin_of(measure.name, measure.margin)
    if isinstance(measure, SumMeasure) and measure.rate and not conditions.clusters:
        return _rate_rows(measure, groups, margin, float(conditions.level))
    return _resampled_rows(statistics, groups, measure, margin, conditions, rng)


def _rate_rows(measure: SumMeasure, groups: Sequence[Group], margin: float, level: float) -> list[GroupRow]:
    total = measure.columns.sum(0)
    inside = np.stack([np.ones(len(measure.columns), dtype=np.bool_), *(group.inside for group in groups)])
    right, units = (inside @ measure.columns).T
    rest_right, rest_units = total[0] - right, total[1] - units
    z = critical(level)
    low, high = wilson(right, units, z)
    first, second = ((rest_right, rest_units), (right, units))
    if not measure.higher_is_better:
        first, second = second, first
    gap_low, gap_high = newcombe(*first, *second, z)
    p = excess_p(*first, *second, margin)
    with np.errstate(invalid="ignore", divide="ignore"):
        value, gap = right / units, first[0] / first[1] - second[0] / second[1]
    rows = []
    for place, (attribute, name) in enumerate(_names(groups)):
        count = int(units[place])
        middle, lower, upper = (float(part[place]) for part in (value, low, high))
        row = GroupRow(attribute, name, measure.name, count, middle, lower, upper, note=few(count))
        if place:
            far, near, wide = (float(part[place]) for part in (gap, gap_low, gap_high))
            row = replace(row, gap=far, gap_lo=near, gap_hi=wide, margin=margin, p=float(p[place]))
        rows.append(row)
    return rows


def _resampled_rows(
    statistics: Statistics,
    groups: Sequence[Group],
    measure: Measure,
    margin: float,
    conditions: Conditions,
    rng: np.random.Generator,
) -> list[GroupRow]:
    count, level = len(groups), float(conditions.level)
    clusters = cluster_column(statistics, conditions)
    masks = np.stack([np.ones(len(statistics), dtype=np.bool_), *(group.inside for group in groups)], axis=1)
    sign = 1.0 if measure.higher_is_better else -1.0

    def score(weights: Weights) -> NDArray[np.float64]:
        values, rests = measure.groups_and_rests(weights, masks)
        return np.concatenate([values, sign * (rests - values)[:, 1:]], axis=1)

    found = bootstrap(score, len(statistics), rng, conditions.draws, clusters)
    errors = gap_errors(measure, masks, cluster_numbers(len(statistics), clusters), rng)
    units = [units_of(mask, clusters) for mask in masks.T]
    rows = []
    for place, (attribute, name) in enumerate(_names(groups)):
        shown = found.interval(place, level, units[place])
        row = GroupRow(attribute, name, measure.name, units[place], shown.value, shown.lo, shown.hi, note=shown.caution)
        rows.append(_with_gap(row, found, count + place, margin, level, errors, place) if place else row)
    return rows


def _with_gap(
    row: GroupRow, found: Replicates, column: int, margin: float, level: float, errors: Errors, place: int
) -> GroupRow:
    gap = found.interval(column, level, row.n)
    p = errors.excess_p(place, gap.value, margin)
    return replace(row, gap=gap.value, gap_lo=gap.lo, gap_hi=gap.hi, margin=margin, p=p, note=row.note or gap.caution)


def cluster_column(statistics: Statistics, conditions: Conditions) -> Numbers | None:
    """What each image belongs to, or None without clusters; images without a value are each on their own.

    Raises:
        InputError: no attribute of that name.
    """
    if not conditions.clusters:
        return None
    if conditions.clusters not in statistics.attributes:
        raise InputError(
            f"clusters that are an attribute of the data ({', '.join(statistics.attributes) or 'it has none'})",
            repr(conditions.clusters),
            hint="add a column to attributes.csv, or check the name",
        )
    column = statistics.attributes[conditions.clusters]
    return np.array([value or f"\0{number}" for number, value in enumerate(column)])


def units_of(inside: NDArray[np.bool_], clusters: Numbers | None) -> int:
    """How many independent units a group has: images, or clusters."""
    return int(inside.sum()) if clusters is None else len(np.unique(np.asarray(clusters)[inside]))


def _names(groups: Sequence[Group]) -> list[tuple[str, str]]:
    return [("", EVERYTHING), *((group.attribute, group.value) for group in groups)]

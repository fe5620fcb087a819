"""Which images belong together: by an attribute, by a measured number cut in three, or by several of them at once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray

from pixelwise.audits.statistics.derived import DERIVED
from pixelwise.audits.statistics.table import Statistics
from pixelwise.data.crossed import crossed_name, crossed_parts
from pixelwise.errors import InputError

MOST_VALUES = 24
"""More groups of one attribute than this cannot be judged together: each correction for their number costs power."""

MOST_WHOLE_VALUES = 8
"""Numbers with no more distinct values than this are groups as they stand, such as a count of objects."""

PARTS = 3
"""Numbers are cut into low, middle and high, each with a third of the images."""

MISSING = "(none)"
"""The value of an image without one."""


@dataclass(frozen=True, eq=False)
class Group:
    """Some of the images: those with one value of an attribute, or one value of each of several."""

    attribute: str
    value: str
    inside: Bool[np.ndarray, " N"]

    @property
    def name(self) -> str:
        """Such as "light = dark"."""
        return f"{self.attribute} = {self.value}"


def find_groups(statistics: Statistics, by: Sequence[str]) -> list[Group]:
    """The groups of each attribute, or of attributes crossed, in the order asked for, values in order.

    Combinations that no image has are left out.

    Args:
        statistics: the table.
        by: names of attributes or of measured numbers; "light*background" crosses two.

    Raises:
        InputError: no such attribute, the same attribute twice, or one with so many values that no group can be judged.
    """
    if len(set(by)) < len(by):
        raise InputError("each attribute once", f"{list(by)}", hint="leave out what is there twice")
    return [group for each in by for group in _crossed(statistics, each)]


def derived_names(by: Sequence[str], attributes: Sequence[str]) -> list[str]:
    """The numbers that must be measured for these groups: names of `DERIVED` that are no attribute of the data."""
    names = dict.fromkeys(name for each in by for name in crossed_parts(each))
    return [name for name in names if name in DERIVED and name not in attributes]


@dataclass(frozen=True, eq=False)
class _Column:
    """The value of one attribute for each image, and the values in order."""

    values: NDArray[Any]
    order: Sequence[str]


def _crossed(statistics: Statistics, name: str) -> list[Group]:
    parts = crossed_parts(name)
    columns = [_column(statistics, part) for part in parts]
    names = crossed_name(parts)
    groups = []
    for values in product(*(column.order for column in columns)):
        each = [column.values == value for column, value in zip(columns, values, strict=True)]
        inside = np.logical_and.reduce(each)
        if inside.any():
            groups.append(Group(names, crossed_name(values), inside))
    return groups


def _column(statistics: Statistics, name: str) -> _Column:
    """The group of each image by one attribute."""
    if name in statistics.attributes:
        words = [value or MISSING for value in statistics.attributes[name]]
        distinct = set(words)
        numbers = _as_numbers(words)
        if numbers is not None and len(distinct) > MOST_WHOLE_VALUES:
            return _thirds(numbers)
        if len(distinct) > MOST_VALUES:
            raise InputError(
                f"an attribute with at most {MOST_VALUES} values, or with numbers",
                f"{name} with {len(distinct)}, such as {', '.join(sorted(distinct)[:3])}",
                hint="join values into fewer in attributes.csv; what tells apart videos or patients goes to clusters",
            )
        return _Column(np.array(words), sorted(distinct, key=lambda word: (word == MISSING, word)))
    if name in statistics.numbers:
        return _thirds(statistics.numbers[name])
    raise InputError(
        f"an attribute of the data ({', '.join(statistics.attributes) or 'it has none'}) or one that can be measured "
        f"({', '.join(DERIVED)})",
        repr(name),
        hint="check the name, or add a column to attributes.csv",
    )


def _as_numbers(words: Sequence[str]) -> NDArray[np.float64] | None:
    """The column as numbers, NaN where there is no value; None where it holds words."""
    try:
        return np.array([math.nan if word == MISSING else float(word) for word in words])
    except ValueError:
        return None


def _thirds(numbers: NDArray[np.float64]) -> _Column:
    """Low, middle or high with the ends of each part; equal numbers stay together, and parts without any are left out.

    Not-a-number and infinity count as missing.
    """
    finite = np.isfinite(numbers)
    values = np.full(len(numbers), MISSING, dtype=object)
    if not finite.any():
        return _Column(values.astype(np.str_), [MISSING])
    known = numbers[finite]
    edges = np.unique(np.quantile(known, np.arange(1, PARTS) / PARTS, method="lower"))
    edges = edges[edges < known.max()]
    ends = [f"{edge:.3g}" for edge in edges]
    names = {0: ["any"], 1: ["low", "high"], 2: ["low", "middle", "high"]}[len(ends)]
    ranges = (
        [f"up to {ends[0]}", *(f"{low} to {high}" for low, high in pairwise(ends)), f"above {ends[-1]}"]
        if ends
        else [""]
    )
    labels = [f"{name} ({span})" if span else name for name, span in zip(names, ranges, strict=True)]
    values[finite] = np.array(labels, dtype=object)[np.searchsorted(edges, known, side="left")]
    return _Column(values.astype(np.str_), labels if finite.all() else [*labels, MISSING])

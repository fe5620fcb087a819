"""Whether printed rates can all be true: is there any way to fill a table with whole people that gives these figures?

Rounded rates of groups and of their unions leave few whole numbers, often one set of them, sometimes none. Then at
least one figure is misprinted or means something else than its label says.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pixelwise.errors import InputError

Whole = NDArray[np.int64]

Table = dict[str, tuple[Whole, Whole]]
"""Per cell the wrong answers and the answers, one row for each way to fill the cells."""

MOST = 500_000_000
"""Combinations to try for one more cell: one or two minutes."""

AT_ONCE = 1_000_000
"""Combinations held in memory at once: 16 MB for each cell of the table."""

MOST_KEPT = 5_000_000
"""Ways to fill the table: with more, its figures say next to nothing."""

ROUNDING = 1e-9
"""Percent: 0.05 as a double is not exactly half of 0.1."""


@dataclass(frozen=True)
class Printed:
    """A printed rate in percent.

    Attributes:
        name: what it is called.
        percent: as printed.
        cells: the cells that it is about, one or several together: wrong answers over answers.
        called: with these, it is instead the precision of the answer that is right for `cells` and wrong for these:
            right answers of `cells` over those plus the wrong ones of `called`.
    """

    name: str
    percent: float
    cells: tuple[str, ...]
    called: tuple[str, ...] = ()


Reading = Mapping[str, tuple[int, int]]
"""One way to fill the table: per cell the wrong answers and the answers."""


def readings(
    sizes: Mapping[str, int], printed: Sequence[Printed], unanswered: int = 0, decimals: int = 1
) -> list[Reading]:
    """All ways to fill the table with whole numbers so that every printed figure comes out; none if they contradict.

    A figure matches if the exact rate is within half a unit of its last digit, both ends included, since halves are
    rounded up by some and to even by others.

    Args:
        sizes: how many there are in each cell.
        printed: the figures.
        unanswered: of each cell, at most this many may have got no answer.
        decimals: digits after the point in the printed percents.

    Raises:
        InputError: negative sizes, a percent outside 0..100, a figure about a cell that is not there, or too many
            combinations to try.
    """
    table = _solved(sizes, printed, unanswered, decimals)
    columns = {cell: zip(*(values.tolist() for values in table[cell]), strict=True) for cell in sizes}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def suspects(
    sizes: Mapping[str, int], printed: Sequence[Printed], unanswered: int = 0, decimals: int = 1
) -> dict[str, tuple[float, float]]:
    """The figures that would resolve a contradiction if one of them was misprinted, with what it could then be.

    Empty for a table without a contradiction, and for one that no single figure explains.

    Args:
        sizes: how many there are in each cell.
        printed: the figures.
        unanswered: of each cell, at most this many may have got no answer.
        decimals: digits after the point in the printed percents.

    Returns:
        Per suspect, the least and the greatest percent that agrees with all the other figures.

    Raises:
        InputError: what `readings` refuses.
    """
    if len(_rows(_solved(sizes, printed, unanswered, decimals))):
        return {}
    found = {}
    for figure in printed:
        others = [other for other in printed if other is not figure]
        table = _solved(sizes, others, unanswered, decimals)
        if len(_rows(table)):
            percents = _percents(figure, table)
            found[figure.name] = (float(np.nanmin(percents)), float(np.nanmax(percents)))
    return found


def _solved(sizes: Mapping[str, int], printed: Sequence[Printed], unanswered: int, decimals: int) -> Table:
    _check(sizes, printed, unanswered)
    half = 0.5 * 10.0**-decimals + ROUNDING
    options = {name: _options(name, size, printed, (unanswered, half)) for name, size in sizes.items()}
    table: Table = {}
    # The cells with the fewest options first, so that figures about several cut the combinations early.
    for name in sorted(options, key=lambda each: len(options[each][0])):
        known = {*table, name}
        about = [figure for figure in printed if name in _cells(figure) <= known]
        table = _joined(table, name, options[name], partial(_fit, about, half=half))
    return table


def _options(name: str, size: int, printed: Sequence[Printed], slack: tuple[int, float]) -> tuple[Whole, Whole]:
    """The pairs of wrong answers and answers that agree with the figures about this cell alone."""
    unanswered, half = slack
    _check_work((size + 1) * (unanswered + 1), name)
    counts = np.arange(max(size - unanswered, 0), size + 1)
    wrong = np.concatenate([np.arange(count + 1) for count in counts])
    answers = np.repeat(counts, counts + 1)
    fits = _fit([figure for figure in printed if _cells(figure) == {name}], {name: (wrong, answers)}, half=half)
    return wrong[fits], answers[fits]


def _joined(table: Table, name: str, options: tuple[Whole, Whole], fit: Callable[[Table], NDArray[np.bool_]]) -> Table:
    """Every row of the table with every option of one more cell, as far as they fit."""
    if not table:
        return {name: options}
    rows, more = len(_rows(table)), len(options[0])
    _check_work(rows * more, name)
    parts: list[Table] = []
    step = max(AT_ONCE // max(more, 1), 1)
    for start in range(0, max(rows, 1), step):
        some = {
            cell: (wrong[start : start + step], answers[start : start + step])
            for cell, (wrong, answers) in table.items()
        }
        grown = {cell: (np.repeat(wrong, more), np.repeat(answers, more)) for cell, (wrong, answers) in some.items()}
        count = len(_rows(some))
        grown[name] = (np.tile(options[0], count), np.tile(options[1], count))
        fits = fit(grown)
        parts.append({cell: (wrong[fits], answers[fits]) for cell, (wrong, answers) in grown.items()})
        if sum(len(_rows(part)) for part in parts) > MOST_KEPT:
            raise InputError(
                f"figures that leave at most {MOST_KEPT:,} ways to fill the table", "more", hint="give more figures"
            )
    return {
        cell: (np.concatenate([part[cell][0] for part in parts]), np.concatenate([part[cell][1] for part in parts]))
        for cell in (*table, name)
    }


def _check_work(combinations: int, name: str) -> None:
    if combinations > MOST:
        raise InputError(
            f"at most {MOST:,} combinations to try",
            f"{combinations:,} for {name!r}",
            hint="give more figures, or allow fewer unanswered",
        )


def _rows(table: Table) -> Whole:
    """One column of the table, for its length."""
    return next(iter(table.values()))[0]


def _cells(figure: Printed) -> set[str]:
    return {*figure.cells, *figure.called}


def _fit(figures: Sequence[Printed], table: Table, *, half: float) -> NDArray[np.bool_]:
    """Which rows give all of these figures."""
    fits = np.ones(len(_rows(table)), dtype=np.bool_)
    for figure in figures:
        fits &= np.abs(_percents(figure, table) - figure.percent) <= half
    return fits


def _percents(figure: Printed, table: Table) -> NDArray[np.float64]:
    """The figure in every row; NaN where it is of nobody."""
    wrong = np.sum([table[cell][0] for cell in figure.cells], axis=0)
    answers = np.sum([table[cell][1] for cell in figure.cells], axis=0)
    parts, wholes = wrong, answers
    if figure.called:
        parts = answers - wrong
        wholes = parts + np.sum([table[cell][0] for cell in figure.called], axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(100 * parts / wholes)


def _check(sizes: Mapping[str, int], printed: Sequence[Printed], unanswered: int) -> None:
    if not sizes or min(*sizes.values(), unanswered) < 0:
        raise InputError(
            "cells with sizes of at least 0", f"{dict(sizes)}, {unanswered} unanswered", hint="count again"
        )
    for figure in printed:
        if not 0 <= figure.percent <= 100:
            raise InputError("percents in 0..100", f"{figure.percent} of {figure.name!r}", hint="0.347 is 34.7 percent")
        unknown = [cell for cell in (*figure.cells, *figure.called) if cell not in sizes]
        if unknown or not figure.cells:
            raise InputError(
                f"figures about cells of the table ({', '.join(sizes)})",
                f"{figure.name!r} about {unknown[0] if unknown else 'none'}",
                hint="give its size, or leave the figure out",
            )

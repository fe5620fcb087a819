"""Yes-or-no decisions by group, and the two ways in which they go wrong: flagged for nothing, or missed.

Groups can be treated alike by one of the measures and unlike by another: of two groups in which it happens unlike
often, no instrument short of a perfect one can have equal precision and equal errors (Chouldechova 2017).
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pixelwise.audits.intervals import Interval, rate
from pixelwise.data.tables import read_utf8
from pixelwise.errors import InputError

HINT = "the first line of a CSV file holds the titles of its columns"


@dataclass(frozen=True)
class Decisions:
    """Of one group, how many were flagged or not, and whether it then happened or not."""

    flagged_happened: int
    flagged_not: int
    passed_happened: int
    passed_not: int

    @property
    def total(self) -> int:
        """Everybody in the group."""
        return self.flagged_happened + self.flagged_not + self.passed_happened + self.passed_not

    def false_positive_rate(self) -> Interval:
        """Flagged, of those to whom it did not happen."""
        return rate(self.flagged_not, self.flagged_not + self.passed_not)

    def false_negative_rate(self) -> Interval:
        """Not flagged, of those to whom it happened."""
        return rate(self.passed_happened, self.passed_happened + self.flagged_happened)

    def precision(self) -> Interval:
        """To whom it happened, of those flagged."""
        return rate(self.flagged_happened, self.flagged_happened + self.flagged_not)

    def base_rate(self) -> Interval:
        """To whom it happened, of everybody."""
        return rate(self.flagged_happened + self.passed_happened, self.total)


def count_decisions(groups: Sequence[str], flagged: ArrayLike, happened: ArrayLike) -> dict[str, Decisions]:
    """The counts of each group, the largest first.

    Args:
        groups: of each person.
        flagged: whether the decision was yes.
        happened: whether what it was about came true.

    Raises:
        InputError: lists of unlike lengths or of other values than yes and no.
    """
    names, yes, true = np.asarray(groups, dtype=np.str_), _booleans(flagged), _booleans(happened)
    if not len(names) == len(yes) == len(true):
        raise InputError(
            "a group, a decision and an outcome for each person",
            f"{len(names)}, {len(yes)} and {len(true)} of them",
            hint="leave out those who lack one, and say how many they are",
        )
    found = {}
    for name in np.unique(names).tolist():
        mine = names == name
        cells = [(yes & true), (yes & ~true), (~yes & true), (~yes & ~true)]
        found[name] = Decisions(*(int((mine & cell).sum()) for cell in cells))
    return dict(sorted(found.items(), key=lambda item: -item[1].total))


def read_columns(path: Path, titles: Sequence[str]) -> Mapping[str, list[str]]:
    """Some columns of a CSV file, by title.

    A title may stand there twice, as some published files have it, if both columns say the same; readers that keep
    rows as dictionaries silently keep the last one.

    Raises:
        InputError: naming the file: a title that is not there, a row of another length, or two columns of one title
            that differ, with their places and the first line where they do.
    """
    reader = csv.reader(io.StringIO(read_utf8(path, HINT), newline=""))
    header = [title.strip() for title in next(reader, [])]
    rows = [(reader.line_num, cells) for cells in reader if cells]
    for line, cells in rows:
        if len(cells) != len(header):
            raise InputError(f"{len(header)} cells in each line", f"{path} line {line}: {len(cells)}", hint=HINT)
    return {title: _column(path, title, header, rows) for title in titles}


def _column(path: Path, title: str, header: Sequence[str], rows: Sequence[tuple[int, list[str]]]) -> list[str]:
    places = [place for place, each in enumerate(header) if each == title]
    if not places:
        raise InputError(f"a column {title!r}", f"{path} with {', '.join(header[:12])} ...", hint=HINT)
    for line, cells in rows:
        if any(cells[place] != cells[places[0]] for place in places):
            raise InputError(
                f"one column {title!r}",
                f"{path}: columns {' and '.join(str(place + 1) for place in places)}, unlike in line {line}",
                hint="rename one of them in the first line",
            )
    return [cells[places[0]] for _, cells in rows]


def _booleans(values: ArrayLike) -> NDArray[np.bool_]:
    found = np.asarray(values)
    if found.ndim != 1 or not np.isin(found, (0, 1)).all():
        wrong = found[~np.isin(found, (0, 1))] if found.ndim == 1 else found
        raise InputError("a flat list of yes and no", f"{wrong[:1].tolist()}", hint="pass True and False, or 1 and 0")
    return found.astype(np.bool_)

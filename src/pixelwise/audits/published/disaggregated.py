"""One table of rates for everybody, each attribute and each combination of them, from counts of a classifier's answers.

The form is that of Gender Shades (Buolamwini, Gebru 2018), with three things told apart that tables often mix: whether
a rate is of images or of answered images, an error (1 - recall: of those who are so) from a precision (of those who
were called so), and a wrong answer from none at all, such as a face that was not detected.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from pixelwise.audits.intervals import Interval, rate, rate_difference
from pixelwise.errors import InputError

EVERYBODY = "all"


@dataclass(frozen=True)
class Cell:
    """A subgroup and what became of its images.

    Attributes:
        attributes: who they are, such as {"skin": "darker", "gender": "female"}.
        images: how many there are.
        wrong: how many got a wrong answer.
        unanswered: how many got none.
    """

    attributes: Mapping[str, str]
    images: int
    wrong: int
    unanswered: int = 0

    def __post_init__(self) -> None:
        if min(self.images, self.wrong, self.unanswered) < 0 or self.wrong + self.unanswered > self.images:
            raise InputError(
                "counts of at least 0, wrong and unanswered together at most the images",
                f"{self.wrong} wrong and {self.unanswered} unanswered of {self.images} of {dict(self.attributes)}",
                hint="wrong counts answers only",
            )

    def right(self) -> int:
        """How many got the right answer."""
        return self.images - self.wrong - self.unanswered


@dataclass(frozen=True)
class Row:
    """A rate of one group: which, of whom, and with its interval (Wilson)."""

    group: str
    measure: str
    of: str
    hits: int
    total: int

    def interval(self, level: float = 0.95) -> Interval:
        """The rate with its interval; NaN where there is nobody."""
        return rate(self.hits, self.total, level)


def disaggregate(cells: Sequence[Cell], truth: str) -> list[Row]:
    """The rates of everybody, of each value of each attribute, and of each combination.

    Measures: "error" and "unanswered" of all groups, "failed" (either of them), and where the truth has two values
    also "precision": of those who were called so, who are.

    Args:
        cells: the finest groups, each once.
        truth: the attribute that the classifier answers.

    Raises:
        InputError: no cells, cells with unlike attributes or twice the same, or an attribute that none has.
    """
    _check(cells, truth)
    values = list(dict.fromkeys(cell.attributes[truth] for cell in cells))
    rows = []
    for wanted in _groups(cells):
        members = [cell for cell in cells if wanted.items() <= dict(cell.attributes).items()]
        rows += _rates(_name(wanted), members)
        if len(values) == 2 and truth in wanted:
            context = {name: value for name, value in wanted.items() if name != truth}
            others = [cell for cell in cells if context.items() <= dict(cell.attributes).items()]
            rows.append(_precision(_name(wanted), truth, wanted[truth], others))
    return rows


def difference(rows: Sequence[Row], measure: str, group: str, other: str, level: float = 0.95) -> Interval:
    """The first group's rate minus the other's, with Newcombe's interval.

    Raises:
        InputError: a group or measure that the rows do not have.
    """
    first, second = (_find(rows, measure, name) for name in (group, other))
    return rate_difference(first.hits, first.total, second.hits, second.total, level)


def _find(rows: Sequence[Row], measure: str, group: str) -> Row:
    for row in rows:
        if (row.measure, row.group) == (measure, group):
            return row
    known = ", ".join(row.group for row in rows if row.measure == measure) or "none"
    raise InputError(f"a group with the measure {measure!r}", repr(group), hint=f"there are: {known}")


def _groups(cells: Sequence[Cell]) -> Iterator[dict[str, str]]:
    """Nobody chosen, one attribute chosen, two, ...; values in the order of the cells."""
    names = list(cells[0].attributes)
    for count in range(len(names) + 1):
        for chosen in combinations(names, count):
            seen = dict.fromkeys(tuple(cell.attributes[name] for name in chosen) for cell in cells)
            yield from (dict(zip(chosen, values, strict=True)) for values in seen)


def _name(wanted: Mapping[str, str]) -> str:
    return " ".join(wanted.values()) or EVERYBODY


def _rates(group: str, members: Sequence[Cell]) -> list[Row]:
    images, wrong = sum(cell.images for cell in members), sum(cell.wrong for cell in members)
    unanswered = sum(cell.unanswered for cell in members)
    return [
        Row(group, "error", f"answered images of {group}", wrong, images - unanswered),
        Row(group, "unanswered", f"images of {group}", unanswered, images),
        Row(group, "failed", f"images of {group}", wrong + unanswered, images),
    ]


def _precision(group: str, truth: str, value: str, others: Sequence[Cell]) -> Row:
    """With two values, who is answered wrongly is called the other one."""
    right = sum(cell.right() for cell in others if cell.attributes[truth] == value)
    called = right + sum(cell.wrong for cell in others if cell.attributes[truth] != value)
    return Row(group, "precision", f"images called {group}", right, called)


def _check(cells: Sequence[Cell], truth: str) -> None:
    if not cells:
        raise InputError("cells with counts", "none", hint="give one Cell for each subgroup")
    names = list(cells[0].attributes)
    for cell in cells:
        if list(cell.attributes) != names or truth not in names:
            raise InputError(
                f"cells with the attributes {names}, {truth!r} among them",
                f"{dict(cell.attributes)}",
                hint="name the same attributes in the same order in every cell",
            )
    seen = [tuple(cell.attributes.values()) for cell in cells]
    if twice := [values for values in seen if seen.count(values) > 1]:
        raise InputError("each subgroup once", f"{' '.join(twice[0])} twice", hint="add their counts up")

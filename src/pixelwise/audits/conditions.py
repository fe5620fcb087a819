"""What a model must meet to pass, as plain settings or a small TOML file that a review can read."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from pixelwise.audits.intervals import Number
from pixelwise.audits.resampling import DRAWS
from pixelwise.data.tables import read_utf8
from pixelwise.errors import InputError

HINT = 'such as: by = ["light"] and margin = 0.05'

MOST_DRAWS = 100_000
"""More would take hours and show nothing that the images do not say."""


@dataclass(frozen=True)
class Conditions:
    """The settings of an audit.

    Attributes:
        by: attributes whose groups are judged; "light*background" crosses two.
        margin: the gap to all other images that does not matter, in the measure's own unit: one number for the task's
            main measure, or one for each measure that is to be judged; None for the main measure's usual one.
        alpha: how often a model without any gap beyond the margin may fail, over all groups and measures together.
        level: of the intervals shown; a group passes when its interval ends within the margin.
        minimum: groups with fewer images than this are listed and not judged.
        fail_on_inconclusive: whether groups that cannot be judged or decided keep the model from passing.
        clusters: attribute whose images belong together (a video, a patient) and are drawn together; "" for none.
        draws: of the bootstrap.
        seed: of the one generator behind all draws.

    >>> Conditions(by=("light",), margin={"mean_iou": 0.1}).alpha
    0.05
    """

    by: tuple[str, ...] = ()
    margin: Mapping[str, Number] | Number | None = None
    alpha: Number = 0.05
    level: Number = 0.95
    minimum: int = 10
    fail_on_inconclusive: bool = True
    clusters: str = ""
    draws: int = DRAWS
    seed: int = 0

    def __post_init__(self) -> None:
        """Checks the ranges.

        Raises:
            InputError: a setting that no audit can follow.
        """
        for name, low, high in (("alpha", 0, 1), ("level", 0, 1)):
            value = getattr(self, name)
            if not low < value < high:
                raise InputError(f"{name} between {low} and {high}", f"{value}", hint="0.05 and 0.95 are usual")
        for name, least, most in (("minimum", 2, None), ("draws", 100, MOST_DRAWS), ("seed", 0, None)):
            value = getattr(self, name)
            if value < least or (most is not None and value > most):
                bound = f"{least} or more" if most is None else f"{least} to {most}"
                raise InputError(f"{name} of {bound}", f"{value}", hint=f"leave {name} out for the usual one")
        margins = self.margin if isinstance(self.margin, Mapping) else {"the main measure": self.margin}
        for measure, margin in margins.items():
            if margin is not None and not 0 <= margin < float("inf"):
                raise InputError(f"a margin of 0 or more for {measure}", f"{margin}", hint="0.05 is five points")

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures that are named; empty for the task's main one."""
        return tuple(self.margin) if isinstance(self.margin, Mapping) else ()

    def margin_of(self, measure: str, usual: Number) -> float:
        """The margin of a measure, whose usual one is given."""
        found = self.margin.get(measure) if isinstance(self.margin, Mapping) else self.margin
        return float(usual if found is None else found)

    def with_groups(self, by: tuple[str, ...]) -> "Conditions":
        """The same conditions for further groups."""
        return replace(self, by=tuple(dict.fromkeys((*self.by, *by))))


def read_conditions(path: Path) -> Conditions:
    """Conditions from a TOML file whose keys are the fields of `Conditions`; `margin` is a number or a table of them.

    Raises:
        InputError: naming the file: missing, no TOML, an unknown key, a value of another kind or out of range.
    """
    text = read_utf8(path, HINT)
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise InputError("a TOML file", f"{path}: {problem}", hint=HINT) from problem
    known = [field.name for field in fields(Conditions)]
    unknown = [name for name in found if name not in known]
    if unknown:
        raise InputError(f"the keys {', '.join(known)}", f"{unknown[0]!r} in {path}", hint=HINT)
    fault = next((name for name, value in found.items() if not _fits(name, value)), None)
    if fault is not None:
        raise InputError(f"{KINDS[fault]} for {fault}", f"{found[fault]!r} in {path}", hint=HINT)
    try:
        return Conditions(**found | {"by": tuple(found.get("by", ()))})
    except InputError as problem:
        raise InputError(problem.wanted, f"{problem.got} in {path}", problem.hint) from problem


KINDS = {
    "by": "a list of words",
    "margin": "a number, or a table of numbers by measure",
    "alpha": "a number",
    "level": "a number",
    "minimum": "a whole number",
    "fail_on_inconclusive": "true or false",
    "clusters": "a word",
    "draws": "a whole number",
    "seed": "a whole number",
}


def _fits(name: str, value: Any) -> bool:
    kind = KINDS[name]
    if kind == "a list of words":
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    if isinstance(value, dict):
        return name == "margin" and all(_is_number(each) for each in value.values())
    if kind == "true or false":
        return isinstance(value, bool)
    if kind == "a word":
        return isinstance(value, str)
    return _is_number(value) and (kind != "a whole number" or isinstance(value, int))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

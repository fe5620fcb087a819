"""Checks of a recipe's settings, whatever the recipe: kinds, choices, ranges, names."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from pixelwise.errors import InputError

Recipe = TypeVar("Recipe")

Ranges = Mapping[str, tuple[float | int, float | int]]
"""The smallest and largest value of settings that are numbers, both allowed."""

KINDS: dict[Any, type | tuple[type, ...]] = {
    bool: bool,
    int: int,
    float: (int, float),
    str: str,
    dict[str, Any]: dict,
}
"""Which Python values each kind of setting takes; a bool is an int to Python, but no number to a user."""


def check_settings(settings: Any, ranges: Ranges) -> None:
    """Makes sure that every field of a recipe may have its value.

    Raises:
        InputError: one is of another kind, no choice, or out of range.
    """
    for each in dataclasses.fields(settings):
        check_setting(type(settings), ranges, each.name, getattr(settings, each.name))


def check_setting(recipe: type, ranges: Ranges, name: str, value: Any) -> None:
    """Makes sure that one setting may have a value.

    Args:
        recipe: the dataclass, whose annotations say what a setting is.
        ranges: of its numbers.
        name: of the setting.
        value: to be checked.

    Raises:
        InputError: it is of another kind, no choice, or out of range.
    """
    kind = get_type_hints(recipe)[name]
    if get_origin(kind) is Literal and value not in get_args(kind):
        raise InputError(f"{name} to be one of {', '.join(get_args(kind))}", repr(value), "check the spelling")
    if kind in KINDS and (isinstance(value, bool) != (kind is bool) or not isinstance(value, KINDS[kind])):
        raise InputError(f"{getattr(kind, '__name__', kind)} for {name}", repr(value), f"look up {name} in the help")
    low, high = ranges.get(name, (0, 0))
    if name in ranges and not (math.isfinite(value) and low <= value <= high):
        raise InputError(f"{name} from {low:g} to {high:g}", f"{value:g}", f"change {name}")


def check_fixed_stages(stages: int, weights: str) -> None:
    """Makes sure that stages which are kept fixed have learned something.

    Raises:
        InputError: they have no trained weights.
    """
    if stages and not weights:
        raise InputError(
            "trained weights for the stages that are kept fixed",
            f"freeze = {stages} without weights",
            "pass weights too, or leave freeze away",
        )


def settings_of(recipe: type[Recipe], given: dict[str, Any]) -> Recipe:
    """A recipe with the given settings; the rest keep their defaults.

    Raises:
        InputError: a name that is no setting, or what the recipe itself refuses.
    """
    known = list(get_type_hints(recipe))
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise InputError(f"settings among {', '.join(known)}", ", ".join(unknown), "check the spelling")
    for name, value in given.items():
        check_setting(recipe, {}, name, value)  # kinds first: what a recipe itself checks takes them for granted
    return recipe(**given)

"""Numbers and names as annotation files write them, refused where they mean nothing."""

import math
import re
from typing import Any

from pixelwise.errors import InputError

LARGEST = 2**24
"""Sides and coordinates go no further: up to here float32, in which boxes are kept, has every whole pixel."""

SHOWN = 60
"""Characters of a wrong value that a message repeats."""


NUMBER = re.compile(r"[+-]?([0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})([eE][+-]?[0-9]{1,3})?", re.ASCII)
"""A decimal number; Python's own rule also takes 1_000, nan and digits of other scripts."""


LONGEST_NAME = 1000
"""Characters: systems allow 255 for each part of a path, and no class is called so."""


def number_of(text: str) -> float | str:
    """The number that a text writes; the text itself where it writes none, for `coordinates` to refuse."""
    return float(text) if NUMBER.fullmatch(text.strip()) else text.strip()


def shown(value: Any) -> str:
    """A value in a message: short, in ASCII, on one line."""
    text = ascii(value) if not isinstance(value, list | dict) else f"{type(value).__name__} {_start(value)}"
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def coordinates(values: Any, count: int | None, where: str) -> list[float]:
    """Finite numbers of at most 2**24; `count` says how many, None any number of them.

    Raises:
        InputError: naming `where`.
    """
    wanted = f"{'finite' if count is None else count} numbers of at most {LARGEST}"
    if not isinstance(values, list) or (count is not None and len(values) != count):
        raise InputError(wanted, f"{where}: {shown(values)}", hint="correct the annotation or remove it")
    for value in values:
        if type(value) not in (int, float) or not -LARGEST <= value <= LARGEST:  # also true for NaN
            raise InputError(wanted, f"{where}: {shown(value)}", hint="correct the annotation or remove it")
    return [float(value) for value in values]


def side(value: Any, where: str) -> int:
    """A height or a width: a whole number in 1..2**24, which may be written 640.0.

    Raises:
        InputError: naming `where`.
    """
    if type(value) in (int, float) and 1 <= value <= LARGEST and value == math.floor(value):
        return int(value)
    raise InputError(f"a side of 1..{LARGEST} pixels", f"{where}: {shown(value)}", hint="write the image's size")


def name_text(value: Any, where: str) -> str:
    """A name of at most 1000 printable characters that any system can store.

    Raises:
        InputError: naming `where`.
    """
    if (
        isinstance(value, str) and value.strip() and value.isprintable() and len(value) <= LONGEST_NAME
    ):  # lone surrogates are not printable
        return value.strip()
    raise InputError("a name of printable characters", f"{where}: {shown(value)}", hint="write a plain name")


def _start(value: list[Any] | dict[Any, Any]) -> str:
    """The first entries; a hostile value may be nested deeper than Python can write."""
    entries = list(value)[:4]
    flat = [type(entry).__name__ if isinstance(entry, list | dict) else ascii(entry) for entry in entries]
    return f"of {len(value)}: {', '.join(text[:SHOWN] for text in flat)}"

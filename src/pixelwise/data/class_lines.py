"""The lines of a classes file: names, stored values, and the border between objects."""

import re
from pathlib import Path

from pixelwise.data.tables import read_utf8
from pixelwise.errors import InputError

LARGEST_VALUE = 2**16 - 1
"""Label maps hold at most 16 bits."""

LINE = re.compile(r"(?P<first>\d+)(-(?P<last>\d+))?\s+(?P<name>.+)")
"""`value name` or `first-last name`."""

BORDER_LINE = re.compile(r"border\s+(?P<name>.+)")
"""`border name`: the class of pixels where objects touch."""

LINE_HINT = "write one class per line: `name`, `value name` or `first-last name`"
BORDER_HINT = "give the objects a range of values, such as `1-65535 nucleus`, and one line `border touching`"


def class_lines(path: Path) -> list[tuple[int, str]]:
    """Line numbers from 1 and texts, without comments and blank lines."""
    text = read_utf8(path, LINE_HINT)
    stripped = ((number, line.split("#")[0].strip()) for number, line in enumerate(text.splitlines(), start=1))
    return [(number, line) for number, line in stripped if line]


def without_border(lines: list[tuple[int, str]], path: Path) -> tuple[list[tuple[int, str]], list[str]]:
    """The lines other than `border name`, and that name; files of bare names have no such line."""
    if not any(LINE.fullmatch(line) for _, line in lines):
        return lines, []
    borders = [(number, match["name"]) for number, line in lines if (match := BORDER_LINE.fullmatch(line))]
    if len(borders) > 1 or any(name.casefold() == "ignore" for _, name in borders):
        number, name = borders[-1]
        raise InputError("one line `border name`", f"{path} line {number}: border {name}", hint=BORDER_HINT)
    return [(number, line) for number, line in lines if not BORDER_LINE.fullmatch(line)], [name for _, name in borders]


def parse_line(line: str, place: int, where: str) -> tuple[str, tuple[int, int]]:
    """Name and inclusive range of stored values of one line."""
    match = LINE.fullmatch(line)
    if match is None:
        if line.replace("-", "").isdigit() or not line.isprintable():
            raise InputError("a class name", f"{where}: {line!r}", hint=LINE_HINT)
        return line, (place, place)
    first = int(match["first"])
    last = int(match["last"] or first)
    if not first <= last <= LARGEST_VALUE:
        raise InputError(f"rising stored values in 0..{LARGEST_VALUE}", f"{where}: {first}-{last}", hint=LINE_HINT)
    return match["name"], (first, last)

"""The classes of a data set: their names, and which stored values of the label maps mean them."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.data.class_lines import BORDER_HINT, LARGEST_VALUE, LINE_HINT, class_lines, parse_line, without_border
from pixelwise.data.instance_labels import touching_borders
from pixelwise.errors import InputError
from pixelwise.shapes import IGNORE

MOST_CLASSES = IGNORE
"""Class ids are 0..254 in 8 bits; 255 is taken by "ignore"."""

MOST_INFERRED = 64
"""More values than any common set of named classes without a class file; such maps number objects, not classes."""

UNKNOWN = -1


@dataclass(frozen=True)
class ClassTable:
    """Class names in the order of their ids, and the stored values that mean each.

    `values` holds one inclusive range (first, last) of stored values per class. `ignore` holds the stored values of
    pixels that do not count; 255 is among them unless a class claims it.

    With `border`, the last name is that of pixels where two objects touch. No stored value means it, so `values` is one
    shorter than `names`; each value of a range that has several is then the number of one object.
    """

    names: tuple[str, ...]
    values: tuple[tuple[int, int], ...]
    ignore: tuple[int, ...] = ()
    border: bool = False

    def __post_init__(self) -> None:
        """Refuses tables that no class file could describe.

        Raises:
            InputError: no class, too many, a name or a value used twice, values outside 0..65535, or a border without
                objects.
        """
        if self.border and not self.object_classes:
            shown = self.names[-1] if self.names else ""
            raise InputError("a range of values that number objects", f"only the border {shown}", hint=BORDER_HINT)
        fault = _names_fault(self.names, len(self.values) + self.border) or _values_fault(self.values, self.ignore)
        if fault:
            raise InputError(
                "a class table with distinct names and values", fault, hint="give each class its own values"
            )

    def encode(self, raw: NDArray[Any], source: str) -> NDArray[np.uint8]:
        """Class ids 0..K-1 of stored values, any shape; 255 where they mean "ignore".

        A table with a border takes whole maps (H W), because a border follows from the objects around it
        (`pixelwise.data.instance_labels.touching_borders`).

        Raises:
            InputError: naming the source, when stored values belong to no class; with the values and how many pixels
                have them.
        """
        ids = self._stored_ids(raw, source)
        if self.border and ids.size:
            ids[touching_borders(self._objects(raw, ids)) & (ids != IGNORE)] = len(self.names) - 1
        return ids

    def objects(self, raw: NDArray[Any], source: str) -> dict[str, NDArray[np.int32]]:
        """For each class with a range of values, its object numbers (H W): the stored values, 0 elsewhere.

        Raises:
            InputError: as `encode`.
        """
        ids = self._stored_ids(raw, source)
        every = self._objects(raw, ids)
        return {name: np.where(ids == self.names.index(name), every, 0) for name in self.object_classes}

    @property
    def object_classes(self) -> tuple[str, ...]:
        """With a border, the classes whose stored values number objects; else none."""
        if not self.border:
            return ()
        return tuple(name for name, (first, last) in zip(self.names, self.values, strict=False) if first < last)

    def _objects(self, raw: NDArray[Any], ids: NDArray[np.uint8]) -> NDArray[np.int32]:
        """The stored values in classes that have several, 0 elsewhere; 0 itself is no object's number."""
        numbering = [self.names.index(name) for name in self.object_classes]
        return np.where(np.isin(ids, numbering), raw, 0).astype(np.int32)

    def _stored_ids(self, raw: NDArray[Any], source: str) -> NDArray[np.uint8]:
        if raw.dtype.kind not in "ui":
            raise InputError(
                "whole numbers as label values", f"{source} with {raw.dtype}", hint="round and convert them to uint16"
            )
        if raw.dtype not in (np.uint8, np.uint16):
            raw = np.clip(raw.astype(np.int64), UNKNOWN, LARGEST_VALUE + 1)  # -1 and 65536 are of no class
        ids: NDArray[np.int16] = self._ids[raw]
        if ids.size and ids.min() == UNKNOWN:
            raise self._unknown(raw[ids == UNKNOWN], source)
        return ids.astype(np.uint8)

    def unknown(self, stored: Iterable[int]) -> tuple[int, ...]:
        """Those of the stored values that belong to no class and do not mean "ignore"."""
        return tuple(value for value in stored if not 0 <= value <= LARGEST_VALUE or self._ids[value] == UNKNOWN)

    def name_of(self, value: int) -> str | None:
        """The class of a stored value; None for values to ignore and for values of no class."""
        index = int(self._ids[value]) if 0 <= value <= LARGEST_VALUE else UNKNOWN
        return None if index in (UNKNOWN, IGNORE) else self.names[index]

    def describe(self) -> str:
        """The table in one line, such as "0 background, 1-65535 nucleus, 255 ignore"; long tables are cut."""
        shown = [f"{_range_text(span)} {name}" for name, span in zip(self.names, self.values, strict=False)]
        shown += [f"border {self.names[-1]}"] * self.border
        if len(shown) > 12:  # more would hide the message around it
            shown = [*shown[:8], "...", shown[-1]]
        ignored = [str(value) for value in self.ignored[:4]] + ["..."] * (len(self.ignored) > 4)
        return ", ".join(shown) + ("; ignore: " + ", ".join(ignored) if ignored else "")

    @property
    def ignored(self) -> tuple[int, ...]:
        """`ignore`, and 255 unless a class claims it."""
        if IGNORE in self.ignore or any(first <= IGNORE <= last for first, last in self.values):
            return self.ignore
        return (*self.ignore, IGNORE)

    def to_json(self) -> str:
        """The table as JSON text, read back by `from_json`."""
        content = {"names": self.names, "values": self.values, "ignore": self.ignore}
        return json.dumps(content | ({"border": True} if self.border else {}))

    @classmethod
    def from_json(cls, text: str) -> "ClassTable":
        """The table that `to_json` wrote.

        Raises:
            InputError: the text is not such a table.
        """
        try:
            found = json.loads(text)
            spans = tuple((int(first), int(last)) for first, last in found["values"])
            names = tuple(str(name) for name in found["names"])
            ignore = tuple(int(value) for value in found["ignore"])
            return cls(names, spans, ignore, border=found.get("border", False) is True)
        except InputError:
            raise
        except (ValueError, TypeError, KeyError) as problem:
            raise InputError(
                "a class table in JSON with names, values and ignore",
                f"{text[:60]!r} ({problem})",
                hint="write it with to_json",
            ) from problem

    @cached_property
    def _ids(self) -> NDArray[np.int16]:
        """Class id of each stored value 0..65535, then UNKNOWN for 65536 and for -1 (the last entry)."""
        ids = np.full(LARGEST_VALUE + 3, UNKNOWN, np.int16)
        for value in self.ignored:
            ids[value] = IGNORE
        for index, (first, last) in enumerate(self.values):
            ids[first : last + 1] = index
        return ids

    def _unknown(self, strange: NDArray[Any], source: str) -> InputError:
        values, counts = np.unique(strange, return_counts=True)
        shown = [f"{value} in {count} pixels" for value, count in zip(values[:5], counts[:5], strict=True)]
        more = [f"and {len(values) - 5} more values"] if len(values) > 5 else []
        return InputError(
            f"label values of the classes {self.describe()}",
            f"{source} with {', '.join(shown + more)}",
            hint=f"add `{values[0]} some name` or `{values[0]} ignore` to the classes file, or correct the label map",
        )


def read_classes(path: Path) -> ClassTable:
    """The classes of a text file, one per line.

    A line is `name` (its stored value is its place, counted from 0 over the lines that are not blank or comments),
    `value name`, or `first-last name` for a range of values, as instance maps need (`1-65535 nucleus`). The name
    `ignore` marks values that do not count, and may come several times. What follows `#` is a comment.

    Beside lines with values, `border name` adds a class for the pixels where two objects touch; each value of a range
    is then the number of one object. In a file of bare names it is a name like others.

    Raises:
        InputError: naming the file and the line: missing, unreadable, no class, a name or a value used twice, more
            than 255 classes, two borders, or a border without a range.
    """
    names: list[str] = []
    spans: list[tuple[int, int]] = []
    ignore: list[int] = []
    claimed: dict[int, str] = {}  # stored value -> where it was claimed
    lines, border = without_border(class_lines(path), path)
    for place, (number, line) in enumerate(lines):
        name, span = parse_line(line, place, f"{path} line {number}")
        stored = range(span[0], span[1] + 1)
        taken = next((value for value in stored if value in claimed), None)
        if taken is not None:
            raise InputError(
                "each stored value in one class",
                f"{path} line {number}: {taken}, taken by {claimed[taken]}",
                hint=LINE_HINT,
            )
        if name in (*names, *border):
            raise InputError("each class name once", f"{path} line {number}: `{name}` again", hint=LINE_HINT)
        claimed.update(dict.fromkeys(stored, f"line {number}"))
        if name.casefold() == "ignore":
            ignore.extend(stored)
        else:
            names.append(name)
            spans.append(span)
    if not 1 <= len(names) + len(border) <= MOST_CLASSES:
        raise InputError(f"1 to {MOST_CLASSES} classes", f"{path} with {len(names)}", hint=LINE_HINT)
    if border and not any(first < last for first, last in spans):
        raise InputError("a range of values that number objects", f"{path} with only a border", hint=BORDER_HINT)
    return ClassTable((*names, *border), tuple(spans), tuple(ignore), border=bool(border))


def infer_classes(values: Iterable[int]) -> ClassTable:
    """One class "class V" for each stored value V except 255, in rising order; for data without a class file.

    Raises:
        InputError: no value, only 0 and 255 (a mask whose 255 means the object), or more than 64 values (an instance
            map).
    """
    present = sorted(set(values))
    found = [value for value in present if value != IGNORE]
    if len(found) > MOST_INFERRED:
        raise InputError(
            f"at most {MOST_INFERRED} different label values without a classes file",
            f"{len(found)}, from {found[0]} to {found[-1]}: it looks like an instance map, which numbers objects",
            hint=f"write classes.txt with a range, such as the two lines `0 background` and `1-{LARGEST_VALUE} object`",
        )
    if not found or present == [0, IGNORE]:
        shown = ", ".join(map(str, present)) or "no label maps"
        raise InputError(
            "label maps with two or more values besides 255 (which means ignore), or a classes file",
            f"{shown}",
            hint="write classes.txt, such as the two lines `0 background` and `255 object`",
        )
    return ClassTable(tuple(f"class {value}" for value in found), tuple((value, value) for value in found))


def _range_text(span: tuple[int, int]) -> str:
    first, last = span
    return str(first) if first == last else f"{first}-{last}"


def _names_fault(names: tuple[str, ...], wanted: int) -> str:
    """What is wrong with the names of a table, or nothing."""
    if len(names) != wanted or not 1 <= len(names) <= MOST_CLASSES:
        return f"{len(names)} names and {wanted} ranges (1 to {MOST_CLASSES} are possible)"
    return f"the names {', '.join(names)}" if len(set(names)) < len(names) else ""


def _values_fault(spans: tuple[tuple[int, int], ...], ignore: tuple[int, ...]) -> str:
    """What is wrong with the stored values of a table, or nothing."""
    sound = all(0 <= first <= last <= LARGEST_VALUE for first, last in spans)
    if not sound or any(low[1] >= high[0] for low, high in pairwise(sorted(spans))):
        return "ranges " + ", ".join(map(_range_text, spans))
    for value in ignore:
        if not 0 <= value <= LARGEST_VALUE:
            return f"{value} ignored, which is outside 0..{LARGEST_VALUE}"
        if any(first <= value <= last for first, last in spans):
            return f"{value} both ignored and in a class"
    return ""

"""Values kept in memory while they fit, each as long as the files it was read from stay as they are."""

from collections.abc import Iterable
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

Stamp = tuple[tuple[int, int], ...]
"""Time of the last change in nanoseconds and length in bytes, for each file."""


class Kept(Generic[T]):
    """Values by number, up to a number of bytes; what does not fit is not kept.

    Nothing is thrown out for something newer: in a shuffled order the newer one is no more likely to be asked for.
    """

    def __init__(self, budget: int) -> None:
        self._room = budget
        self._values: dict[int, tuple[Stamp, int, T]] = {}

    def get(self, number: int, stamp: Stamp) -> T | None:
        """The value kept under a number, or None where there is none or its files have changed since."""
        if number not in self._values:
            return None
        kept, length, value = self._values[number]
        if kept == stamp:
            return value
        del self._values[number]
        self._room += length
        return None

    def put(self, number: int, stamp: Stamp, value: T, length: int) -> None:
        """Keeps a value of so many bytes if it fits, in the place of an earlier one."""
        if number in self._values:
            self._room += self._values.pop(number)[1]
        if length <= self._room:
            self._room -= length
            self._values[number] = stamp, length, value


def stamp_of(files: Iterable[Path]) -> Stamp:
    """What changes with the files; empty where one of them cannot be looked at."""
    try:
        return tuple((found.st_mtime_ns, found.st_size) for found in (file.stat() for file in files))
    except OSError:
        return ()

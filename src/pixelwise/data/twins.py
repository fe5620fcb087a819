"""Items whose files are the same, byte for byte: what a folder says of one image twice, scores count twice."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol, runtime_checkable

from pixelwise.data.faults import Fault, relative
from pixelwise.data.items import UNLISTED


@runtime_checkable
class Filed(Protocol):
    """What is in a split, and its image file."""

    @property
    def image(self) -> Path:
        """The file that is named."""

    @property
    def split(self) -> str:
        """Where it belongs."""


@runtime_checkable
class Inspected(Protocol):
    """An item that was looked at."""

    @property
    def item(self) -> Filed:
        """What was looked at."""

    @property
    def content(self) -> str:
        """A fingerprint of its files; empty where they could not be read."""


def twin_faults(inspections: Iterable[Inspected], root: Path, what: str, same: str, kind: str) -> list[Fault]:
    """A warning for each item with the content of an earlier one; fatal in two splits, where it makes scores false.

    Args:
        inspections: in the folder's order.
        root: the folder, from which files are named.
        what: an item in words, such as "pair".
        same: what is the same, such as "the same two images".
        kind: of the fault within one split.
    """
    first: dict[str, Inspected] = {}
    faults: list[Fault] = []
    for found in inspections:
        twin = first.setdefault(found.content, found) if found.content else found
        if twin is found:
            continue
        across = twin.item.split != found.item.split and UNLISTED not in (twin.item.split, found.item.split)
        text = f"{same} as {relative(twin.item.image, root)}"
        text += f", which is in {twin.item.split}, while this {what} is in {found.item.split}" * across
        file = relative(found.item.image, root)
        named = "duplicate-across-splits" if across else kind
        faults.append(Fault("fatal" if across else "warning", named, file, text, "remove one of them"))
    return faults

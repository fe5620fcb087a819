"""A folder of images with label maps, as a list of items, a class table and splits."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pixelwise.data.classes import ClassTable, infer_classes, read_classes
from pixelwise.data.formats.masks import read_label_map
from pixelwise.data.items import Item, list_items
from pixelwise.errors import InputError

__all__ = ["Item", "SegmentationFolder", "find_classes", "fingerprint", "open_folder", "ordered_splits"]

CLASSES_FILE = "classes.txt"
FIRST_SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class SegmentationFolder:
    """The items of a data set of images and label maps, and its classes."""

    root: Path
    items: tuple[Item, ...]
    classes: ClassTable

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that have items: train, val, test, then others by name."""
        return ordered_splits(item.split for item in self.items)

    def only(self, split: str) -> "SegmentationFolder":
        """The same data set with the items of one split.

        Raises:
            InputError: no item has this split; names the splits there are.
        """
        items = tuple(item for item in self.items if item.split == split)
        if not items:
            raise InputError(
                f"a split of {self.root}: {', '.join(self.splits)}",
                f"{split!r}",
                hint=f"add {split}/ or a splits.csv with the columns file,split, or choose another split",
            )
        return replace(self, items=items)


def open_folder(
    root: Path,
    classes: Path | ClassTable | None = None,
    splits: Path | None = None,
    attributes: Path | None = None,
) -> SegmentationFolder:
    """The items, splits and classes of a data set folder.

    The layouts are those of `pixelwise.data.layouts.find_places`. Splits come from `splits` (a CSV with the columns
    file,split, a text file, or a folder with train.txt, val.txt, test.txt), else from the folders, else from
    splits.csv or the text files in the root; without any, all items are "train". Classes are `classes` or come from
    that file, else from classes.txt in the root, else from the values in all label maps, which means reading them all.
    Attributes come from `attributes`, else from attributes.csv or index.csv in the root.

    No image is read here; `pixelwise.data.examine` does that and finds every fault.

    Raises:
        InputError: naming file and line: a missing folder, no known layout, no image, or faults in one of the tables.
    """
    listing = list_items(root, splits, attributes)
    fatal = next((fault for fault in listing.faults if fault.severity == "fatal"), None)
    if fatal:
        raise fatal.as_error()
    table = classes if isinstance(classes, ClassTable) else find_classes(root, classes)
    return SegmentationFolder(root, listing.items, table or _classes_in(listing.items))


def find_classes(root: Path, given: Path | None) -> ClassTable | None:
    """The classes of the file given, or of classes.txt in the root; None when there is neither.

    Raises:
        InputError: naming the file and the line.
    """
    file = given or root / CLASSES_FILE
    return read_classes(file) if given or file.exists() else None


def ordered_splits(splits: Iterable[str]) -> tuple[str, ...]:
    """Each split once: train, val, test, then others by name."""
    present = set(splits)
    return (*(split for split in FIRST_SPLITS if split in present), *sorted(present - set(FIRST_SPLITS)))


def fingerprint(folder: SegmentationFolder) -> str:
    """A short text that changes when files are added, removed, renamed, resized in bytes, or moved to another split.

    It says whether a run and a folder belong together. Contents are not read, so an edit that keeps a file's length
    goes unnoticed; neither the place of the folder nor the order of its items matters.

    Raises:
        InputError: a file of the folder is gone.
    """
    lines = sorted(
        f"{item.split}/{item.name} {_bytes(item.image)} {_bytes(item.labels) if item.labels else '-'}"
        for item in folder.items
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]  # 48 bits tell a person's data sets apart


def _bytes(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as problem:
        raise InputError(
            "a file that is still there", f"{file}: {problem.strerror}", hint="open the folder again"
        ) from problem


def _classes_in(items: tuple[Item, ...]) -> ClassTable:
    values: set[int] = set()
    for item in items:
        if item.labels:
            values.update(np.flatnonzero(np.bincount(read_label_map(item.labels).ravel())).tolist())
    return infer_classes(values)

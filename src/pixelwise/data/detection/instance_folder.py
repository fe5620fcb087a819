"""Folders of images and label maps in which each value of a range numbers one object: boxes and masks for detection."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage  # type: ignore[import-untyped]  # scipy ships no types

from pixelwise.data.classes import ClassTable, read_classes
from pixelwise.data.detection.class_numbers import BACKGROUND, class_names, labels_of
from pixelwise.data.detection.items import DetectionItem, DetectionListing
from pixelwise.data.detection.notes import Notes
from pixelwise.data.detection.reading import Draft, Reading, reading_of
from pixelwise.data.faults import relative
from pixelwise.data.formats.masks import read_label_map
from pixelwise.data.images import IMAGE_SUFFIXES
from pixelwise.data.items import list_items
from pixelwise.data.layouts import find_places
from pixelwise.errors import InputError
from pixelwise.ops.run_lengths import encode_mask

HINT = "write classes.txt with a range, such as the two lines `0 background` and `1-65535 object`"


def holds_label_maps(root: Path) -> bool:
    """Whether a folder has images beside label maps, whatever else it has."""
    try:
        places = find_places(root)
    except InputError:
        return False
    return any(place.labels is not None and _has_images(place.labels) for place in places)


def object_names(table: ClassTable) -> tuple[str, ...]:
    """Background, and the classes with a range of values, each of which numbers one object.

    Raises:
        InputError: no class has a range.
    """
    names = tuple(name for name, (first, last) in zip(table.names, table.values, strict=False) if first < last)
    if not names:
        raise InputError("a class with a range of values, each of one object", table.describe(), HINT)
    return (BACKGROUND, *names)


def own_table(root: Path) -> ClassTable:
    """What the values of a folder's label maps mean, by its classes.txt.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    file = root / "classes.txt"
    if not file.is_file():
        raise InputError("a classes file for label maps that number objects", f"no {file}", HINT)
    return read_classes(file)


def list_instances(
    root: Path, table: ClassTable, classes: Sequence[str] | None, masks: bool, splits: Path | None
) -> DetectionListing:
    """The items of a folder; each stored value inside a range is one object, whether its pixels touch or not.

    Args:
        root: the folder.
        table: what the stored values mean; classes of a single value are no objects.
        classes: those wanted, background first; None for the table's.
        masks: whether objects have masks.
        splits: a splits file, a text file or a folder of these.

    Raises:
        InputError: a table without a range, no image, or a file that cannot be found.
    """
    listing = list_items(root, splits, None)
    own = object_names(table)
    names = class_names(own[1:], classes)
    labels = labels_of(own[1:], names)
    items = []
    for number, item in enumerate(listing.items, start=1):
        file = item.labels or item.image
        read = partial(_read, file=item.labels, image=item.image, table=table, labels=labels, masks=masks)
        items.append(DetectionItem(item.name, item.image, item.split, number, relative(file, root), read))
    return DetectionListing(tuple(items), names, tuple(range(1, len(names))), listing.faults)


def _read(
    notes: Notes, file: Path | None, image: Path, table: ClassTable, labels: dict[str, int], masks: bool
) -> Reading:
    if file is None:
        raise InputError(f"a label map for {image}", "none", "add one of the same name, or remove the image")
    stored = read_label_map(file)
    strange = table.unknown(np.unique(stored).tolist())
    if strange:
        notes.fatal(
            "label-values",
            f"values of no class: {', '.join(map(str, strange[:5]))}",
            "add them to the classes, or correct the map",
        )
    drafts = []
    for value, window in enumerate(ndimage.find_objects(stored.astype(np.int32)), start=1):
        name = None if window is None else table.name_of(value)
        if window is not None and name in labels:
            drafts.append(_draft(stored, value, window, labels[name], masks))
    return reading_of(drafts, stored.shape, masks)


def _draft(stored: NDArray[np.generic], value: int, window: tuple[slice, slice], label: int, masks: bool) -> Draft:
    rows, columns = window
    box = float(columns.start), float(rows.start), float(columns.stop), float(rows.stop)
    mask = encode_mask(stored[window] == value, stored.shape, (rows.start, columns.start)) if masks else None
    return Draft(f"value {value}", box, label, mask=mask)


def _has_images(folder: Path) -> bool:
    return any(file.suffix.lower() in IMAGE_SUFFIXES for file in folder.rglob("*"))

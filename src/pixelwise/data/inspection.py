"""One image and its label map, each decoded once: what the doctor needs to know about them, and their own faults."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.data.classes import ClassTable
from pixelwise.data.faults import Fault, fault_of, relative
from pixelwise.data.formats.decode import decode
from pixelwise.data.formats.masks import StoredLabels, label_values
from pixelwise.data.formats.raster import SUFFIXES, Traits
from pixelwise.data.images import colour_values, refuse_unscaled, upright
from pixelwise.data.items import UNLISTED, Item
from pixelwise.errors import InputError
from pixelwise.shapes import IGNORE, Size

SeeLabels = Callable[[NDArray[np.uint8]], object]
"""What looks at a label map's class ids, (H, W), while they are in memory."""


@dataclass(frozen=True)
class Inspection:
    """What one item holds.

    `size` is None when the image could not be read. `content` is a hash of its pixels, "" for an image of one single
    value, which tells nothing about where it comes from. `label_counts` gives the pixels of each stored label value,
    None when there is no readable label map. `class_counts` gives the pixels of each class id where the classes have a
    border, which no stored value means.
    """

    item: Item
    size: Size | None = None
    content: str = ""
    label_counts: Mapping[int, int] | None = None
    class_counts: Mapping[int, int] | None = None
    faults: tuple[Fault, ...] = ()


@dataclass
class _Notes:
    """Faults of one item while they are collected."""

    root: Path
    faults: list[Fault] = field(default_factory=list)

    def fatal(self, kind: str, file: Path, error: InputError) -> None:
        self.faults.append(fault_of(error, kind, file, self.root))

    def warn(self, kind: str, file: Path, found: str, fix: str) -> None:
        self.faults.append(Fault("warning", kind, relative(file, self.root), found, fix))


def inspect(item: Item, root: Path, table: ClassTable | None = None, see_labels: SeeLabels | None = None) -> Inspection:
    """What an item's two files hold, and what is wrong with each and with the pair; raises nothing for a data fault.

    Args:
        item: the two files.
        root: the data set's folder, for messages.
        table: the classes, where they are known before the label maps.
        see_labels: shown the class ids of a label map that has no fault.
    """
    notes = _Notes(root)
    image = _inspect_image(item.image, notes)
    size, content, orientation = image or (None, "", 1)
    labels = _inspect_labels(item, notes)
    if labels is not None and size is not None and labels.shape != size:
        _note_mismatch(item, size, labels.shape, orientation, notes)
    elif orientation != 1:
        fix = "save it upright without EXIF orientation, so that every program sees the same picture"
        notes.warn("exif-rotation", item.image, f"EXIF orientation {orientation}; it is turned when read", fix)
    counts = None if labels is None else _counts(labels)
    has_border = table is not None and table.border
    ids = None
    if labels is not None and counts is not None and (has_border or see_labels is not None):
        ids = _ids(labels, counts, table, item)
    if ids is not None and see_labels is not None:
        see_labels(ids)
    class_counts = _counts(ids) if ids is not None and has_border else None
    return Inspection(item, size, content, counts, class_counts, tuple(notes.faults))


def _inspect_image(file: Path, notes: _Notes) -> tuple[Size, str, int] | None:
    """Upright size, content hash and EXIF orientation; None when it cannot be read."""
    try:
        raster = decode(file)
        pixels = upright(raster)
        values = colour_values(pixels, raster.traits)
    except InputError as error:
        notes.fatal(_unreadable_kind(file, "image"), file, error)
        return None
    try:
        refuse_unscaled(values, file)
    except InputError as error:
        notes.fatal("image-values", file, error)
    _note_traits(file, raster.traits, notes)
    size = (int(pixels.shape[0]), int(pixels.shape[1]))
    if (values == values.flat[0]).all():
        notes.warn("blank-image", file, f"every value is {values.flat[0]}", "remove it, unless blank images are meant")
        return size, "", raster.traits.orientation
    return size, _content_hash(values), raster.traits.orientation


def _inspect_labels(item: Item, notes: _Notes) -> StoredLabels | None:
    file = item.labels
    if file is None:
        severity: Any = "warning" if item.split == UNLISTED else "fatal"
        found, fix = "no label map of the same name", "add it, or take the image out of the data set"
        notes.faults.append(Fault(severity, "missing-label", relative(item.image, notes.root), found, fix))
        return None
    try:
        raster = decode(file)
    except InputError as error:
        notes.fatal(_unreadable_kind(file, "labels"), file, error)
        return None
    try:
        labels = label_values(raster, file)
    except InputError as error:
        notes.fatal("label-type", file, error)
        return None
    _note_traits(file, raster.traits, notes)
    return labels


def _unreadable_kind(file: Path, role: str) -> str:
    try:
        empty = file.stat().st_size == 0
    except OSError:
        empty = False
    return "empty-file" if empty else f"unreadable-{role}"


def _note_traits(file: Path, traits: Traits, notes: _Notes) -> None:
    if SUFFIXES.get(file.suffix.lower()) != traits.format:
        suffixes = " or ".join(suffix for suffix, name in SUFFIXES.items() if name == traits.format)
        notes.warn("wrong-suffix", file, f"it is a {traits.format} by its content", f"rename it to {suffixes}")
    if traits.more_pages:
        notes.warn(
            "more-pages", file, "several pictures in one file; only the first is read", "save each as a file of its own"
        )
    if traits.colours == "cmyk":
        notes.warn("cmyk", file, "CMYK colours, converted without a colour profile", "save it as RGB")


def _note_mismatch(item: Item, size: Size, labels: tuple[int, ...], orientation: int, notes: _Notes) -> None:
    image, mask = f"{size[0]}x{size[1]}", f"{labels[0]}x{labels[1]}"
    if orientation != 1 and labels == size[::-1]:
        found = f"EXIF orientation {orientation} turns it to {image}, its label map is {mask}, as the image is stored"
        kind, fix = "exif-rotation", "remove the EXIF orientation of the image, or turn the label map"
    else:
        found = f"the image is {image}, its label map {mask} (height x width)"
        kind, fix = "size-mismatch", "export both at one size; labels are resized with nearest neighbour only"
    notes.faults.append(Fault("fatal", kind, relative(item.image, notes.root), found, fix))


def _content_hash(values: NDArray[Any]) -> str:
    """A hash of what is seen: the same for gray stored as gray or as RGB, whatever the file format."""
    if (
        values.ndim == 3
        and np.array_equal(values[..., 0], values[..., 1])
        and np.array_equal(values[..., 0], values[..., 2])
    ):
        values = values[..., 0]
    seal = hashlib.blake2b(f"{values.shape} {values.dtype}".encode(), digest_size=16)
    seal.update(np.ascontiguousarray(values).data)
    return seal.hexdigest()


def _counts(labels: StoredLabels) -> dict[int, int]:
    counts = np.bincount(labels.ravel())
    return {int(value): int(counts[value]) for value in np.flatnonzero(counts)}


def _ids(
    labels: StoredLabels, counts: Mapping[int, int], table: ClassTable | None, item: Item
) -> NDArray[np.uint8] | None:
    """Class ids; without a table each stored value is a class. None where values are of no class or need 16 bits."""
    if table is not None:
        return None if table.unknown(counts) else table.encode(labels, str(item.labels))
    return labels.astype(np.uint8) if max(counts, default=0) <= IGNORE else None

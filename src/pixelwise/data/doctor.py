"""The doctor: every fault of a data set folder, with file, what was found, and the fix.

Duplicate images in two splits are fatal, because a score would then be measured on images that were trained on; blank
images are left out of that comparison. Within one split duplicates are a warning.
"""

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pixelwise.data.classes import ClassTable, infer_classes
from pixelwise.data.faults import Fault, fault_of, relative
from pixelwise.data.folder import CLASSES_FILE, find_classes, ordered_splits
from pixelwise.data.inspection import Inspection, SeeLabels, inspect
from pixelwise.data.items import UNLISTED, list_items
from pixelwise.data.twins import twin_faults
from pixelwise.errors import InputError

SMALL = 16
"""An image of less than 1/16 of the median area, a quarter of its side, is more often a thumbnail than a member."""

THREADS = 4
"""Decoders let other threads run while they work; a few of them also hide the time that a disk takes."""


@dataclass(frozen=True)
class Diagnosis:
    """The result of an examination.

    `splits` counts images, `class_pixels` the labelled pixels of each class, by split and class name. `classes` is
    None when no class table could be made; the fault says why.
    """

    root: Path
    images: int
    splits: Mapping[str, int]
    classes: ClassTable | None
    class_pixels: Mapping[str, Mapping[str, int]]
    faults: tuple[Fault, ...]

    @property
    def fatal(self) -> tuple[Fault, ...]:
        """The faults that training refuses."""
        return tuple(fault for fault in self.faults if fault.severity == "fatal")

    @property
    def warnings(self) -> tuple[Fault, ...]:
        """The faults that are worth a look."""
        return tuple(fault for fault in self.faults if fault.severity == "warning")


def examine(
    root: Path,
    classes: Path | None = None,
    splits: Path | None = None,
    attributes: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    see_labels: SeeLabels | None = None,
) -> Diagnosis:
    """Every fault of a data set folder; fatal ones first. Each file is decoded once.

    The arguments are those of `pixelwise.data.open_folder`; `progress` is called with the items done and all items.
    `see_labels` is called with the class ids of each label map without a fault of its own, (H, W), 255 for ignore,
    from several threads at once; without a classes file the ids are the stored values, as far as they fit 8 bits.

    Raises:
        InputError: a path is missing, or the folder has no known layout or no image. Faults of the data are never
            raised.
    """
    if classes is not None and not classes.exists():
        raise InputError("an existing classes file", f"{classes}", hint="check the path")
    listing = list_items(root, splits, attributes)
    given, class_faults = _given_classes(root, classes)
    inspections: list[Inspection] = []
    with ThreadPoolExecutor(THREADS) as threads:
        look = partial(inspect, root=root, table=given, see_labels=see_labels)
        for done, inspection in enumerate(threads.map(look, listing.items), start=1):
            inspections.append(inspection)
            if progress:
                progress(done, len(listing.items))
    table = given
    if given is None and not class_faults:
        table, class_faults = _inferred_classes(root, inspections)
    faults = [*listing.faults, *(fault for inspection in inspections for fault in inspection.faults), *class_faults]
    counts = Counter(item.split for item in listing.items)
    pixels = _class_pixels(table, inspections) if table else {}
    faults += [*_label_faults(table, inspections, root), *_share_faults(table, pixels, root)]
    faults += [
        *twin_faults(inspections, root, "one", "the same picture", "duplicate"),
        *_small_images(inspections, root),
    ]
    return Diagnosis(
        root=root,
        images=len(listing.items),
        splits={split: counts[split] for split in ordered_splits(counts)},
        classes=table,
        class_pixels=pixels,
        faults=tuple(sorted(faults, key=lambda fault: fault.severity != "fatal")),
    )


def _given_classes(root: Path, file: Path | None) -> tuple[ClassTable | None, list[Fault]]:
    """The class table of the file, if there is one."""
    try:
        return find_classes(root, file), []
    except InputError as error:
        return None, [fault_of(error, "classes-file", file or root / CLASSES_FILE, root)]


def _inferred_classes(root: Path, inspections: Sequence[Inspection]) -> tuple[ClassTable | None, list[Fault]]:
    """The class table by the label values that were seen."""
    try:
        return infer_classes(value for found in inspections for value in found.label_counts or {}), []
    except InputError as error:
        return None, [fault_of(error, "no-classes", root / CLASSES_FILE, root)]


def _class_pixels(table: ClassTable, inspections: Iterable[Inspection]) -> dict[str, dict[str, int]]:
    by_split: dict[str, dict[str, int]] = {}
    for found in inspections:
        pixels = by_split.setdefault(found.item.split, dict.fromkeys(table.names, 0))
        if found.class_counts is not None:
            for index, known in enumerate(table.names):
                pixels[known] += found.class_counts.get(index, 0)
            continue
        for value, count in (found.label_counts or {}).items():
            name = table.name_of(value)
            if name:
                pixels[name] += count
    return {split: by_split[split] for split in ordered_splits(by_split)}


def _label_faults(table: ClassTable | None, inspections: Iterable[Inspection], root: Path) -> list[Fault]:
    """Values of no class, and maps that teach little."""
    faults: list[Fault] = []
    for found in inspections:
        if not found.label_counts or not found.item.labels or table is None:
            continue
        file, counts = relative(found.item.labels, root), found.label_counts
        strange = table.unknown(counts)
        named = {table.name_of(value) for value in counts if value not in strange}
        if strange:
            shown = ", ".join(f"{value} in {counts[value]} pixels" for value in strange[:5])
            more = f" and {len(strange) - 5} more" * (len(strange) > 5)
            text = f"label values of no class: {shown}{more} (classes: {table.describe()})"
            fix = f"add `{strange[0]} some name` or `{strange[0]} ignore` to the classes file, or correct the label map"
            faults.append(Fault("fatal", "label-values", file, text, fix))
        elif named == {None}:
            text = "every pixel means ignore, so nothing can be learned from it"
            faults.append(Fault("warning", "only-ignore", file, text, "label it, or take the image out"))
        elif len(table.names) > 1 and len(named - {None}) == 1:
            text = f"every labelled pixel is {next(name for name in named if name)}"
            faults.append(Fault("warning", "one-class", file, text, "check that it was labelled at all"))
    return faults


def _share_faults(table: ClassTable | None, pixels: Mapping[str, Mapping[str, int]], root: Path) -> list[Fault]:
    """Classes without any pixel, and classes that are tested but never trained."""
    faults: list[Fault] = []
    for name in table.names if table else ():
        there = [split for split, counts in pixels.items() if counts[name] > 0 and split != UNLISTED]
        if not there:
            fix = "remove it from the classes file, or check the values of the label maps"
            faults.append(Fault("warning", "empty-class", root.name, f"no pixel is labelled {name}", fix))
        elif "train" in pixels and "train" not in there:
            text = f"{name} is in {', '.join(there)} and never in train"
            faults.append(Fault("warning", "unseen-class", root.name, text, "move an image with it to train"))
    return faults


def _small_images(inspections: Iterable[Inspection], root: Path) -> list[Fault]:
    areas = [(found.item.image, found.size[0] * found.size[1]) for found in inspections if found.size]
    median = statistics.median(area for _, area in areas) if areas else 0
    fix = "check that it is not a thumbnail"
    return [
        Fault("warning", "small-image", relative(file, root), f"{area} pixels, the median image has {median:.0f}", fix)
        for file, area in areas
        if area * SMALL < median
    ]

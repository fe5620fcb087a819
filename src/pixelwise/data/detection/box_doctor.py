"""The doctor for boxes: every fault of a detection folder with file and object, and what training does about it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from pixelwise.data.classes import ClassTable
from pixelwise.data.detection.box_inspection import BoxInspection, inspect_boxes
from pixelwise.data.detection.box_order import meant_otherwise
from pixelwise.data.detection.folder import DetectionFolder, list_detection
from pixelwise.data.faults import Fault
from pixelwise.data.folder import ordered_splits
from pixelwise.data.items import UNLISTED
from pixelwise.data.twins import twin_faults

THREADS = 4
"""Decoders let other threads run while they work."""

LEFT_OUT, REGION = "the object is left out", "for masks, the object's box becomes a region to ignore"

REPAIRS: Mapping[str, str] = {
    "annotation-record": LEFT_OUT,
    "box-numbers": LEFT_OUT,
    "crowd-flag": LEFT_OUT,
    "duplicate": "the later one is left out",
    "not-finite": LEFT_OUT,
    "not-normalised": LEFT_OUT,
    "outside": LEFT_OUT,
    "partly-outside": "the box is clipped to the image",
    "polygon-numbers": REGION,
    "polygon-points": REGION,
    "reversed": "the corners are swapped",
    "rle-counts": REGION,
    "rle-size": REGION,
    "segmentation": REGION,
    "unknown-image": LEFT_OUT,
    "zero-area": LEFT_OUT,
}
"""What training does about each kind of fault that it can do something about."""

OF_ORDER = ("outside", "partly-outside", "reversed", "zero-area")
"""Faults that follow from reading all boxes in the wrong order; they are not told one by one then."""


@dataclass(frozen=True)
class BoxDiagnosis:
    """The result of an examination.

    `splits` counts images and `class_objects` objects that training uses, after repair and without crowds, by split
    and class name; `crowds`, `difficult` and `without_objects` count objects and images that are allowed and worth
    knowing. Every fault is fatal, repairable, or only worth a look.
    """

    root: Path
    images: int
    splits: Mapping[str, int]
    classes: tuple[str, ...]
    class_objects: Mapping[str, Mapping[str, int]]
    crowds: int
    difficult: int
    without_objects: int
    faults: tuple[Fault, ...]

    @property
    def fatal(self) -> tuple[Fault, ...]:
        """The faults that training refuses."""
        return tuple(fault for fault in self.faults if fault.severity == "fatal")

    @property
    def repairable(self) -> tuple[Fault, ...]:
        """The faults about which training does what `REPAIRS` says of their kind."""
        return tuple(fault for fault in self.faults if fault.severity != "fatal" and fault.kind in REPAIRS)

    @property
    def warnings(self) -> tuple[Fault, ...]:
        """The faults that are only worth a look."""
        return tuple(fault for fault in self.faults if fault.severity != "fatal" and fault.kind not in REPAIRS)


def examine_boxes(
    root: Path,
    classes: Sequence[str] | None = None,
    masks: bool = True,
    splits: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    table: ClassTable | None = None,
) -> BoxDiagnosis:
    """Every fault of a detection folder; fatal ones first, then those that are repaired. Each image is decoded once.

    The arguments are those of `pixelwise.data.detection.folder.open_detection`; `progress` is called with the items
    done and all items.

    Raises:
        InputError: as `list_detection`: nothing there, no known layout, or a file for all images cannot be read.
            Faults of single images and objects are never raised.
    """
    folder = list_detection(root, classes, masks, splits, table)
    base = folder.root if folder.root.is_dir() else folder.root.parent
    inspections: list[BoxInspection] = []
    with ThreadPoolExecutor(THREADS) as threads:
        for done, found in enumerate(threads.map(partial(inspect_boxes, root=base), folder.items), start=1):
            inspections.append(found)
            if progress:
                progress(done, len(folder.items))
    faults = [*folder.faults, *(fault for found in inspections for fault in found.faults)]
    order = _order_faults(folder, inspections)
    if order:
        faults = [fault for fault in faults if fault.kind not in OF_ORDER]
    shares = _class_objects(folder, inspections)
    faults += [
        *order,
        *_gap_faults(folder),
        *_share_faults(folder, shares),
        *twin_faults(inspections, base, "one", "the same file", "duplicate-image"),
    ]
    counts = Counter(item.split for item in folder.items)
    sound = [found.objects for found in inspections if found.objects is not None]
    return BoxDiagnosis(
        root=folder.root,
        images=len(folder.items),
        splits={split: counts[split] for split in ordered_splits(counts)},
        classes=folder.classes,
        class_objects=shares,
        crowds=sum(int(objects.crowd.sum()) for objects in sound),
        difficult=sum(int(objects.difficult.sum()) for objects in sound),
        without_objects=sum(len(objects) == 0 for objects in sound),
        faults=tuple(sorted(faults, key=lambda fault: (fault.severity != "fatal", fault.kind not in REPAIRS))),
    )


def _order_faults(folder: DetectionFolder, inspections: Iterable[BoxInspection]) -> list[Fault]:
    written = [found.written for found in inspections if found.written is not None and len(found.written)]
    if not written:
        return []
    boxes = torch.cat([objects.boxes for objects in written])
    sizes = torch.tensor([objects.size for objects in written for _ in range(len(objects))], dtype=torch.float32)
    suspicion = meant_otherwise(folder.layout, boxes, sizes)
    if suspicion is None:
        return []
    words, share = suspicion
    found = f"the boxes seem to be {words}: {share:.0%} of {len(boxes)} do not fit their image as {folder.layout} boxes"
    fix = f"write them as the format asks; as they are, {folder.layout} readers take them for other boxes"
    return [Fault("fatal", "box-order", folder.root.name, found, fix)]


def _class_objects(folder: DetectionFolder, inspections: Iterable[BoxInspection]) -> dict[str, dict[str, int]]:
    names = folder.classes[1:]
    by_split: dict[str, dict[str, int]] = {}
    for found in inspections:
        counts = by_split.setdefault(found.item.split, dict.fromkeys(names, 0))
        if found.objects is not None:
            for label in found.objects.labels[~found.objects.crowd].tolist():
                counts[folder.classes[label]] += 1
    return {split: by_split[split] for split in ordered_splits(by_split)}


def _gap_faults(folder: DetectionFolder) -> list[Fault]:
    """Category ids that do not count 1, 2, 3: allowed, and the cause of many wrong labels elsewhere."""
    ids = folder.category_ids
    if folder.layout != "coco" or ids == tuple(range(1, len(ids) + 1)):
        return []
    found = f"{len(ids)} category ids from {min(ids)} to {max(ids)}, not 1..{len(ids)}"
    fix = "nothing: labels are 1..K here, and results are written with the file's ids"
    return [Fault("warning", "category-gaps", folder.root.name, found, fix)]


def _share_faults(folder: DetectionFolder, shares: Mapping[str, Mapping[str, int]]) -> list[Fault]:
    """Classes without any object, and classes that are tested but never trained."""
    faults: list[Fault] = []
    for name in folder.classes[1:]:
        there = [split for split, counts in shares.items() if counts[name] > 0 and split != UNLISTED]
        if not there:
            fix = "remove it from the list of classes, or check the annotations"
            faults.append(Fault("warning", "empty-class", folder.root.name, f"no object is a {name}", fix))
        elif "train" in shares and "train" not in there:
            text = f"{name} is in {', '.join(there)} and never in train"
            faults.append(Fault("warning", "unseen-class", folder.root.name, text, "move an image with it to train"))
    return faults

"""A folder of images with boxes as a list of items with classes and splits, in whichever layout."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pixelwise.data.classes import ClassTable
from pixelwise.data.detection.coco_folder import find_coco, list_coco
from pixelwise.data.detection.instance_folder import holds_label_maps, list_instances, own_table
from pixelwise.data.detection.items import DetectionItem, DetectionListing
from pixelwise.data.detection.voc_folder import find_voc, list_voc
from pixelwise.data.detection.yolo_folder import find_yolo, list_yolo
from pixelwise.data.faults import Fault, relative
from pixelwise.data.folder import ordered_splits
from pixelwise.errors import InputError

Layout = Literal["coco", "voc", "yolo", "instances"]

LAYOUT_HINT = (
    "COCO: images/ and annotations.json; Pascal VOC: JPEGImages/ and Annotations/; "
    "YOLO: images/train/, labels/train/ and data.yaml; label maps that number objects: images/, labels/ and classes.txt"
)


@dataclass(frozen=True)
class DetectionFolder:
    """The items of a data set with boxes, and its classes.

    `classes` begins with background; an object's label is its place there. `category_ids` are the files' own numbers
    of classes 1..K, in that order: COCO's may have gaps, YOLO's count from 0, VOC has none and gets 1..K. `faults` are
    those of the listing; single objects are examined by `pixelwise.data.detection.box_doctor`.
    """

    root: Path
    layout: Layout
    items: tuple[DetectionItem, ...]
    classes: tuple[str, ...]
    category_ids: tuple[int, ...]
    faults: tuple[Fault, ...] = ()

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that have items: train, val, test, then others by name."""
        return ordered_splits(item.split for item in self.items)

    def only(self, split: str) -> "DetectionFolder":
        """The same data set with the items of one split.

        Raises:
            InputError: no item has this split; names the splits there are.
        """
        items = tuple(item for item in self.items if item.split == split)
        if not items:
            raise InputError(
                f"a split of {self.root}: {', '.join(self.splits)}",
                f"{split!r}",
                hint="add a splits.csv with the columns file,split, or choose another split",
            )
        return replace(self, items=items)


def open_detection(
    root: Path,
    classes: Sequence[str] | None = None,
    masks: bool = True,
    splits: Path | None = None,
    table: ClassTable | None = None,
) -> DetectionFolder:
    """The items, splits and classes of a data set with boxes; the layout is recognised.

    No image is read here, and objects only when an item is asked for them (but a COCO file is parsed whole, and VOC's
    are read for their class names).

    Args:
        root: the folder, or a COCO file.
        classes: the class names of a run, background first, so that labels mean the same there; None for the data
            set's own: COCO's by category id, VOC's by alphabet, YOLO's by number.
        masks: whether objects get masks where the files have any. Without, faults of masks do not matter.
        splits: a CSV with the columns file,split, where the layout says nothing of splits.
        table: for label maps, what their values mean; None takes classes.txt in the folder.

    Raises:
        InputError: naming file and line: nothing there, no known layout, no image, or a fatal fault of the listing.
    """
    folder = list_detection(root, classes, masks, splits, table)
    fatal = next((fault for fault in folder.faults if fault.severity == "fatal"), None)
    if fatal:
        raise fatal.as_error()
    return folder


def list_detection(
    root: Path,
    classes: Sequence[str] | None = None,
    masks: bool = True,
    splits: Path | None = None,
    table: ClassTable | None = None,
) -> DetectionFolder:
    """As `open_detection`, but fatal faults of single files are kept in `faults` for the doctor.

    Raises:
        InputError: nothing there, no known layout, no image, no classes, or a file for all images cannot be read.
    """
    root = Path(root)
    if splits is not None and not splits.is_file():
        raise InputError("an existing splits file", f"{splits}", hint="check the path")
    layout, listing = _listed(root, classes, masks, splits, table)
    if not listing.items:
        raise InputError("a data set with at least one image", f"{root}: none", hint=LAYOUT_HINT)
    items = _apart(listing.items, root)
    return DetectionFolder(root, layout, items, listing.classes, listing.category_ids, listing.faults)


def layout_of(root: Path) -> Layout | None:
    """The layout of a folder or COCO file; None where it has none of them.

    Where a folder has annotations of boxes, label maps beside them do not matter.
    """
    if find_coco(root):
        return "coco"
    if find_voc(root):
        return "voc"
    if find_yolo(root):
        return "yolo"
    return "instances" if holds_label_maps(root) else None


def _listed(
    root: Path, classes: Sequence[str] | None, masks: bool, splits: Path | None, table: ClassTable | None
) -> tuple[Layout, DetectionListing]:
    if not root.exists():
        raise InputError("a folder with images and boxes", f"{root}, where there is nothing", hint="check the path")
    layout = layout_of(root)
    if layout == "coco":
        return layout, list_coco(root, find_coco(root), classes, masks, splits)
    voc = find_voc(root)
    if layout == "voc" and voc:
        return layout, list_voc(root, voc, classes, splits)
    if layout == "yolo":
        return layout, list_yolo(root, find_yolo(root), classes, masks, splits)
    if layout == "instances":
        return layout, list_instances(root, table or own_table(root), classes, masks, splits)
    inside = ", ".join(sorted(child.name for child in root.iterdir())[:8]) or "nothing"
    raise InputError("a folder with images and boxes", f"{root} with {inside}", hint=LAYOUT_HINT)


def _apart(items: tuple[DetectionItem, ...], root: Path) -> tuple[DetectionItem, ...]:
    """The items under names that differ: where train/ and val/ both have a.png, by their paths below the folder."""
    if max(Counter(item.name for item in items).values()) == 1:
        return items
    folder = root if root.is_dir() else root.parent
    return tuple(replace(item, name=relative(item.image, folder)) for item in items)

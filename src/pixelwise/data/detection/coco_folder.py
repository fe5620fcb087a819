"""Folders with COCO files: where the files and their images lie."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pixelwise.data.detection.class_numbers import class_names, is_background, labels_of
from pixelwise.data.detection.coco_json import CocoFile, CocoImage, coco_objects, read_coco
from pixelwise.data.detection.items import DetectionItem, DetectionListing
from pixelwise.data.detection.notes import Notes
from pixelwise.data.detection.reading import Reading
from pixelwise.data.faults import Fault, relative
from pixelwise.data.images import image_size
from pixelwise.data.item_splits import with_splits
from pixelwise.data.layouts import SPLIT_NAMES
from pixelwise.errors import InputError
from pixelwise.shapes import Size

SINGLE_NAMES = ("annotations.json", "_annotations.coco.json")
"""Pasture's name, which others use as well, and Roboflow's."""

PARTED = re.compile(r"(?:instances_)?(?P<folder>(?P<split>[a-zA-Z]+)[0-9]*)", re.ASCII)
"""COCO's own files: annotations/instances_train2017.json with the images in train2017."""


@dataclass(frozen=True)
class CocoPlace:
    """A COCO file, the folders in which its images may lie, and its split ("" where the place does not say it)."""

    file: Path
    folders: tuple[Path, ...]
    split: str


def find_coco(root: Path) -> tuple[CocoPlace, ...]:
    """The COCO files of a data set, in one of four layouts; none where there are none.

    (1) the file itself; (2) DIR/annotations.json; (3) DIR/train/_annotations.coco.json, the same for valid and test;
    (4) DIR/annotations/instances_train2017.json and others. Images lie in DIR/images, beside the file, or in folders
    named like the file's ending, as the layouts have it.
    """
    if root.is_file():
        return (CocoPlace(root, (root.parent / "images", root.parent), ""),)
    if not root.is_dir():
        return ()
    single = next((root / name for name in SINGLE_NAMES if (root / name).is_file()), None)
    if single:
        return (CocoPlace(single, (root / "images", root), ""),)
    parts = [
        CocoPlace(folder / name, (folder, folder / "images"), split)
        for folder, split in ((root / name, split) for name, split in SPLIT_NAMES.items())
        for name in SINGLE_NAMES
        if (folder / name).is_file()
    ]
    return tuple(parts) or _parted(root)


def list_coco(
    root: Path, places: Sequence[CocoPlace], classes: Sequence[str] | None, masks: bool, splits: Path | None
) -> DetectionListing:
    """The items of a data set.

    Args:
        root: its folder, for messages and splits.csv.
        places: from `find_coco`.
        classes: those wanted, background first; None for those of the files.
        masks: whether objects have masks.
        splits: a splits file, where the places say nothing.

    Raises:
        InputError: a file is no COCO file, or two files give one category id to different classes.
    """
    folder = root if root.is_dir() else root.parent
    faults: list[Fault] = []
    files = [read_coco(place.file, Notes(relative(place.file, folder), faults)) for place in places]
    categories = _united(places, files)
    names = class_names(categories.values(), classes)
    labels = labels_of(categories.values(), names)
    known = {number: labels[name] for number, name in categories.items() if name in labels}
    items = [
        item
        for place, file in zip(places, files, strict=True)
        for item in _items(place, file, relative(place.file, folder), known, masks)
    ]
    if not any(place.split for place in places):
        table = splits or folder / "splits.csv"
        items = with_splits(items, folder, [table] if table.is_file() else [], faults)
    for number, name in categories.items():
        if is_background(name):
            found = f"category {number} is called {name}; it is not a class of its own"
            faults.append(Fault("warning", "background-category", relative(places[0].file, folder), found, "remove it"))
    by_label = {label: number for number, label in known.items()}
    ids = tuple(by_label.get(label, label) for label in range(1, len(names)))
    return DetectionListing(tuple(items), names, ids, tuple(faults))


def _parted(root: Path) -> tuple[CocoPlace, ...]:
    """COCO's own layout."""
    places: list[CocoPlace] = []
    for file in sorted((root / "annotations").glob("*.json")):
        said = PARTED.fullmatch(file.stem)
        split = SPLIT_NAMES.get(said["split"].casefold()) if said else None
        if said and split and (file.stem.startswith("instances_") or said["folder"] == said["split"]):
            names = dict.fromkeys((said["folder"], said["split"], split))
            folders = [base / name for name in names for base in (root / "images", root)]
            places.append(CocoPlace(file, (*folders, root / "images", root), split))
    return tuple(places)


def _united(places: Sequence[CocoPlace], files: Sequence[CocoFile]) -> dict[int, str]:
    """All categories of all files."""
    categories: dict[int, str] = {}
    for place, file in zip(places, files, strict=True):
        for number, name in file.categories.items():
            if categories.setdefault(number, name) != name:
                raise InputError(
                    "one name for each category id in all files",
                    f"{place.file}: category {number} is {name}, elsewhere {categories[number]}",
                    hint="write the files of all splits with the same categories",
                )
    if len(set(categories.values())) < len(categories):
        names = ", ".join(categories.values())[:100]
        raise InputError("one category id for each name in all files", names, hint="write them with the same ids")
    return dict(sorted(categories.items()))


def _items(place: CocoPlace, file: CocoFile, shown: str, labels: Mapping[int, int], masks: bool) -> list[DetectionItem]:
    items: list[DetectionItem] = []
    for image in file.images:
        path = _image_path(image, place.folders)
        records = file.annotations[image.id]
        read = partial(_read, records=records, image=path, size=image.size, labels=labels, masks=masks)
        items.append(DetectionItem(image.file_name, path, place.split, image.id, shown, read))
    return items


def _image_path(image: CocoImage, folders: Sequence[Path]) -> Path:
    """Where the image lies; where it would lie in the first folder if it is nowhere."""
    candidates = [folder / name for name in (image.file_name, Path(image.file_name).name) for folder in folders]
    return next((path for path in candidates if _is_file(path)), candidates[0])


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long for the disk
        return False


def _read(
    notes: Notes,
    records: list[dict[str, Any]],
    image: Path,
    size: Size | None,
    labels: Mapping[int, int],
    masks: bool,
) -> Reading:
    return coco_objects(records, size or image_size(image), labels, notes, masks)

"""Folders in YOLO's layout: images and labels side by side, class names in data.yaml or classes.txt."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pixelwise.data.detection.class_numbers import class_names, labels_of
from pixelwise.data.detection.image_files import image_files
from pixelwise.data.detection.items import DetectionItem, DetectionListing
from pixelwise.data.detection.notes import Notes
from pixelwise.data.detection.reading import Reading, reading_of
from pixelwise.data.detection.written_values import name_text
from pixelwise.data.detection.yaml_names import read_yaml_names
from pixelwise.data.detection.yolo_text import UNKNOWN, read_yolo
from pixelwise.data.faults import Fault, relative
from pixelwise.data.images import image_size
from pixelwise.data.item_splits import with_splits
from pixelwise.data.layouts import SPLIT_NAMES
from pixelwise.data.tables import read_utf8
from pixelwise.errors import InputError

YAML_NAMES = ("data.yaml", "data.yml", "dataset.yaml")
TEXT_NAMES = ("classes.txt", "labels/classes.txt", "obj.names")
NAMES_HINT = "write data.yaml with `names: [first, second]`, or classes.txt with one name on a line"


@dataclass(frozen=True)
class YoloPlace:
    """A folder of images, that of its label files, and the split ("" where the place does not say it)."""

    images: Path
    labels: Path
    split: str


def find_yolo(root: Path) -> tuple[YoloPlace, ...]:
    """The places of a data set; none where the layout is another. The paths in data.yaml are not followed.

    (1) DIR/images/train and DIR/labels/train, the same for val and test; (2) DIR/train/images and DIR/train/labels;
    (3) DIR/images and DIR/labels.
    """
    places = [YoloPlace(root / "images" / name, root / "labels" / name, split) for name, split in SPLIT_NAMES.items()]
    places += [YoloPlace(root / name / "images", root / name / "labels", split) for name, split in SPLIT_NAMES.items()]
    found = [place for place in places if place.images.is_dir() and place.labels.is_dir()]
    whole = YoloPlace(root / "images", root / "labels", "")
    if not found and whole.images.is_dir() and whole.labels.is_dir():
        found = [whole]
    texts = any(next(place.labels.rglob("*.txt"), None) for place in found)
    if texts:
        return tuple(found)
    # Without a single label file: a list of names makes it YOLO's, unless the labels are pictures.
    return tuple(found) if _names_file(root) and not any(image_files(place.labels) for place in found) else ()


def list_yolo(
    root: Path, places: Sequence[YoloPlace], classes: Sequence[str] | None, masks: bool, splits: Path | None
) -> DetectionListing:
    """The items of a data set; an image without a label file has no objects, as is the custom.

    Raises:
        InputError: there are no class names, or they cannot be read.
    """
    written = _names(root)
    names = class_names(written, classes)
    known = labels_of(written, names)
    labels = tuple(known.get(name, UNKNOWN) for name in written)
    faults: list[Fault] = []
    items: list[DetectionItem] = []
    for place in places:
        lonely = {file.relative_to(place.labels).with_suffix(""): file for file in sorted(place.labels.rglob("*.txt"))}
        for image in image_files(place.images):
            name = image.relative_to(place.images)
            file = place.labels / name.with_suffix(".txt")
            lonely.pop(name.with_suffix(""), None)
            read = partial(_read, file=file, image=image, labels=labels, masks=masks)
            items.append(DetectionItem(name.as_posix(), image, place.split, len(items) + 1, relative(file, root), read))
        faults += [_lonely(file, root) for file in lonely.values() if file.name != "classes.txt"]
    if not any(place.split for place in places):
        table = splits or root / "splits.csv"
        items = with_splits(items, root, [table] if table.is_file() else [], faults)
    numbers = {name: number for number, name in enumerate(written)}
    ids = tuple(numbers.get(name, label) for label, name in enumerate(names))[1:]
    return DetectionListing(tuple(items), names, ids, tuple(faults))


def _lonely(file: Path, root: Path) -> Fault:
    fix = "add the image under the same name, or remove the file"
    return Fault("warning", "annotations-without-image", relative(file, root), "no image of the same name", fix)


def _names_file(root: Path) -> Path | None:
    return next((root / name for name in (*YAML_NAMES, *TEXT_NAMES) if (root / name).is_file()), None)


def _names(root: Path) -> tuple[str, ...]:
    file = _names_file(root)
    if file is None:
        raise InputError("class names beside YOLO labels", f"{root}: no {YAML_NAMES[0]}", hint=NAMES_HINT)
    if file.name in YAML_NAMES:
        return read_yaml_names(file)
    lines = [line for line in read_utf8(file, NAMES_HINT).split("\n") if line.strip()]
    names = tuple(name_text(line, f"{file} line {number}") for number, line in enumerate(lines, start=1))
    if not names or len(set(names)) < len(names):
        raise InputError("class names that differ", f"{file}: {', '.join(names)[:100] or 'none'}", hint=NAMES_HINT)
    return names


def _read(notes: Notes, file: Path, image: Path, labels: tuple[int, ...], masks: bool) -> Reading:
    size = image_size(image)
    if not file.exists():
        return reading_of([], size, masks)
    return read_yolo(file, size, labels, notes, masks)

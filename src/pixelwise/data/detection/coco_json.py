"""Object annotations in COCO's JSON.

Source: Lin et al. 2014; the format is that of the data set's page "Data format". A bbox is x, y, width and height in
pixels with 0 at the image's corner. A segmentation is a list of polygons, or run lengths, plain or compressed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pixelwise.data.detection.coco_masks import read_segmentation
from pixelwise.data.detection.notes import Notes
from pixelwise.data.detection.reading import Draft, Reading, reading_of
from pixelwise.data.detection.written_values import coordinates, name_text, shown, side
from pixelwise.data.tables import read_utf8
from pixelwise.errors import InputError
from pixelwise.shapes import Size

HINT = "a COCO file is an object with the lists images, annotations and categories"

Key = int | str
"""An id; COCO's are numbers, other programs write text."""

LARGEST_ID = 10**9
"""Category ids lie below; COCO's go to 90."""


@dataclass(frozen=True)
class CocoImage:
    """One image record. `size` is None where the file does not say it."""

    id: Key
    file_name: str
    size: Size | None


@dataclass(frozen=True)
class CocoFile:
    """A file taken apart: images in order, the raw annotations of each, and category names by id, ids ascending."""

    images: tuple[CocoImage, ...]
    annotations: Mapping[Key, list[dict[str, Any]]] = field(repr=False)
    categories: Mapping[int, str]


def read_coco(path: Path, notes: Notes) -> CocoFile:
    """The records of a COCO file; single annotations are examined by `coco_objects`.

    Annotations of images that the file does not list are left out and noted.

    Raises:
        InputError: naming the file: missing, not JSON, nested too deeply, without the three lists, or a category that
            is not one. Image records that are wrong are noted.
    """
    content = _parsed(path)
    lists = {name: content.get(name) for name in ("images", "annotations", "categories")}
    for name, entries in lists.items():
        if not isinstance(entries, list):
            raise InputError(f"a list called {name}", f"{path}: {shown(entries)}", hint=HINT)
    categories = _categories(lists["categories"] or [], path)
    images: dict[Key, CocoImage] = {}
    for place, record in enumerate(lists["images"] or []):
        image = _image(record, f"image record {place}", notes)
        if image and image.id in images:
            found = f"image id {shown(image.id)} twice: {images[image.id].file_name} and {image.file_name}"
            notes.fatal("image-id-twice", found, "give each image its own id")
        elif image:
            images[image.id] = image
    annotations: dict[Key, list[dict[str, Any]]] = {key: [] for key in images}
    _sort_in(lists["annotations"] or [], annotations, notes)
    return CocoFile(tuple(images.values()), annotations, categories)


def coco_objects(
    annotations: list[dict[str, Any]], size: Size, labels: Mapping[int, int], notes: Notes, masks: bool
) -> Reading:
    """The objects of one image.

    Objects that cannot be read are noted and left out; those whose segmentation cannot be read keep their box.

    Args:
        annotations: their raw records.
        size: height and width of the image.
        labels: the label of each category id, 0 for a category called background.
        notes: where faults go.
        masks: whether to read segmentations.

    Raises:
        InputError: an object cannot be read and faults are not collected.
    """
    drafts: list[Draft] = []
    for record in annotations:
        name = f"annotation {shown(record.get('id'))}"
        box, label, crowd = _box(record, name, notes), _label(record, labels, name, notes), _crowd(record, name, notes)
        if box is None or label is None or crowd is None:
            continue
        x, y, width, height = box
        mask = read_segmentation(record.get("segmentation"), size, name, notes) if masks else None
        drafts.append(Draft(name, (x, y, x + width, y + height), label, crowd, mask=mask))
    return reading_of(drafts, size, masks)


def _parsed(path: Path) -> dict[str, Any]:
    text = read_utf8(path, HINT)
    try:
        content = json.loads(text)
    except RecursionError as problem:
        raise InputError("a COCO file", f"{path}: nested too deeply", hint=HINT) from problem
    except ValueError as problem:
        raise InputError("a COCO file", f"{path}: not JSON: {str(problem)[:100]}", hint=HINT) from problem
    if not isinstance(content, dict):
        raise InputError("a COCO file", f"{path}: {shown(content)}", hint=HINT)
    return content


def _categories(records: list[Any], path: Path) -> dict[int, str]:
    found: dict[int, str] = {}
    for place, record in enumerate(records):
        where = f"{path}: category record {place}"
        fields = record if isinstance(record, dict) else {}
        number = fields.get("id")
        if type(number) is not int or not 0 <= number < LARGEST_ID or number in found:
            raise InputError("a category with an id of its own, from 0 on", f"{where}: {shown(record)}", hint=HINT)
        found[number] = name_text(fields.get("name"), where)
    if not found or len(set(found.values())) < len(found):
        names = ", ".join(found.values()) or "none"
        raise InputError("categories with different names", f"{path}: {names[:100]}", hint="rename or unite them")
    return dict(sorted(found.items()))


def _image(record: Any, where: str, notes: Notes) -> CocoImage | None:
    try:
        if not isinstance(record, dict) or not _is_key(record.get("id")):
            raise InputError("an image with an id", f"{where}: {shown(record)}", hint=HINT)
        name = name_text(record.get("file_name"), where).replace("\\", "/")
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise InputError("a file name inside the folder", f"{where}: {shown(name)}", hint="write a relative path")
        unsaid = record.get("height") is None and record.get("width") is None
        size = None if unsaid else (side(record.get("height"), where), side(record.get("width"), where))
    except InputError as error:
        notes.fatal("image-record", f"{error.got} (wanted {error.wanted})", error.hint)
        return None
    return CocoImage(record["id"], name, size)


def _is_key(value: Any) -> bool:
    return type(value) is int or (isinstance(value, str) and value.isprintable())


def _sort_in(records: list[Any], by_image: dict[Key, list[dict[str, Any]]], notes: Notes) -> None:
    """Puts each annotation to its image."""
    seen: set[Any] = set()
    for place, record in enumerate(records):
        if not isinstance(record, dict):
            notes.lost("annotation-record", f"annotation record {place}: {shown(record)}", "remove it")
            continue
        image, number = record.get("image_id"), record.get("id")
        if not _is_key(image) or image not in by_image:
            found = f"annotation {shown(number)} belongs to image {shown(image)}, which the file does not list"
            notes.warn("unknown-image", found, "add the image record, or remove the annotation")
            continue
        if _is_key(number) and number in seen:
            notes.warn("annotation-id-twice", f"annotation {shown(number)} again", "give each its own id")
        elif _is_key(number):
            seen.add(number)
        by_image[image].append(record)


def _box(record: dict[str, Any], name: str, notes: Notes) -> list[float] | None:
    try:
        return coordinates(record.get("bbox"), 4, f"{name}, bbox")
    except InputError as error:
        notes.lost("box-numbers", f"{error.got} (wanted {error.wanted})", error.hint)
        return None


def _label(record: dict[str, Any], labels: Mapping[int, int], name: str, notes: Notes) -> int | None:
    category = record.get("category_id")
    if type(category) is not int or category not in labels:
        found = f"{name}: category {shown(category)}, which is none of the classes"
        fix = "add the category, or correct the id; 0 is no class unless the file lists it"
        notes.fatal("unknown-class", found, fix)
        return None
    if labels[category] == 0:
        notes.background(name)
        return None
    return labels[category]


def _crowd(record: dict[str, Any], name: str, notes: Notes) -> bool | None:
    value = record.get("iscrowd", 0)
    if isinstance(value, bool | int) and value in (0, 1):
        return bool(value)
    notes.lost("crowd-flag", f"{name}: iscrowd {shown(value)}", "write 0 or 1")
    return None

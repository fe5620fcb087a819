"""Folders in Pascal VOC's layout: Annotations, JPEGImages, ImageSets/Main."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pixelwise.data.detection.class_numbers import class_names, labels_of
from pixelwise.data.detection.image_files import image_files
from pixelwise.data.detection.items import DetectionItem, DetectionListing
from pixelwise.data.detection.notes import Notes
from pixelwise.data.detection.reading import Reading
from pixelwise.data.detection.voc_xml import read_voc, voc_objects
from pixelwise.data.faults import Fault, fault_of, relative
from pixelwise.data.images import image_size
from pixelwise.data.item_splits import with_splits
from pixelwise.data.layouts import IMAGE_FOLDERS
from pixelwise.errors import InputError

SPLIT_FILES = ("train.txt", "val.txt", "test.txt")
"""Those of ImageSets/Main that part the images; the others list the images of one class, or join two of these."""


@dataclass(frozen=True)
class VocPlace:
    """The folder of XML files and the folder of images."""

    annotations: Path
    images: Path


def find_voc(root: Path) -> VocPlace | None:
    """The two folders of a data set; None where the layout is another."""
    if not root.is_dir():
        return None
    folders = {child.name.casefold(): child for child in sorted(root.iterdir()) if child.is_dir()}
    annotations = folders.get("annotations")
    images = next((folders[name] for name in reversed(IMAGE_FOLDERS) if name in folders), None)
    if annotations is None or images is None or next(annotations.glob("*.xml"), None) is None:
        return None
    return VocPlace(annotations, images)


def list_voc(root: Path, place: VocPlace, classes: Sequence[str] | None, splits: Path | None) -> DetectionListing:
    """The items of a data set. Without `classes`, all XML files are read for their names, which then go by alphabet.

    Splits come from `splits`, else from ImageSets/Main, else from splits.csv; without any, all items are "train".

    Raises:
        InputError: a wanted class is wrong.
    """
    faults: list[Fault] = []
    files = {file.stem: file for file in sorted(place.annotations.glob("*.xml"))}
    images = image_files(place.images)
    names = class_names(sorted(_names(files, root, faults)) if classes is None else (), classes)
    items: list[DetectionItem] = []
    for number, image in enumerate(images, start=1):
        xml = files.pop(image.stem, place.annotations / f"{image.stem}.xml")
        name = image.relative_to(place.images).as_posix()
        read = partial(_read, file=xml, image=image, classes=names)
        items.append(DetectionItem(name, image, "", number, relative(xml, root), read))
    for lonely in files.values():
        fix = "add the image under the same name, or remove the file"
        faults.append(
            Fault("warning", "annotations-without-image", relative(lonely, root), "no image of the same name", fix)
        )
    items = with_splits(items, root, _split_files(root, splits), faults)
    return DetectionListing(tuple(items), names, tuple(range(1, len(names))), tuple(faults))


def _names(files: Mapping[str, Path], root: Path, faults: list[Fault]) -> set[str]:
    names: set[str] = set()
    for file in files.values():
        try:
            names |= read_voc(file).names
        except InputError as error:
            faults.append(fault_of(error, "unreadable-annotations", file, root))
    return {name for name in names if name.isprintable()}


def _split_files(root: Path, given: Path | None) -> list[Path]:
    if given is not None:
        return [given]
    listed = [root / "ImageSets" / "Main" / name for name in SPLIT_FILES]
    return [file for file in listed if file.is_file()] or [file for file in (root / "splits.csv",) if file.is_file()]


def _read(notes: Notes, file: Path, image: Path, classes: tuple[str, ...]) -> Reading:
    found = read_voc(file)
    return voc_objects(found, found.size or image_size(image), labels_of(found.names, classes), notes)

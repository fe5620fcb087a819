"""Where a folder keeps its images and its label maps, and which file belongs to which."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pixelwise.data.images import IMAGE_SUFFIXES
from pixelwise.errors import InputError

IMAGE_FOLDERS = ("images", "image", "imgs", "img", "jpegimages")
LABEL_FOLDERS = ("labels", "label", "masks", "mask", "annotations_png", "segmentationclass")
"""Names in lower case, and in this order where a folder has several of them. The last are Pascal VOC's."""

SPLIT_NAMES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
ENDINGS = ("", "_mask", "_label")
"""What the stem of a label map may add to the stem of its image, in order of preference."""

LAYOUT_HINT = "make DIR/images and DIR/labels with files of the same names, or DIR/train and DIR/val with both inside"


@dataclass(frozen=True)
class Place:
    """A folder of images, its folder of label maps, and the split of both ("" when the folder does not say)."""

    images: Path
    labels: Path | None
    split: str


@dataclass(frozen=True)
class Partners:
    """The image files of one place by name, each with its label maps: none, one, or by mistake several.

    `lonely` are label maps without an image, `others` files that are not images by their suffix.
    """

    place: Place
    images: dict[Path, tuple[Path, ...]]
    lonely: tuple[Path, ...]
    others: tuple[Path, ...]


def find_places(root: Path) -> tuple[Place, ...]:
    """The folders of images and label maps under a root, in one of three layouts.

    (1) DIR/images and DIR/labels, or another usual pair of names; (2) DIR/train, DIR/val, DIR/test with (1) in each;
    (3) DIR/train and DIR/trainannot, the same for val and test (SegNet's).

    Raises:
        InputError: the root is missing, is a file, or has none of the layouts.
    """
    if not root.is_dir():
        found = "a file" if root.exists() else "nothing"
        raise InputError(
            "a folder with images and label maps", f"{root}, where there is {found}", hint="check the path"
        )
    folders = {child.name.casefold(): child for child in sorted(root.iterdir()) if child.is_dir()}
    places = _side_by_side(folders, "") or _annotated(folders) or _split_folders(folders)
    if not places:
        inside = ", ".join(sorted(child.name for child in root.iterdir())[:8]) or "nothing"
        raise InputError("a folder of images beside a folder of label maps", f"{root} with {inside}", hint=LAYOUT_HINT)
    return places


def find_partners(place: Place) -> Partners:
    """Each image of a place with the label maps of the same relative path and stem, whatever the suffix."""
    images, others = _files(place.images)
    label_files, strange = _files(place.labels) if place.labels else ([], [])
    by_stem: dict[Path, list[Path]] = {}
    for file in label_files:
        by_stem.setdefault(_stem(file, place.labels or place.images), []).append(file)
    partners = {image: _matches(_stem(image, place.images), by_stem) for image in images}
    used = {file for files in partners.values() for file in files}
    lonely = tuple(file for file in label_files if file not in used)
    return Partners(place, partners, lonely, (*others, *strange))


def _side_by_side(folders: dict[str, Path], split: str) -> tuple[Place, ...]:
    images = next((folders[name] for name in IMAGE_FOLDERS if name in folders), None)
    labels = next((folders[name] for name in LABEL_FOLDERS if name in folders), None)
    return (Place(images, labels, split),) if images else ()


def _annotated(folders: dict[str, Path]) -> tuple[Place, ...]:
    return tuple(
        Place(folders[name], folders[name + "annot"], split)
        for name, split in SPLIT_NAMES.items()
        if name in folders and name + "annot" in folders
    )


def _split_folders(folders: dict[str, Path]) -> tuple[Place, ...]:
    places: list[Place] = []
    for name, split in SPLIT_NAMES.items():
        if name in folders:
            inside = {child.name.casefold(): child for child in sorted(folders[name].iterdir()) if child.is_dir()}
            places.extend(_side_by_side(inside, split))
    return tuple(places)


def _files(folder: Path) -> tuple[list[Path], list[Path]]:
    """Files of known image suffixes, and all others, at any depth; hidden ones (system leftovers) are passed over."""
    files = [
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    ]
    known = [file for file in files if file.suffix.lower() in IMAGE_SUFFIXES]
    return known, [file for file in files if file.suffix.lower() not in IMAGE_SUFFIXES]


def _stem(file: Path, folder: Path) -> Path:
    return file.relative_to(folder).with_suffix("")


def _matches(stem: Path, by_stem: dict[Path, list[Path]]) -> tuple[Path, ...]:
    candidates: Iterable[Path] = (stem.with_name(stem.name + ending) for ending in ENDINGS)
    return next((tuple(by_stem[candidate]) for candidate in candidates if candidate in by_stem), ())

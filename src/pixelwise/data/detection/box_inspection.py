"""One image and its objects: what the doctor needs to know about them, and their own faults."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pixelwise.data.detection.items import DetectionItem
from pixelwise.data.detection.objects import Objects
from pixelwise.data.detection.reading import Reading
from pixelwise.data.detection.repair import repaired
from pixelwise.data.faults import Fault, fault_of, relative
from pixelwise.data.formats.decode import decode
from pixelwise.data.images import colour_values, refuse_unscaled, upright
from pixelwise.data.items import UNLISTED
from pixelwise.errors import InputError
from pixelwise.shapes import Size


@dataclass(frozen=True)
class BoxInspection:
    """What one item holds: objects as written and after repair; None where they cannot be read.

    `content` is a hash of the image file, "" where it cannot be read.
    """

    item: DetectionItem
    written: Objects | None
    objects: Objects | None
    content: str
    faults: tuple[Fault, ...]


def inspect_boxes(item: DetectionItem, root: Path) -> BoxInspection:
    """Decodes the image, reads its objects and repairs them; raises nothing for a fault of the data."""
    faults: list[Fault] = []
    size, content = _image(item, root, faults)
    reading = _reading(item, size is None, root, faults)
    if reading is None:
        return BoxInspection(item, None, None, content, tuple(faults))
    written = reading.objects
    if size is not None and size != written.size:
        found = f"the image is {size[0]}x{size[1]}, {item.file} says {written.size[0]}x{written.size[1]}"
        turned = "; it may have been turned by its EXIF orientation" if size == written.size[::-1] else ""
        fix = "annotate the image as it is, or correct the size"
        faults.append(Fault("fatal", "size-mismatch", relative(item.image, root), found + turned, fix))
    objects, repairs = repaired(written, reading.names, item.where)
    return BoxInspection(item, written, objects, content, (*faults, *repairs))


def _image(item: DetectionItem, root: Path, faults: list[Fault]) -> tuple[Size | None, str]:
    """The image's size as it is seen, and its hash."""
    try:
        raster = decode(item.image)
        pixels = upright(raster)
        refuse_unscaled(colour_values(pixels, raster.traits), item.image)
    except InputError as error:
        kind = "unreadable-image" if item.image.is_file() else "missing-image"
        faults.append(fault_of(error, kind, item.image, root))
        return None, ""
    return (int(pixels.shape[0]), int(pixels.shape[1])), hashlib.blake2b(item.image.read_bytes()).hexdigest()


def _reading(item: DetectionItem, no_image: bool, root: Path, faults: list[Fault]) -> Reading | None:
    try:
        return item.reading(faults)
    except InputError as error:
        if not (no_image and str(item.image) in error.got):  # said already
            severity: Literal["fatal", "warning"] = "warning" if item.split == UNLISTED else "fatal"
            found = f"{error.got} (wanted {error.wanted})"
            faults.append(Fault(severity, "unreadable-annotations", item.where, found, error.hint))
        return None

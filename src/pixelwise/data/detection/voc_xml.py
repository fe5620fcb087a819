"""Object annotations in Pascal VOC's XML, one file for each image.

Source: Everingham et al. 2010 and the development kit's documentation: the image's upper left pixel is (1, 1), and
xmax, ymax name the last pixel inside. So x0 = xmin - 1 and x1 = xmax. A box whose two corners are one point is read
as empty: labelling programs store a mis-click so. (By the letter it would be one pixel.)

The XML is read without entities, document types and deep nesting, which annotations do not need and which can be made
to fill the memory.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from pixelwise.data.detection.notes import Notes
from pixelwise.data.detection.reading import Draft, Reading, reading_of
from pixelwise.data.detection.small_files import read_small
from pixelwise.data.detection.written_values import coordinates, name_text, number_of, shown, side
from pixelwise.errors import InputError
from pixelwise.shapes import Size

HINT = "write a Pascal VOC file: annotation, with size and object/name, object/bndbox/xmin ymin xmax ymax"
DEEPEST = 32
"""Levels of elements; VOC's own files have four (annotation, object, part, bndbox) and their numbers."""

CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class VocFile:
    """A file taken apart: the image's size, None where it is not said, and the elements of the objects."""

    size: Size | None
    objects: tuple[Element, ...]

    @property
    def names(self) -> set[str]:
        """The class names that can be read."""
        return {(element.findtext("name") or "").strip() for element in self.objects} - {""}


def read_voc(path: Path) -> VocFile:
    """The size and the objects of a VOC file; single objects are examined by `voc_objects`.

    A size of 0, which some programs write where they did not look, is a size that is not said.

    Raises:
        InputError: naming the file: missing, too large, no XML, with a document type, nested too deeply, of another
            kind, or with a size that is none.
    """
    root = _parsed(read_small(path, "a Pascal VOC annotation"), path)
    if root.tag != "annotation":
        raise InputError("a Pascal VOC annotation", f"{path}: an element called {shown(root.tag)}", hint=HINT)
    written = [(root.findtext(f"size/{part}") or "").strip() for part in ("height", "width")]
    if all(text in ("", "0") for text in written):
        return VocFile(None, tuple(root.findall("object")))
    height, width = (side(number_of(text), f"{path}: size") for text in written)
    return VocFile((height, width), tuple(root.findall("object")))


def voc_objects(file: VocFile, size: Size, labels: Mapping[str, int], notes: Notes) -> Reading:
    """The objects of one image; parts of objects (VOC's person layout) are passed over.

    Args:
        file: its file.
        size: height and width of the image.
        labels: the label of each class name, 0 for background.
        notes: where faults go; objects that cannot be read are noted and left out.

    Raises:
        InputError: an object cannot be read and faults are not collected.
    """
    drafts = [_draft(element, number, labels, notes) for number, element in enumerate(file.objects, start=1)]
    return reading_of([draft for draft in drafts if draft], size, masks=False)


def _draft(element: Element, number: int, labels: Mapping[str, int], notes: Notes) -> Draft | None:
    try:
        name = name_text(element.findtext("name"), f"object {number}, name")
    except InputError as error:
        notes.fatal("unknown-class", f"{error.got} (wanted {error.wanted})", error.hint)
        return None
    where = f"object {number} ({name})"
    if name not in labels:
        notes.fatal("unknown-class", f"{where}: not one of the classes", "rename it, or train with this class")
        return None
    if labels[name] == 0:
        notes.background(where)
        return None
    try:
        corners = [number_of(element.findtext(f"bndbox/{corner}") or "") for corner in CORNERS]
        xmin, ymin, xmax, ymax = coordinates(corners, 4, f"{where}, bndbox")
    except InputError as error:
        notes.lost("box-numbers", f"{error.got} (wanted {error.wanted})", error.hint)
        return None
    point = xmin == xmax and ymin == ymax
    box = (xmin - 1, ymin - 1, xmin - 1, ymin - 1) if point else (xmin - 1, ymin - 1, xmax, ymax)
    difficult = (element.findtext("difficult") or "").strip() == "1"
    return Draft(where, box, labels[name], difficult=difficult)


def _parsed(content: bytes, path: Path) -> Element:
    builder, depth = TreeBuilder(), 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise InputError(f"XML of at most {DEEPEST} levels", f"{path}: more", hint=HINT)
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def refuse(*_: object) -> None:
        raise InputError("XML without a document type or entities", f"{path}: one", hint="remove the DOCTYPE")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, builder.data
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(content, True)
        root: Element = builder.close()
    except InputError:
        raise
    except (expat.ExpatError, LookupError, ValueError) as problem:  # the latter two: an encoding that is unknown
        raise InputError("an XML file", f"{path}: {str(problem)[:100]}", hint=HINT) from problem
    return root

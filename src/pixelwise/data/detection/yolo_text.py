"""Object annotations in YOLO's text files: one file for each image, one line for each object.

A line is `class cx cy w h`, the centre and the size of the box in shares of the image's width and height, or
`class x1 y1 x2 y2 x3 y3 ...`, a polygon in the same shares. Classes count from 0; labels here are one more.
Source: the format's users agree on this; there is no paper.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from pixelwise.data.detection.notes import Notes
from pixelwise.data.detection.polygon_fill import fill_polygons
from pixelwise.data.detection.reading import Draft, Reading, reading_of
from pixelwise.data.detection.small_files import read_small
from pixelwise.data.detection.written_values import coordinates, number_of, shown
from pixelwise.errors import InputError
from pixelwise.shapes import Size

HINT = "write `class cx cy w h` with shares of the image in 0..1, or `class x1 y1 x2 y2 x3 y3 ...`"

FARTHEST = 2.0
"""Shares further than this from 0 are pixels by mistake: no drawn box reaches a whole image past the border."""

UNKNOWN = -1
"""The label of a class that the caller's own list of classes does not have."""

CLASS = re.compile(r"[0-9]{1,9}(\.0*)?", re.ASCII)
"""A class number; some programs write it as 3.0."""


def read_yolo(path: Path, size: Size, labels: Sequence[int], notes: Notes, masks: bool) -> Reading:
    """The objects of one image.

    A polygon's box is the smallest that holds its points. Lines that cannot be read are noted and left out.

    Args:
        path: its label file; an empty one means that there is no object.
        size: height and width of the image.
        labels: the label of each class, 0 for one called background, -1 for one that is not asked for.
        notes: where faults go.
        masks: whether to draw polygons.

    Raises:
        InputError: naming the file: missing, too large, not UTF-8; or a line cannot be read and faults are not
            collected.
    """
    try:
        text = read_small(path, "a YOLO label file").decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise InputError("a YOLO label file in UTF-8", f"{path}: another encoding", hint=HINT) from problem
    drafts: list[Draft] = []
    for number, line in enumerate(text.split("\n"), start=1):
        words = line.split()
        if words:
            draft = _draft(words, size, labels, f"line {number}", notes, masks)
            if draft:
                drafts.append(draft)
    return reading_of(drafts, size, masks)


def _draft(words: list[str], size: Size, labels: Sequence[int], name: str, notes: Notes, masks: bool) -> Draft | None:
    label = _label(words[0], labels, name, notes)
    if label is None:
        return None
    try:
        shares = coordinates([number_of(word) for word in words[1:]], None, name)
    except InputError as error:
        notes.lost("box-numbers", f"{error.got} (wanted {error.wanted})", error.hint)
        return None
    if any(abs(share) > FARTHEST for share in shares):
        notes.lost("not-normalised", f"{name}: {max(shares, key=abs):g} is no share of the image", HINT)
        return None
    if len(shares) == 4:
        cx, cy, w, h = shares
        box = cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2
        return Draft(name, _pixels(box, size), label)
    if len(shares) < 6 or len(shares) % 2:
        kind = "polygon-points" if len(shares) > 4 else "box-numbers"
        notes.lost(kind, f"{name}: {len(shares)} numbers after the class, neither a box nor three points", HINT)
        return None
    return _polygon(shares, size, label, name, notes, masks)


def _label(word: str, labels: Sequence[int], name: str, notes: Notes) -> int | None:
    number = int(float(word)) if CLASS.fullmatch(word) else -1
    if not 0 <= number < len(labels) or labels[number] == UNKNOWN:
        found = f"{name}: class {shown(word)}, there are 0..{len(labels) - 1}"
        notes.fatal("unknown-class", found, "correct the class, or add its name to data.yaml or classes.txt")
        return None
    if labels[number] == 0:
        notes.background(name)
        return None
    return labels[number]


def _polygon(shares: list[float], size: Size, label: int, name: str, notes: Notes, masks: bool) -> Draft | None:
    xs, ys = [share * size[1] for share in shares[0::2]], [share * size[0] for share in shares[1::2]]
    box = min(xs), min(ys), max(xs), max(ys)
    if not masks:
        return Draft(name, box, label)
    points = [coordinate for point in zip(xs, ys, strict=True) for coordinate in point]
    try:
        return Draft(name, box, label, mask=fill_polygons([points], size, name))
    except InputError as error:
        notes.lost("segmentation", error.got, error.hint)
        return Draft(name, box, label)


def _pixels(box: tuple[float, float, float, float], size: Size) -> tuple[float, float, float, float]:
    height, width = size
    return box[0] * width, box[1] * height, box[2] * width, box[3] * height

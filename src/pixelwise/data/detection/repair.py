"""Boxes that cannot hurt: after repair each is finite, inside its image and at least 1/100 pixel wide and high."""

from dataclasses import replace

import torch
from jaxtyping import Bool
from torch import Tensor

from pixelwise.data.detection.items import DetectionItem
from pixelwise.data.detection.notes import Notes
from pixelwise.data.detection.objects import Objects
from pixelwise.data.faults import Fault
from pixelwise.ops.box_overlap import box_iou
from pixelwise.ops.run_lengths import rle_iou
from pixelwise.shapes import Boxes

MIN_SIDE = 0.01
"""Pixels. Published detectors drop what they find below this side (torchvision's remove_small_boxes), so that no
smaller object could be found; and the logarithm that codes such a side is far from any overflow."""

SLACK = 0.5
"""Pixels past the border that are only rounding of the file: such boxes are clipped without a word."""

SAME = 0.99
"""Overlap from which two boxes of one class are one object that was annotated twice."""

SAME_MASK = 0.9
"""With such boxes, masks that overlap less are two objects after all, such as a lattice and what is behind it."""

MOST_COMPARED = 2000
"""Objects of one image up to which each pair is compared; with more, only equal boxes count as duplicates."""

TINY = 1.0
"""Pixels: a side below this says nothing that a pixel could show. Kept, and noted."""


def sound_objects(item: DetectionItem) -> tuple[Objects, tuple[Fault, ...]]:
    """The objects of an image as training may use them, and what was left out or changed.

    Raises:
        InputError: the annotations cannot be read, or have a fault that no repair mends, such as an unknown class.
    """
    faults: list[Fault] = []
    reading = item.reading(faults)
    fatal = next((fault for fault in faults if fault.severity == "fatal"), None)
    if fatal:
        raise fatal.as_error()
    objects, repairs = repaired(reading.objects, reading.names, item.where)
    return objects, (*faults, *repairs)


def repaired(objects: Objects, names: tuple[str, ...] = (), file: str = "") -> tuple[Objects, tuple[Fault, ...]]:
    """The objects with sound boxes, and a warning for each thing that was done.

    Corners that are swapped are put right, boxes are clipped to the image; boxes that are not finite, that are empty,
    that lie outside, or that repeat another of the same class are left out. Order and masks stay.

    Args:
        objects: as a reader gives them.
        names: what to call each in a warning; "object 1" and so on without.
        file: the file to name in a warning.

    >>> from pixelwise.data.detection.objects import objects_of
    >>> boxes = torch.tensor([[6.0, 1, 2, 3], [float("nan"), 0, 1, 1], [7, 7, 12, 9]])
    >>> mended, warnings = repaired(objects_of(boxes, torch.tensor([1, 1, 2]), (8, 8)))
    >>> mended.boxes.tolist(), [warning.kind for warning in warnings]
    ([[2.0, 1.0, 6.0, 3.0], [7.0, 7.0, 8.0, 8.0]], ['not-finite', 'reversed', 'partly-outside'])
    """
    faults: list[Fault] = []
    notes = Notes(file or "annotations", faults)
    if not names:
        names = tuple(f"object {number}" for number in range(1, len(objects) + 1))
    finite = objects.boxes.isfinite().all(dim=1)
    objects, names = _without(objects, names, ~finite, notes, "not-finite", "correct its numbers")
    corners = objects.boxes
    turned = torch.cat([corners[:, :2].minimum(corners[:, 2:]), corners[:, :2].maximum(corners[:, 2:])], dim=1)
    for number in _places((turned != corners).any(dim=1)):
        notes.warn("reversed", f"{names[number]}: {_shown(corners[number])}", "write x0 < x1 and y0 < y1; swapped")
    objects, names = _clipped(replace(objects, boxes=turned), names, notes)
    objects, names = _once(objects, names, notes)
    for number in _places((objects.boxes[:, 2:] - objects.boxes[:, :2] < TINY).any(dim=1)):
        notes.warn("tiny", f"{names[number]}: {_shown(objects.boxes[number])}", "check it; less than a pixel is seen")
    return objects, tuple(faults)


def _clipped(objects: Objects, names: tuple[str, ...], notes: Notes) -> tuple[Objects, tuple[str, ...]]:
    boxes = objects.boxes
    fix = "draw it again, or remove it"
    empty = (boxes[:, 2:] - boxes[:, :2] < MIN_SIDE).any(dim=1)
    objects, names = _without(objects, names, empty, notes, "zero-area", fix)
    boxes = objects.boxes
    height, width = objects.size
    limit = torch.tensor([width, height, width, height], dtype=boxes.dtype)
    inside = boxes.clamp(min=0).minimum(limit)
    gone = (inside[:, 2:] - inside[:, :2] < MIN_SIDE).any(dim=1)
    for number in _places(((boxes - inside).abs() > SLACK).any(dim=1) & ~gone):
        found = f"{names[number]}: {_shown(boxes[number])} in an image {width} wide and {height} high"
        notes.warn("partly-outside", found, "draw it inside the image; clipped")
    return _without(replace(objects, boxes=inside), names, gone, notes, "outside", fix, boxes)


def _without(
    objects: Objects,
    names: tuple[str, ...],
    wrong: Bool[Tensor, " N"],
    notes: Notes,
    kind: str,
    fix: str,
    written: Boxes | None = None,
) -> tuple[Objects, tuple[str, ...]]:
    """The others; `written` are the boxes to show where they differ from the objects'."""
    places = _places(wrong)
    if not places:
        return objects, names
    for number in places:
        box = (objects.boxes if written is None else written)[number]
        notes.warn(kind, f"{names[number]}: {_shown(box)}", f"{fix}; left out")
    return objects.take(~wrong), tuple(names[number] for number in _places(~wrong))


def _once(objects: Objects, names: tuple[str, ...], notes: Notes) -> tuple[Objects, tuple[str, ...]]:
    """Each object once; the first of several stays."""
    again = torch.zeros(len(objects), dtype=torch.bool)
    for first, second in _pairs(objects.boxes):
        if again[first] or again[second]:
            continue
        both = f"{names[second]} lies on {names[first]}"
        if objects.labels[first] != objects.labels[second]:
            notes.warn("two-classes", f"{both}, of another class", "keep the class that is right")
        elif objects.crowd[first] == objects.crowd[second] and _same_mask(objects, first, second):
            notes.warn("duplicate", both, "remove one; left out")
            again[second] = True
    if not again.any():
        return objects, names
    return objects.take(~again), tuple(names[number] for number in _places(~again))


def _pairs(boxes: Boxes) -> list[tuple[int, int]]:
    """Boxes that are the same, or nearly, as pairs of places, the earlier one first."""
    if len(boxes) > MOST_COMPARED:
        first: dict[tuple[float, ...], int] = {}
        found = [(first.setdefault(tuple(box), number), number) for number, box in enumerate(boxes.tolist())]
        return [pair for pair in found if pair[0] != pair[1]]
    if len(boxes) < 2:
        return []
    return [(first, second) for first, second in (box_iou(boxes, boxes) >= SAME).triu(1).nonzero().tolist()]


def _same_mask(objects: Objects, first: int, second: int) -> bool:
    if objects.masks is None:
        return True
    overlap = rle_iou([objects.masks[first]], [objects.masks[second]])[0, 0]
    return bool(overlap >= SAME_MASK) or objects.masks[first] == objects.masks[second]


def _places(marked: Bool[Tensor, " N"]) -> list[int]:
    places: list[int] = marked.nonzero().flatten().tolist()
    return places


def _shown(box: Tensor) -> str:
    return "x0 y0 x1 y1 = " + " ".join(f"{value:g}" for value in box.tolist())

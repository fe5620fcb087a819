"""What `pixelwise data check` says of label maps, of boxes and of pairs of images with flow."""

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch

from pixelwise.cli.screen import console, note, progress_bar
from pixelwise.data.detection.box_doctor import REPAIRS, examine_boxes
from pixelwise.data.detection.classes_file import read_choice
from pixelwise.data.detection.folder import open_detection
from pixelwise.data.detection.repaired_copy import write_repaired
from pixelwise.data.doctor import examine
from pixelwise.data.faults import Fault
from pixelwise.data.flow.flow_doctor import examine_flow
from pixelwise.metrics.upper_bound import StrideBounds
from pixelwise.shapes import IGNORE

SPELLED_OUT = 32
"""The stride of most classifiers."""


def check_label_maps(folder: Path, classes: Path | None, splits: Path | None, attributes: Path | None) -> bool:
    """Says every fault of images and label maps; whether training may use them."""
    bounds = StrideBounds(num_classes=IGNORE)
    with progress_bar("images") as progress:
        diagnosis = examine(
            folder, classes, splits, attributes, progress, lambda ids: bounds.add(torch.from_numpy(ids))
        )
    counts = ", ".join(f"{name} {count}" for name, count in diagnosis.splits.items())
    note(f"{diagnosis.images} images ({counts})")
    for split, pixels in diagnosis.class_pixels.items():
        total = max(1, sum(pixels.values()))
        note(f"  {split}: " + ", ".join(f"{name} {count / total:.1%}" for name, count in pixels.items()))
    if diagnosis.classes is not None:
        _note_bounds(bounds.mean_iou())
    note_faults(diagnosis.faults)
    note(f"{len(diagnosis.fatal)} fatal, {len(diagnosis.warnings)} warnings")
    if diagnosis.fatal:
        return False
    note(f"next   pixelwise train segmentation {folder} --out run")
    return True


def check_boxes(folder: Path, classes: Path | None, splits: Path | None, repair: Path | None) -> bool:
    """Says every fault of objects, and what training does about it; writes a repaired copy where one is asked for.

    Gives whether training may use them.
    """
    choice = read_choice(folder, classes)
    with progress_bar("images") as progress:
        diagnosis = examine_boxes(folder, choice.names, True, splits, progress, choice.table)
    counts = ", ".join(f"{name} {count}" for name, count in diagnosis.splits.items())
    note(f"{diagnosis.images} images with boxes ({counts}), {diagnosis.without_objects} without an object")
    for split, objects in diagnosis.class_objects.items():
        note(f"  {split}: " + ", ".join(f"{name} {count}" for name, count in objects.items()))
    if diagnosis.crowds or diagnosis.difficult:
        note(
            f"  {diagnosis.crowds} crowds and {diagnosis.difficult} difficult objects, neither right nor wrong to find"
        )
    note_faults(diagnosis.faults)
    mended = Counter(fault.kind for fault in diagnosis.repairable)
    for kind, count in sorted(mended.items()):
        note(f"repair {count} x {kind}: {REPAIRS[kind]}")
    note(f"{len(diagnosis.fatal)} fatal, {len(diagnosis.repairable)} repaired, {len(diagnosis.warnings)} warnings")
    if diagnosis.fatal:
        return False
    if repair is not None:
        with progress_bar("images") as progress:
            written, _ = write_repaired(
                open_detection(folder, choice.names, True, splits, choice.table), repair, progress
            )
        note(f"wrote  {repair}: {written} objects, in COCO's layout")
    note(f"next   pixelwise train detection {repair or folder} --out run")
    return True


def check_pairs(folder: Path, splits: Path | None) -> bool:
    """Says every fault of pairs of images and their flow; whether training may use them."""
    with progress_bar("pairs") as progress:
        diagnosis = examine_flow(folder, splits, progress)
    counts = ", ".join(f"{name} {count}" for name, count in diagnosis.splits.items())
    note(f"{diagnosis.pairs} pairs in the layout {diagnosis.layout} ({counts}), flow known in {diagnosis.known:.1%}")
    note(f"  motion: {diagnosis.mean:.2f} pixels on average, {diagnosis.longest:.1f} at most")
    note_faults(diagnosis.faults)
    note(f"{len(diagnosis.fatal)} fatal, {len(diagnosis.warnings)} warnings")
    if diagnosis.fatal:
        return False
    note(f"next   pixelwise train flow {folder} --out run")
    return True


def note_faults(faults: Sequence[Fault]) -> None:
    """One entry for each fault: where, what, and what to do."""
    for fault in faults:
        style = "bold red" if fault.severity == "fatal" else "yellow"
        console.print(f"{fault.severity:<8}", style=style, end="")
        note(f"{fault.file}: {fault.found}\n        fix: {fault.fix}")


def _note_bounds(bounds: dict[int, float]) -> None:
    """Says what each stride can reach, and spells one of them out; nothing where no pixel is labelled."""
    if not math.isnan(bounds[SPELLED_OUT]):
        note("  mean IoU within reach, by stride: " + ", ".join(f"{each} {best:.3f}" for each, best in bounds.items()))
        note(
            f"  so a network of stride {SPELLED_OUT} can reach a mean IoU of about {bounds[SPELLED_OUT]:.2f} on these "
            "labels at most"
        )

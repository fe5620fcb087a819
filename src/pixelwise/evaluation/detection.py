"""Detections of named images against their true objects: scores, errors, and the sections of a report on them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pixelwise.data.detection.objects import Objects
from pixelwise.drawing import bar_chart, class_colours, legend, line_chart, matrix_chart
from pixelwise.drawing.objects import draw_objects
from pixelwise.metrics.detection import (
    ERROR_PROTOCOL,
    DetectionScores,
    coco_scores,
    detection_confusion,
    detection_errors,
    image_counts,
    precision_recall,
    worst_images,
)
from pixelwise.ops.paste import CroppedMasks
from pixelwise.ops.run_lengths import Rle, decode_mask, rle_boxes
from pixelwise.reports import Chart, Figure, Figures, Gallery, Picture, Section, Table, Text
from pixelwise.reports.page import Cell
from pixelwise.results import Detections
from pixelwise.shapes import Size

Judged = tuple[str, Objects, Detections]
"""The name of an image, what is in it, and what was found."""

WORST_SHOWN = 4
"""Enough to see a pattern, few enough for a page that mails well."""

CURVES_SHOWN = 8
"""More lines cannot be told apart."""

SHOWN_SCORE = 0.5
"""Where detections are drawn or counted one by one, those below this score are left out."""


@dataclass(frozen=True, eq=False)
class DetectionEvaluation:
    """The scores of boxes, those of masks where there are any, and what they were computed from."""

    judged: tuple[Judged, ...]
    boxes: DetectionScores
    masks: DetectionScores | None
    baseline: DetectionScores | None = None
    """Scores of boxes that were found without looking, see `pixelwise.evaluation.grid_baseline`."""

    def summary(self) -> str:
        """The scores in one line, beside those of the baseline."""
        parts = {"boxes": self.boxes, "masks": self.masks}
        told = [f"{name}: AP50 {part.ap50:.3f}, AP {part.ap:.3f}" for name, part in parts.items() if part is not None]
        floor = "" if self.baseline is None else f" (a grid of equal boxes: AP50 {self.baseline.ap50:.3f})"
        return "; ".join(told) + floor

    def to_json(self) -> dict[str, Any]:
        """All scores and error counts as plain values; NaN becomes None."""
        parts = {"boxes": self.boxes, "masks": self.masks}
        plain = {name: _json(scores) for name, scores in parts.items() if scores is not None}
        if self.baseline is not None:
            plain["baseline"] = self.baseline.to_json()
        return plain


def score_detections(
    judged: Sequence[Judged], classes: tuple[str, ...], baseline: Sequence[Judged] = ()
) -> DetectionEvaluation:
    """The scores of detections, of their masks too where every image with objects has masks on both sides.

    Args:
        judged: name, true objects and detections of each image.
        classes: the names, the background first.
        baseline: the same images with the detections of a floor to be beaten.

    Raises:
        InputError: what `pixelwise.metrics.detection.coco_scores` refuses.
    """
    truths, found = [each[1] for each in judged], [each[2] for each in judged]
    covered = all(each.masks is not None or not len(each) for each in truths)
    masked = any(map(len, truths)) and covered and all(each.masks is not None or not len(each) for each in found)
    masks = coco_scores(truths, found, classes, "masks") if masked else None
    floor = coco_scores([each[1] for each in baseline], [each[2] for each in baseline], classes) if baseline else None
    return DetectionEvaluation(tuple(judged), coco_scores(truths, found, classes, "boxes"), masks, floor)


def detection_sections(
    evaluation: DetectionEvaluation, picture_of: Callable[[str], NDArray[np.uint8]]
) -> list[Section]:
    """The sections of a report: scores by class and size, errors, curves, confusion, and the worst images.

    Args:
        evaluation: from `score_detections`.
        picture_of: the picture (H, W, 3) of the image of a name; called for the worst images alone.
    """
    parts = [each for each in (evaluation.boxes, evaluation.masks) if each is not None]
    return [
        *(section for scores in parts for section in _score_sections(scores)),
        _errors(evaluation.boxes),
        _curves(evaluation.boxes),
        _confusion(evaluation.boxes),
        _worst(evaluation, picture_of),
    ]


def _score_sections(scores: DetectionScores) -> list[Section]:
    figures = Figures(
        [
            Figure("AP", scores.ap, "IoU 0.50 to 0.95, at most 100 detections"),
            Figure("AP50", scores.ap50, "IoU 0.50, at most 100 detections"),
            Figure("AP75", scores.ap75, "IoU 0.75, at most 100 detections"),
            Figure("images", scores.table.images, f"{sum(scores.truths_by_class.values())} true objects"),
        ]
    )
    chart = Chart(bar_chart(scores.ap_by_class, "AP by class", "AP", reference=("mean", scores.ap)))
    tables = [_size_table(scores), _class_table(scores)]
    return [Section(f"Scores of {scores.kind}", [figures, *tables, chart, Text(scores.protocol)])]


def _size_table(scores: DetectionScores) -> Table:
    """COCO's numbers, the protocol of each in its row."""
    rows: list[tuple[Cell, ...]] = [
        ("AP", scores.ap, "0.50:0.95", "all", 100),
        ("AP50", scores.ap50, "0.50", "all", 100),
        ("AP75", scores.ap75, "0.75", "all", 100),
        *[("AP", value, "0.50:0.95", name, 100) for name, value in scores.ap_by_size.items()],
        *[("AR", value, "0.50:0.95", "all", limit) for limit, value in scores.ar_by_limit.items()],
        *[("AR", value, "0.50:0.95", name, 100) for name, value in scores.ar_by_size.items()],
    ]
    return Table(["score", "value", "IoU", "objects", "detections at most"], rows, "COCO's twelve numbers")


def _class_table(scores: DetectionScores) -> Table:
    columns: list[Mapping[str, float]] = [
        scores.truths_by_class,
        scores.ap_by_class,
        scores.ap_by_class_at(0.5),
        scores.ap_by_class_at(0.75),
        *(scores.ap_by_class_and_size(size) for size in scores.ap_by_size),
        scores.ar_by_class,
    ]
    header = ["class", "objects", "AP", "AP50", "AP75", *(f"AP {size}" for size in scores.ap_by_size), "AR"]
    rows: list[tuple[Cell, ...]] = [(name, *(column[name] for column in columns)) for name in scores.classes[1:]]
    return Table(header, rows, "Scores by class")


def _errors(scores: DetectionScores) -> Section:
    errors = detection_errors(scores.table)
    counts, gains = errors.counts, errors.gains
    rows: list[tuple[Cell, ...]] = [(name, counts[name], gains[name]) for name in counts]
    return Section(
        "Why detections are wrong",
        [
            Chart(bar_chart(gains, "AP50 gained if one kind of error were mended", "AP50 gained")),
            Table(["error", "count", "AP50 gained"], rows, "Errors of boxes by kind"),
            Text(ERROR_PROTOCOL),
        ],
    )


def _curves(scores: DetectionScores) -> Section:
    """Precision over recall of the classes with the most objects."""
    counts = scores.truths_by_class
    common = sorted((name for name in counts if counts[name]), key=lambda name: -counts[name])[:CURVES_SHOWN]
    lines = {}
    for name in common:
        curve = precision_recall(scores.table, scores.classes.index(name, 1))
        lines[name] = list(zip(curve.recall.tolist(), curve.precision.tolist(), strict=True))
    title = "Precision over recall at IoU 0.50"
    note = f"Boxes; the {len(common)} classes with the most objects. A line ends at the last object found."
    return Section("Precision and recall", [Chart(line_chart(lines, "recall", "precision", title, (0, 1)), note)])


def _confusion(scores: DetectionScores) -> Section:
    matrix = detection_confusion(scores.table, SHOWN_SCORE)
    # The background is no object: its corner stays empty, and its name says what row and column hold.
    names = ["nothing", *scores.classes[1:]]
    note = (
        f"Boxes with a score of {SHOWN_SCORE} or more, paired with true objects of any class at IoU 0.50, the largest "
        "overlap first. Rows are the truth: the row of nothing counts invented objects, its column missed ones."
    )
    return Section("What is taken for what", [Chart(matrix_chart(matrix, names, "Confusion matrix"), note)])


def _worst(evaluation: DetectionEvaluation, picture_of: Callable[[str], NDArray[np.uint8]]) -> Section:
    counts = image_counts(evaluation.boxes.table, SHOWN_SCORE)
    chosen = worst_images(counts, WORST_SHOWN)
    galleries = [_image_row(evaluation, image, counts[image].tolist(), picture_of) for image in chosen]
    nothing = Text(f"No image has an error at IoU 0.50 and a score of {SHOWN_SCORE}.")
    return Section("The worst images", galleries or [nothing])


def _image_row(
    evaluation: DetectionEvaluation, image: int, counts: list[int], picture_of: Callable[[str], NDArray[np.uint8]]
) -> Gallery:
    name, truth, found = evaluation.judged[image]
    classes = evaluation.boxes.classes
    picture, colours = picture_of(name), class_colours(len(classes))
    labels, shown = truth.labels.cpu(), (found.scores >= SHOWN_SCORE).cpu()
    crowd = truth.crowd.tolist()
    tags = [classes[label] + " (crowd)" * mark for label, mark in zip(labels.tolist(), crowd, strict=True)]
    found_labels, scores = found.labels.cpu()[shown], found.scores.cpu()[shown].tolist()
    found_tags = [f"{classes[label]} {score:.2f}" for label, score in zip(found_labels.tolist(), scores, strict=True)]
    drawn = draw_objects(picture, truth.boxes, tags, colours[labels.numpy()], _windows(truth.masks, truth.size))
    masks = None if found.masks is None else _windows(found.masks.run_lengths(), found.size, shown.tolist())
    boxes = draw_objects(
        picture, found.boxes[shown.to(found.boxes.device)], found_tags, colours[found_labels.numpy()], masks
    )
    right, wrong, missed = counts
    pictures = [
        Picture(drawn, "truth", f"the true objects of {name}"),
        Picture(boxes, f"found with a score of {SHOWN_SCORE} or more", f"the objects found in {name}"),
    ]
    here = sorted({*labels.tolist(), *found_labels.tolist()})
    key = legend([classes[label] for label in here], [colours[label] for label in here])
    return Gallery(pictures, f"{name}: {right} right, {wrong} wrong, {missed} missed", key)


def _windows(masks: Sequence[Rle] | None, size: Size, chosen: Sequence[bool] | None = None) -> CroppedMasks | None:
    """Masks to be drawn; of those that are chosen, where not all are."""
    if masks is None:
        return None
    kept = [mask for mask, wanted in zip(masks, chosen or [True] * len(masks), strict=True) if wanted]
    corners = [(int(y0), int(x0), int(y1), int(x1)) for x0, y0, x1, y1 in rle_boxes(kept).tolist()]
    windows = [
        torch.from_numpy(decode_mask(mask)[y0:y1, x0:x1].copy())
        for mask, (y0, x0, y1, x1) in zip(kept, corners, strict=True)
    ]
    return CroppedMasks(windows, [(y0, x0) for y0, x0, _, _ in corners], size)


def _json(scores: DetectionScores) -> dict[str, Any]:
    errors = detection_errors(scores.table)
    gains = {name: None if math.isnan(gain) else gain for name, gain in errors.gains.items()}
    confusion = detection_confusion(scores.table, SHOWN_SCORE).tolist()
    return scores.to_json() | {
        "errors": errors.counts,
        "ap50_gained": gains,
        "error_protocol": ERROR_PROTOCOL,
        "confusion": confusion,
        "confusion_score": SHOWN_SCORE,
    }

"""Evaluating a detector on a folder of images with boxes: scores, a baseline, and a report to look at."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pixelwise.data.detection.coco_results import write_detections_coco
from pixelwise.data.detection.folder import DetectionFolder, open_detection
from pixelwise.data.detection.items import DetectionItem
from pixelwise.data.detection.repair import sound_objects
from pixelwise.data.images import read_image
from pixelwise.drawing import to_uint8
from pixelwise.evaluation.asked import Asked, chosen_split
from pixelwise.evaluation.detection import DetectionEvaluation, Judged, detection_sections, score_detections
from pixelwise.evaluation.grid_baseline import BASELINE_PROTOCOL, grid_detections
from pixelwise.evaluation.match_file import write_matches
from pixelwise.files import write_text
from pixelwise.inference import Detector
from pixelwise.metrics.detection import image_counts
from pixelwise.models.detection.mask_rcnn import MaskRCNN
from pixelwise.reports import Command, Figure, Figures, Section, Text, write_page

Progress = Callable[[int, int], None]


def evaluate_detector(predictor: Detector, data: Path | DetectionFolder, asked: Asked) -> DetectionEvaluation:
    """The scores of a detector on a folder, written where they are asked for.

    Raises:
        InputError: no such folder or split, or annotations or images that cannot be read.
    """
    masks = isinstance(predictor.model, MaskRCNN)
    table = predictor.record.classes
    if isinstance(data, DetectionFolder):
        folder = data
    else:
        folder = open_detection(data, predictor.classes, masks, asked.splits, table)
    chosen = asked.split or chosen_split(folder.splits)
    part = folder if chosen == "all" else folder.only(chosen)
    evaluation = judge_images(predictor, part.items, asked.progress)
    if asked.out is not None:
        title = f"{predictor.record.model} on {folder.root.name}"
        write_detection_evaluation(asked.out, evaluation, part, title, f"{len(part.items)} images, split {chosen}")
    return evaluation


def judge_images(
    predictor: Detector, items: Sequence[DetectionItem], progress: Progress | None = None
) -> DetectionEvaluation:
    """The scores of a detector on some images, beside those of a grid of equal boxes.

    Args:
        predictor: the model.
        items: images with their objects; what the doctor can repair is repaired.
        progress: called with (images done, images in all).

    Raises:
        InputError: an image or its annotations cannot be read.
    """
    judged: list[Judged] = []
    baseline: list[Judged] = []
    for done, item in enumerate(items, start=1):
        truth, _ = sound_objects(item)
        judged.append((item.name, truth, predictor.predict(item.image)))
        baseline.append((item.name, truth, grid_detections(truth.size, predictor.facts)))
        if progress is not None:
            progress(done, len(items))
    return score_detections(judged, predictor.classes, baseline)


def key_figures(evaluation: DetectionEvaluation) -> Figures:
    """AP and AP50 of boxes, and of masks where there are any, beside what the grid would get."""
    floor = evaluation.baseline
    beside = "" if floor is None else f"{floor.ap50:.3f} for a grid of equal boxes"
    figures = [Figure("AP50 of boxes", evaluation.boxes.ap50, beside), Figure("AP of boxes", evaluation.boxes.ap)]
    if evaluation.masks is not None:
        figures += [Figure("AP50 of masks", evaluation.masks.ap50), Figure("AP of masks", evaluation.masks.ap)]
    return Figures(figures)


def evaluation_sections(evaluation: DetectionEvaluation, items: Sequence[DetectionItem]) -> list[Section]:
    """The sections of a report on these scores; the worst images are read again to be drawn."""
    paths = {item.name: item.image for item in items}

    def picture_of(name: str) -> NDArray[np.uint8]:
        return to_uint8(read_image(paths[name]))

    return [*detection_sections(evaluation, picture_of), Section("The baseline", [Text(BASELINE_PROTOCOL)])]


def write_detection_evaluation(
    out: Path, evaluation: DetectionEvaluation, folder: DetectionFolder, title: str, subtitle: str
) -> None:
    """Writes report.html, scores.json, images.csv, detections.json (COCO's results) and the matches into a folder."""
    write_text(out / "images.csv", _image_table(evaluation))
    write_text(out / "scores.json", json.dumps(evaluation.to_json(), indent=2) + "\n")
    found = {name: detections for name, _, detections in evaluation.judged}
    write_detections_coco(out / "detections.json", folder, found)
    names = [name for name, _, _ in evaluation.judged]
    write_matches(out / "matches_boxes.npz", names, evaluation.boxes)
    if evaluation.masks is not None:
        write_matches(out / "matches_masks.npz", names, evaluation.masks)
    how = Section("How to repeat this", [Command("pixelwise evaluate RUN DATA --out REPORT")])
    sections = [Section("In short", [key_figures(evaluation)]), *evaluation_sections(evaluation, folder.items), how]
    write_page(out / "report.html", title, subtitle, sections)


def _image_table(evaluation: DetectionEvaluation) -> str:
    """Right, wrong and missed objects of each image, at IoU 0.5 and a score of 0.5."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "objects", "found", "right", "wrong", "missed"])
    for (name, truth, found), counts in zip(evaluation.judged, image_counts(evaluation.boxes.table), strict=True):
        writer.writerow([name, len(truth), len(found), *counts.tolist()])
    return text.getvalue()

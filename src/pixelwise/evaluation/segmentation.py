"""Evaluating a segmenter on a folder of images with label maps: scores, and a report to look at."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from pixelwise.data.classes import ClassTable
from pixelwise.data.folder import Item, SegmentationFolder, open_folder
from pixelwise.evaluation.asked import Asked, chosen_split
from pixelwise.evaluation.report import score_sections
from pixelwise.evaluation.scores import Scores
from pixelwise.evaluation.statistics import ImageStatistics, segmentation_statistics
from pixelwise.files import write_text
from pixelwise.inference import Segmenter
from pixelwise.metrics import mean_iou, pixel_accuracy
from pixelwise.metrics.instances import average_precision
from pixelwise.reports import Command, Section, write_page

Progress = Callable[[int, int], None]


def evaluate_segmenter(predictor: Segmenter, data: Path | SegmentationFolder, asked: Asked) -> Scores:
    """The scores of a segmenter on a folder, written where they are asked for.

    Raises:
        InputError: no such folder or split, files that cannot be read, or objects without scikit-image.
    """
    table = predictor.table
    folder = data if isinstance(data, SegmentationFolder) else open_folder(data, table, asked.splits, asked.attributes)
    chosen = asked.split or chosen_split(folder.splits)
    items = (folder if chosen == "all" else folder.only(chosen)).items
    scores = score_images(predictor, items, table, chosen, asked.progress, objects=True)
    if asked.out is not None:
        sections = score_sections(scores, predictor, items, table)
        write_evaluation(asked.out, scores, sections, f"{predictor.record.model} on {folder.root.name}")
    return scores


def score_images(
    predictor: Segmenter,
    items: Sequence[Item],
    table: ClassTable,
    split: str,
    progress: Progress | None = None,
    objects: bool = False,
) -> Scores:
    """The scores of a trained model on some images, beside those of guessing its training set's majority class.

    Args:
        predictor: the model.
        items: images with their label maps.
        table: which stored values mean which of the model's classes.
        split: what to call the images.
        progress: called with (images done, images in all).
        objects: also match objects, where the classes have a border.

    Raises:
        InputError: an image or label map cannot be read, is missing, or their sizes differ; or no scikit-image.
    """
    pixels = predictor.record.class_pixels
    majority = max(range(len(pixels)), key=lambda index: pixels[index])
    images = segmentation_statistics(predictor, items, table, progress, objects)
    return Scores(table.names, tuple(images), split, majority)


def write_evaluation(out: Path, scores: Scores, sections: list[Section], title: str) -> None:
    """Writes report.html, scores.json and images.csv into a folder."""
    write_text(out / "images.csv", _image_table(scores.images))
    write_text(out / "scores.json", json.dumps(scores.to_json(), indent=2) + "\n")
    how = Section("How to repeat this", [Command("pixelwise evaluate RUN DATA --out REPORT")])
    write_page(out / "report.html", title, f"{len(scores.images)} images, split {scores.split}", [*sections, how])


def _image_table(images: tuple[ImageStatistics, ...]) -> str:
    names = list(dict.fromkeys(name for image in images for name in image.attributes))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    matched = ["object_ap", "components_ap"] if any(image.objects for image in images) else []
    writer.writerow(["file", "mean_iou", "pixel_accuracy", *matched, *names])
    for image in images:
        scores = [mean_iou(image.confusion), pixel_accuracy(image.confusion)]
        if image.objects is not None:
            scores += map(average_precision, (image.objects.separated, image.objects.components))
        cells = ("" if score.isnan() else f"{float(score):.6f}" for score in scores)  # empty: nothing to count
        writer.writerow([image.name, *cells, *(image.attributes.get(name, "") for name in names)])
    return text.getvalue()

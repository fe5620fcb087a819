"""What an evaluation looks like: key figures, tables, plots, and the images that went worst."""

from collections.abc import Mapping, Sequence

import torch

from pixelwise.data.classes import ClassTable
from pixelwise.data.folder import Item
from pixelwise.data.formats.masks import read_label_map
from pixelwise.data.images import read_image
from pixelwise.drawing import (
    DIFFERENCE_COLOURS,
    DIFFERENCE_NAMES,
    bar_chart,
    class_colours,
    difference,
    legend,
    matrix_chart,
    overlay,
    to_uint8,
)
from pixelwise.evaluation.object_scores import OBJECT_PROTOCOL
from pixelwise.evaluation.scores import PROTOCOL, Scores
from pixelwise.evaluation.statistics import TOLERANCES
from pixelwise.inference import Segmenter
from pixelwise.reports import Chart, Figure, Figures, Gallery, Picture, Section, Table, Text

WORST_SHOWN = 4
"""Enough to see a pattern, few enough for a page that mails well."""


def score_sections(scores: Scores, predictor: Segmenter, items: Sequence[Item], table: ClassTable) -> list[Section]:
    """The sections of a report on these scores; the worst images are predicted again to be drawn."""
    by_name = {item.name: item for item in items}
    worst = [(mean, by_name[image.name]) for mean, image in scores.worst(WORST_SHOWN)]
    return [
        Section("Scores", [key_figures(scores), _class_table(scores), _class_chart(scores), Text(PROTOCOL)]),
        *_objects(scores),
        Section(
            "What is taken for what",
            [Chart(matrix_chart(scores.confusion.numpy(), scores.classes, "Confusion matrix"), "Rows are the truth.")],
        ),
        Section(
            "The worst images", [part for mean, item in worst for part in _image_row(predictor, item, table, mean)]
        ),
    ]


def key_figures(scores: Scores) -> Figures:
    """Mean IoU and pixel accuracy beside what guessing the most frequent class would get."""
    guess = f"always {scores.classes[scores.majority]}"
    return Figures(
        [
            Figure("mean IoU", scores.mean_iou, f"{scores.majority_mean_iou:.3f} for {guess}"),
            Figure("pixel accuracy", scores.pixel_accuracy, f"{scores.majority_pixel_accuracy:.3f} for {guess}"),
            Figure("images", len(scores.images), f"split: {scores.split}"),
        ]
    )


def _class_table(scores: Scores) -> Table:
    pixels = dict(zip(scores.classes, scores.confusion.sum(1).tolist(), strict=True))
    boundary: Sequence[Mapping[str, float]] = [scores.boundary_f1(each) for each in TOLERANCES]
    rows = [
        [
            name,
            pixels[name],
            scores.iou[name],
            scores.dice[name],
            scores.recall[name],
            *(each[name] for each in boundary),
        ]
        for name in scores.classes
    ]
    header = ["class", "true pixels", "IoU", "Dice", "recall", *(f"boundary F1 at {each} px" for each in TOLERANCES)]
    return Table(header, rows, "Scores by class")


def _objects(scores: Scores) -> list[Section]:
    """AP at each threshold beside the floor's, where objects were matched."""
    objects, floor = scores.objects, scores.components
    if objects is None or floor is None:
        return []
    rows: list[list[str | float]] = [
        [f"{each:.2f}", at, floor.precision[each], objects.pooled[each], *objects.matches[each]]
        for each, at in objects.precision.items()
    ]
    figures = Figures(
        [
            Figure("AP", objects.average_precision, "mean over IoU 0.50 to 0.95"),
            Figure("AP of connected components", floor.average_precision, "the same foreground, not separated"),
        ]
    )
    header = ["IoU over", "AP", "AP of connected components", "pooled", "matched", "invented", "missed"]
    return [Section("Objects", [figures, Table(header, rows, "Objects by IoU threshold"), Text(OBJECT_PROTOCOL)])]


def _class_chart(scores: Scores) -> Chart:
    return Chart(bar_chart(scores.iou, "IoU by class", "IoU", reference=("mean", scores.mean_iou)))


def _image_row(predictor: Segmenter, item: Item, table: ClassTable, mean: float) -> list[Gallery]:
    assert item.labels is not None, "images with statistics have labels"
    picture = to_uint8(read_image(item.image))
    truth = table.encode(read_label_map(item.labels), str(item.labels))
    labels = predictor.predict(item.image).labels.to(torch.uint8).numpy()
    colours = class_colours(len(table.names))
    # Only a class of that name is "nothing": an error can be missed or invented only against it.
    background = 0 if table.names[0] == "background" else None
    wrong = difference(labels, truth, background=background)
    key = legend([*table.names, *DIFFERENCE_NAMES], [*colours, *DIFFERENCE_COLOURS])
    pictures = [
        Picture(picture, "image", f"the image {item.name}"),
        Picture(overlay(picture, truth, colours), "truth", f"true classes of {item.name}"),
        Picture(overlay(picture, labels, colours), "prediction", f"predicted classes of {item.name}"),
        Picture(wrong, "difference", f"where prediction and truth of {item.name} differ"),
    ]
    return [Gallery(pictures, f"{item.name}: mean IoU {mean:.3f}", key)]

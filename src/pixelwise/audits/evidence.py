"""The worst images of a group, drawn for its finding: the image, the truth, and what the model says."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pixelwise.audits.measures import SHOWN_SCORE, Measure
from pixelwise.audits.sample_sets import SampleSet
from pixelwise.audits.statistics.classification import class_number
from pixelwise.audits.statistics.collect import asker
from pixelwise.audits.statistics.judge import UnusableError
from pixelwise.audits.statistics.samples import Sample
from pixelwise.audits.statistics.segmentation import label_map
from pixelwise.audits.statistics.table import Statistics, Task
from pixelwise.drawing import class_colours, draw_boxes, flow_picture, largest_motion, legend, overlay, to_uint8
from pixelwise.reports import Gallery, Picture, Text
from pixelwise.reports.page import Part

SHOWN = 3
"""Enough to see a pattern, few enough for a page that mails well."""


def worst_images(
    model: Any, data: SampleSet, statistics: Statistics, measure: Measure, inside: NDArray[np.bool_]
) -> list[Part]:
    """Galleries of the images of a group that score worst on their own; the model is asked again for these.

    Args:
        model: what was audited.
        data: the samples.
        statistics: the table.
        measure: by which images are ranked.
        inside: which images are in the group.
    """
    alone = _single_scores(statistics, measure, inside)
    order = np.flatnonzero(inside)[np.argsort(alone if measure.higher_is_better else -alone, kind="stable")]
    by_name = {sample.name: sample for sample in data.samples}
    return [_drawn(model, data, by_name[statistics.names[place]]) for place in order[:SHOWN]]


def _single_scores(statistics: Statistics, measure: Measure, inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The measure on each image of the group by itself; images with nothing to measure rank last."""
    places = np.flatnonzero(inside)
    masks = np.zeros((len(statistics), len(places)), dtype=np.bool_)
    masks[places, np.arange(len(places))] = True
    values = measure.groups_and_rests(np.ones((1, len(statistics))), masks)[0][0]
    return np.where(np.isnan(values), np.inf if measure.higher_is_better else -np.inf, values)


def _drawn(model: Any, data: SampleSet, sample: Sample) -> Part:
    try:
        with torch.inference_mode():
            answer = asker(model)(sample)
        if answer is None:
            return Text(f"{sample.name}: no answer.")
        data.judge.judge(sample, answer)
    except UnusableError as problem:
        return Text(f"{sample.name}: {problem}.")
    except Exception as problem:  # as in the pass over all images: the model's failure, which the table has, too
        return Text(f"{sample.name}: the model raised {type(problem).__name__}.")
    return Gallery(DRAWINGS[data.task](data, sample, answer), sample.name, _key(data))


def _key(data: SampleSet) -> str:
    return legend(list(data.classes), class_colours(len(data.classes))) if data.task == "segmentation" else ""


def _classification(data: SampleSet, sample: Sample, answer: Any) -> list[Picture]:
    truth, said = (data.classes[class_number(each, data.classes)] for each in (sample.read_truth(), answer))
    return [Picture(to_uint8(sample.read_images()[0]), f"{said} instead of {truth}", f"the image {sample.name}")]


def _segmentation(data: SampleSet, sample: Sample, answer: Any) -> list[Picture]:
    image, colours = sample.read_images()[0], class_colours(len(data.classes))
    pictures = [Picture(to_uint8(image), "image", f"the image {sample.name}")]
    for caption, each in (("truth", sample.read_truth()), ("prediction", answer)):
        labels = label_map(each, len(data.classes)).to(torch.uint8)
        pictures.append(Picture(overlay(image, labels, colours), caption, f"{caption} of {sample.name}"))
    return pictures


def _detection(data: SampleSet, sample: Sample, answer: Any) -> list[Picture]:
    image, truth = sample.read_images()[0], sample.read_truth()
    kept = answer.scores >= SHOWN_SCORE
    drawn = {"truth": (truth.boxes, truth.labels), "found": (answer.boxes[kept], answer.labels[kept])}
    pictures = []
    for caption, (boxes, labels) in drawn.items():
        names = [data.classes[label] for label in labels.tolist()]
        picture = draw_boxes(image, boxes, names, class_colours(len(data.classes))[labels.numpy()])
        pictures.append(Picture(picture, caption, f"{caption} in {sample.name}"))
    return pictures


def _flow(data: SampleSet, sample: Sample, answer: Any) -> list[Picture]:
    truth, found = sample.read_truth(), torch.as_tensor(getattr(answer, "flow", answer))
    scale = largest_motion(truth) or None
    pictures = [Picture(to_uint8(sample.read_images()[0]), "first frame", f"the first frame of {sample.name}")]
    for caption, flow in (("truth", truth), ("prediction", found)):
        pictures.append(Picture(flow_picture(flow, scale), caption, f"{caption} of {sample.name}"))
    return pictures


DRAWINGS: dict[Task, Callable[[SampleSet, Sample, Any], list[Picture]]] = {
    "classification": _classification,
    "segmentation": _segmentation,
    "detection": _detection,
    "flow": _flow,
}

"""One pass of a model over a data set: per image, the counts from which every score follows by addition."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int64
from torch import Tensor

from pixelwise.data.classes import ClassTable
from pixelwise.data.folder import Item
from pixelwise.data.formats.masks import read_label_map
from pixelwise.errors import InputError
from pixelwise.evaluation.object_counts import ObjectCounts, count_objects
from pixelwise.inference import Segmenter
from pixelwise.metrics import boundary_counts, confusion_matrix

TOLERANCES = (1, 2, 3)
"""Distances in pixels within which a boundary counts as found."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ImageStatistics:
    """The sufficient statistics of one image.

    `confusion`: pixels by true class (rows) and predicted class (columns), ignored pixels left out. `boundaries`: for
    each tolerance and class, the four counts of `pixelwise.metrics.boundary_counts`. `objects`: matched objects, where
    the classes have a border between objects and they were asked for.
    """

    name: str
    attributes: Mapping[str, str]
    confusion: Int64[Tensor, "K K"]
    boundaries: Int64[Tensor, "T K 4"]
    objects: ObjectCounts | None = None


def segmentation_statistics(
    predictor: Segmenter,
    items: Sequence[Item],
    table: ClassTable,
    progress: Progress | None = None,
    objects: bool = False,
) -> list[ImageStatistics]:
    """The statistics of every image, in the order given.

    Args:
        predictor: the model.
        items: images with their label maps.
        table: which stored values mean which of the model's classes.
        progress: called with (images done, images in all).
        objects: also match objects, which needs scikit-image; without effect where the classes have no border.

    Raises:
        InputError: an image or label map cannot be read, is missing, or their sizes differ; or no scikit-image.
    """
    rows = []
    objects = objects and table.border
    for done, item in enumerate(items, start=1):
        if item.labels is None:
            raise InputError(f"a label map for {item.image}", "none", "run `pixelwise data check` on the folder")
        stored = read_label_map(item.labels)
        truth = torch.from_numpy(table.encode(stored, str(item.labels)))
        predicted = predictor.predict(item.image, probabilities=objects)
        prediction = predicted.labels
        if prediction.shape != truth.shape:
            raise InputError(
                f"a label map of {prediction.shape[0]}x{prediction.shape[1]} for {item.image}",
                f"{truth.shape[0]}x{truth.shape[1]} in {item.labels}",
                "run `pixelwise data check` on the folder",
            )
        classes = len(table.names)
        boundaries = torch.stack([boundary_counts(prediction, truth, classes, each) for each in TOLERANCES])
        confusion = confusion_matrix(prediction, truth, classes)
        matched = count_objects(predicted, stored, table, str(item.labels)) if objects else None
        rows.append(ImageStatistics(item.name, item.attributes, confusion, boundaries, matched))
        if progress is not None:
            progress(done, len(items))
    return rows

"""Objects of one image matched with the true ones: the counts from which the object scores follow."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int64
from numpy.typing import NDArray
from torch import Tensor

from pixelwise.data.classes import ClassTable
from pixelwise.inference.instances import components, separate
from pixelwise.metrics.instances import instance_counts
from pixelwise.results import Instances, Segmentation
from pixelwise.shapes import IGNORE


@dataclass(frozen=True)
class ObjectCounts:
    """TP, FP and FN of one image at each IoU threshold, summed over the object classes.

    `separated` counts the objects of the watershed, `components` those of the same foreground without it.
    """

    separated: Int64[Tensor, "T 3"]
    components: Int64[Tensor, "T 3"]


def count_objects(predicted: Segmentation, stored: NDArray[Any], table: ClassTable, source: str) -> ObjectCounts:
    """The counts of one image; only objects of one class match, and ignored pixels belong to no object.

    Args:
        predicted: with probabilities.
        stored: the true label map as stored, which numbers the objects.
        table: which stored values mean which class; it has a border.
        source: where the label map is from, for errors.

    Raises:
        InputError: stored values of no class, or no scikit-image.
    """
    truth = {name: torch.from_numpy(each) for name, each in table.objects(stored, source).items()}
    counted = torch.from_numpy(table.encode(stored, source)) != IGNORE

    def count(found: Instances) -> Tensor:
        rows = [instance_counts(_of_class(found, name) * counted, objects * counted) for name, objects in truth.items()]
        return torch.stack(rows).sum(0)

    names, border = table.object_classes, table.names[-1]
    return ObjectCounts(count(separate(predicted, names, border)), count(components(predicted, names, border)))


def _of_class(found: Instances, name: str) -> Tensor:
    """The object numbers of one class, 0 elsewhere."""
    wanted = torch.tensor([False, *(each == name for each in found.classes)])
    return found.labels * wanted[found.labels.long()]

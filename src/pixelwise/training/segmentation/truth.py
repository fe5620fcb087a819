"""The truth of a batch: its labels, and the maps made from them that some losses need."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from pixelwise.data.border_weights import border_weights, objects_in
from pixelwise.losses.boundary import signed_distances
from pixelwise.shapes import Size


class Truth(NamedTuple):
    """Labels; U-Net's border weights without w_c; signed distances from the outlines. None is "not made yet"."""

    labels: Integer[Tensor, "B H W"]
    border: Float[Tensor, "B H W"] | None = None
    distances: Float[Tensor, "B K H W"] | None = None

    def cropped(self, size: Size) -> "Truth":
        """The middle of each map, for networks without padding, whose scores are smaller than the image."""
        top, left = ((whole - part) // 2 for whole, part in zip(self.labels.shape[-2:], size, strict=True))
        middle = (..., slice(top, top + size[0]), slice(left, left + size[1]))
        border = None if self.border is None else self.border[middle]
        return Truth(self.labels[middle], border, None if self.distances is None else self.distances[middle])

    def taken(self, rows: Integer[Tensor, " R"]) -> "Truth":
        """Some images of the batch, by their numbers."""
        border = None if self.border is None else self.border[rows]
        return Truth(self.labels[rows], border, None if self.distances is None else self.distances[rows])


def joined(truths: Sequence[Truth]) -> Truth:
    """Several truths as one batch; all have the same maps."""
    border = [each.border for each in truths if each.border is not None]
    distances = [each.distances for each in truths if each.distances is not None]
    return Truth(
        torch.cat([each.labels for each in truths]),
        torch.cat(border) if border else None,
        torch.cat(distances) if distances else None,
    )


def completed(truth: Truth, needs: Collection[str], num_classes: int) -> Truth:
    """The truth with the maps named in `needs` ("border", "distances"); those that are there stay.

    Objects are the connected components of the classes other than 0 within the map: where a crop cuts an object in
    two, these count as two.
    """
    border, distances = truth.border, truth.distances
    if "border" in needs and border is None:
        border = torch.stack([border_weights(objects_in(each), class_weight=0) for each in truth.labels])
    if "distances" in needs and distances is None:
        distances = signed_distances(truth.labels, num_classes)
    return Truth(truth.labels, border, distances)

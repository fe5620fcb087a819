"""What anchors and proposals shall learn: true objects in the network's frame, matched with boxes, and some drawn.

Crowds and objects marked difficult are neither right nor wrong: nothing learns them, and a box without an object of its
own that lies in one by the share that would make it no background is left out. The share is of the box, as COCO's
evaluation counts a match with a crowd (its union with a crowd is the detection alone; Lin et al. 2014, pycocotools).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from pixelwise.data.detection.objects import Objects
from pixelwise.errors import InputError
from pixelwise.losses.detection.sampling import Drawn, Sampling, draw_boxes
from pixelwise.models.detection.decode import BOX_WEIGHTS
from pixelwise.models.detection.outputs import Frame
from pixelwise.ops import box_area, box_iou, encode_boxes, match_boxes
from pixelwise.ops.matching import BELOW, BETWEEN


class Truth(NamedTuple):
    """The true objects of one image that a loss can use."""

    boxes: Float[Tensor, "G 4"]
    """In pixels of the resized image."""
    labels: Int64[Tensor, " G"]
    ignored: Bool[Tensor, " G"] | None
    """Crowds and difficult objects; None where there are none, so that no device has to be asked."""
    numbers: Int64[Tensor, " G"]
    """Which of the image's objects these are."""


class RegionTargets(NamedTuple):
    """What the drawn anchors of one image shall say, those with an object first."""

    rows: Int64[Tensor, " S"]
    """Which anchors."""
    objects: Bool[Tensor, " S"]
    deltas: Float[Tensor, "P 4"]
    """For the P anchors with an object."""


class BoxTargets(NamedTuple):
    """What the drawn regions of one image shall say, those with an object first."""

    boxes: Float[Tensor, "R 4"]
    """The regions, in pixels of the resized image."""
    labels: Int64[Tensor, " R"]
    """0 for background."""
    deltas: Float[Tensor, "P 4"]
    """For the P regions with an object, weights (10, 10, 5, 5)."""
    owners: Int64[Tensor, " P"]
    """Which of the image's objects they have."""


def truth_in(objects: Objects, frame: Frame, device: torch.device | str = "cpu") -> Truth:
    """The objects in the network's frame, without those that have no area there.

    Args:
        objects: of one image, its size the frame's original one.
        frame: the image's sizes.
        device: where to put them.

    Raises:
        InputError: another size, or a coordinate that is NaN or infinite.
    """
    if tuple(objects.size) != tuple(frame.original):
        raise InputError(
            f"objects of an image of {frame.original[0]}x{frame.original[1]}",
            f"objects of {objects.size[0]}x{objects.size[1]}",
            hint="resize images and objects together, or leave resizing to the model",
        )
    if not bool(objects.boxes.isfinite().all()):
        raise InputError(
            "boxes with finite coordinates",
            str(objects.boxes[~objects.boxes.isfinite().all(dim=1)][0].tolist()),
            hint="pixelwise.data.detection.repair.repaired takes such boxes out",
        )
    boxes = frame.to_resized(objects.boxes)
    numbers = (boxes[:, 2:] > boxes[:, :2]).all(dim=1).nonzero().squeeze(1)
    ignored = (objects.crowd | objects.difficult)[numbers]
    return Truth(
        boxes[numbers].to(device),
        objects.labels[numbers].to(device),
        ignored.to(device) if bool(ignored.any()) else None,
        numbers.to(device),
    )


def truths_in(truth: Sequence[Objects], frames: Sequence[Frame], device: torch.device | str = "cpu") -> list[Truth]:
    """`truth_in` for every image.

    Raises:
        InputError: as `truth_in`, or not one entry for each image.
    """
    if len(truth) != len(frames):
        raise InputError(
            f"the objects of each of {len(frames)} images",
            f"{len(truth)} entries",
            hint="an image without objects has an entry, too: objects_of(torch.zeros(0, 4), labels, size)",
        )
    return [truth_in(one, frame, device) for one, frame in zip(truth, frames, strict=True)]


def matches_of(truth: Truth, boxes: Float[Tensor, "N 4"], sampling: Sampling, rescue: bool = False) -> Tensor:
    """For each box the row of its object in the truth, or `BELOW` or `BETWEEN`; see `pixelwise.ops.match_boxes`."""
    quality = box_iou(truth.boxes, boxes)
    if truth.ignored is not None:
        quality[truth.ignored] = _inside(boxes, truth.boxes[truth.ignored])
    matches = match_boxes(quality, sampling.high, sampling.low, rescue, truth.ignored)
    if sampling.least > 0 and len(truth.boxes):
        far = quality.amax(dim=0) < sampling.least
        matches = matches.masked_fill((matches == BELOW) & far, BETWEEN)
    return matches


def region_targets(
    truth: Truth, anchors: Float[Tensor, "A 4"], sampling: Sampling, generator: torch.Generator | None = None
) -> RegionTargets:
    """Anchors drawn from one image; every object keeps its closest anchors, however little they overlap.

    Anchors that cross the image's border take part, as published (Ren et al. 2015 leave them out).
    """
    matches = matches_of(truth, anchors, sampling, rescue=True)
    drawn = draw_boxes(matches, sampling.number, sampling.share, generator)
    deltas = encode_boxes(truth.boxes[matches[drawn.positive]], anchors[drawn.positive])
    return RegionTargets(torch.cat(drawn), _first(drawn), deltas)


def box_targets(
    truth: Truth, proposals: Float[Tensor, "N 4"], sampling: Sampling, generator: torch.Generator | None = None
) -> BoxTargets:
    """Regions drawn from the proposals of one image and its true boxes, which are appended as published."""
    own = truth.boxes if truth.ignored is None else truth.boxes[~truth.ignored]
    boxes = torch.cat([proposals.detach(), own.to(proposals)])
    matches = matches_of(truth, boxes, sampling)
    drawn = draw_boxes(matches, sampling.number, sampling.share, generator)
    chosen, rows = torch.cat(drawn), matches[drawn.positive]
    labels = torch.cat([truth.labels[rows], truth.labels.new_zeros(len(drawn.negative))])
    deltas = encode_boxes(truth.boxes[rows], boxes[drawn.positive], BOX_WEIGHTS)
    return BoxTargets(boxes[chosen], labels, deltas, truth.numbers[rows])


def _first(drawn: Drawn) -> Bool[Tensor, " S"]:
    """True for the drawn objects, which come first."""
    return torch.cat([torch.ones_like(drawn.positive), torch.zeros_like(drawn.negative)]).bool()


def _inside(boxes: Float[Tensor, "N 4"], regions: Float[Tensor, "G 4"]) -> Float[Tensor, "G N"]:
    """The share of each box that lies in each region; 0 for a box without area."""
    low = torch.maximum(regions[:, None, :2], boxes[:, :2])
    high = torch.minimum(regions[:, None, 2:], boxes[:, 2:])
    area = box_area(boxes)
    return (high - low).clamp(min=0).prod(dim=-1) / area.masked_fill(area == 0, 1)

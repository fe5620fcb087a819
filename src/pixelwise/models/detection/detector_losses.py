"""The losses of Faster and Mask R-CNN as a function of model, images and truth: the same in training and evaluation.

Sources: Ren et al. 2015, section 3.1.2; Lin et al. 2017, section 5; He et al. 2017, section 3. Numbers as published.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Num
from torch import Tensor

from pixelwise.data.detection.objects import Objects
from pixelwise.errors import InputError
from pixelwise.losses.detection.box_losses import box_loss, class_loss, objectness_loss, own_deltas
from pixelwise.losses.detection.mask_losses import Competition, mask_loss
from pixelwise.losses.detection.mask_targets import mask_targets
from pixelwise.losses.detection.sampling import PROPOSALS, REGIONS, Sampling
from pixelwise.models.detection.faster_rcnn import FasterRCNN
from pixelwise.models.detection.mask_rcnn import MaskRCNN
from pixelwise.models.detection.outputs import BoxScores, Features, Frame, RegionScores
from pixelwise.models.detection.propose import propose
from pixelwise.models.detection.resize import Resize
from pixelwise.models.detection.training_targets import BoxTargets, Truth, box_targets, region_targets, truths_in
from pixelwise.ops.run_lengths import Rle

PROPOSED = 2000
"""Proposals before and after suppression while losses are computed; predictions take 1000. As published."""


class Lesson(NamedTuple):
    """What of an image a loss asks about, and how masks compete."""

    regions: Sampling = REGIONS
    proposals: Sampling = PROPOSALS
    proposed: int = PROPOSED
    competition: Competition = "sigmoid"


def detector_losses(
    model: FasterRCNN | MaskRCNN,
    images: Sequence[Num[Tensor, "_ _ _"]],
    truth: Sequence[Objects],
    generator: torch.Generator | None = None,
    resize: Resize | None = None,
    lesson: Lesson | None = None,
) -> dict[str, Float[Tensor, ""]]:
    """The losses of a batch: "objectness", "rpn_box", "class", "box" and, from a Mask R-CNN, "mask"; train their sum.

    Nothing depends on whether the model trains, but for layers that do themselves (batch normalisation): the
    validation loss is the same call in `model.eval()` under `torch.no_grad()`, with a generator of a fixed seed for
    the same draws each time. A batch without objects has losses of exactly 0 for "rpn_box", "box" and "mask", with
    gradients of 0 for the parameters they would train.

    Args:
        model: the network.
        images: RGB, float 0..1, each of any size.
        truth: the objects of each image, in its pixels. Boxes without area teach nothing.
        generator: of the draws.
        resize: replaces the model's rule, as training on several scales wants it.
        lesson: see `Lesson`; None is as published.

    Raises:
        InputError: images or truth that do not fit each other or the model; for a Mask R-CNN, objects without masks.
    """
    lesson = lesson or Lesson()
    features = model.features(images, resize)
    regions: RegionScores = model.rpn(features)
    truths = truths_in(truth, features.frames, regions.groups[0].logits.device)
    losses = region_losses(regions, truths, lesson.regions, generator)
    proposals = propose(regions, lesson.proposed, lesson.proposed)
    targets = [
        box_targets(one, boxes, lesson.proposals, generator) for one, boxes in zip(truths, proposals, strict=True)
    ]
    losses |= box_head_losses(model.box_scores(features, [one.boxes for one in targets]), targets)
    if isinstance(model, MaskRCNN):
        losses["mask"] = _mask_loss(model, features, targets, truth, lesson.competition)
    return losses


def region_losses(
    regions: RegionScores, truths: Sequence[Truth], sampling: Sampling, generator: torch.Generator | None = None
) -> dict[str, Tensor]:
    """The losses "objectness" and "rpn_box" of what the region proposal network says."""
    logits, objects, deltas, wanted = [], [], [], []
    for said, truth in zip(regions.per_image(), truths, strict=True):
        target = region_targets(truth, said.anchors, sampling, generator)
        logits.append(said.logits[target.rows])
        objects.append(target.objects)
        deltas.append(said.deltas[target.rows[: len(target.deltas)]])
        wanted.append(target.deltas)
    marks = torch.cat(objects)
    return {
        "objectness": objectness_loss(torch.cat(logits), marks),
        "rpn_box": box_loss(torch.cat(deltas), torch.cat(wanted), len(marks)),
    }


def box_head_losses(scores: BoxScores, targets: Sequence[BoxTargets]) -> dict[str, Tensor]:
    """The losses "class" and "box" of what a box head says about drawn regions.

    Args:
        scores: rows in the order of the targets' boxes, image after image.
        targets: of each image.
    """
    labels = torch.cat([one.labels for one in targets])
    wanted = torch.cat([one.deltas for one in targets])
    classes = class_loss(scores.logits, labels)  # before deltas are looked up: it refuses labels that are no class
    rows = (labels > 0).nonzero().squeeze(1)
    return {"class": classes, "box": box_loss(own_deltas(scores.deltas[rows], labels[rows]), wanted, len(labels))}


def _mask_loss(
    model: MaskRCNN,
    features: Features,
    targets: Sequence[BoxTargets],
    truth: Sequence[Objects],
    competition: Competition,
) -> Tensor:
    positives = [len(one.owners) for one in targets]
    logits = model.mask_scores(features, [one.boxes[:count] for one, count in zip(targets, positives, strict=True)])
    labels = torch.cat([one.labels[:count] for one, count in zip(targets, positives, strict=True)])
    wanted = _true_masks(targets, truth, features.frames, logits.shape[-1])
    return mask_loss(logits, labels, wanted, competition)


def _true_masks(targets: Sequence[BoxTargets], truth: Sequence[Objects], frames: Sequence[Frame], size: int) -> Tensor:
    """Read from the masks as given, which are not resized: the boxes are brought to them instead."""
    masks: list[Rle] = []
    boxes, owners = [], []
    for target, objects, frame in zip(targets, truth, frames, strict=True):
        if objects.masks is None and len(objects):
            raise InputError("objects with masks for a Mask R-CNN", "boxes alone", hint="train a Faster R-CNN on them")
        boxes.append(frame.to_original(target.boxes[: len(target.owners)].detach()))
        owners.append(target.owners + len(masks))
        masks += objects.masks or ()
    return mask_targets(masks, torch.cat(boxes), torch.cat(owners), size)

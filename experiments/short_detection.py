"""Trains a detector on scenes in memory for a few hundred steps, with the project's losses, and scores it."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from experiments.object_scenes import ObjectScenes
from experiments.short_training import WEIGHT_DECAY, Schedule
from pixelwise.data.detection.objects import Objects
from pixelwise.losses.detection.sampling import PROPOSALS
from pixelwise.metrics.detection.scores import DetectionScores, coco_scores
from pixelwise.models.detection.decode import decode
from pixelwise.models.detection.detector_losses import Lesson
from pixelwise.models.detection.mask_rcnn import MaskRCNN
from pixelwise.models.detection.outputs import BoxOutputs, Features
from pixelwise.models.detection.propose import propose

LESSON = Lesson(proposals=PROPOSALS._replace(number=16, share=0.5), proposed=100)
"""A step asks about 16 regions of an image, half of them with an object; 512 and a quarter, the published numbers, are
for scenes with more objects and take many times as long."""

CLIP = 5.0
"""Largest norm of the gradient: the first steps of a detector from scratch have large ones."""

PREDICTED_AT_ONCE = 8

PROPOSED = 50
"""Proposals of an image in a prediction: scenes with a few animals need no 1000."""

Losses = Callable[[list[Tensor], list[Objects], torch.Generator], dict[str, Tensor]]
"""Losses of images and their objects, with a generator for the draws."""

Change = Callable[[Tensor], Tensor]
"""What to make of the masks' logits before the sigmoid."""


def train_detector(model: nn.Module, losses: Losses, scenes: ObjectScenes, schedule: Schedule, seed: int) -> None:
    """Trains in place and leaves the model in evaluation mode.

    Args:
        model: the network, for its parameters.
        losses: whose sum is trained.
        scenes: drawn with replacement.
        schedule: steps, batch, learning rate.
        seed: decides which scenes and boxes are drawn.
    """
    model.train()
    draws = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), schedule.learning_rate, weight_decay=WEIGHT_DECAY)
    rates = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, schedule.learning_rate, total_steps=max(2, schedule.steps), pct_start=0.1
    )
    for _ in range(schedule.steps):
        some = scenes.take(torch.randint(len(scenes), (schedule.batch,), generator=draws).tolist())
        optimizer.zero_grad()
        torch.stack(list(losses(some.images, some.truth, draws).values())).sum().backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        rates.step()
    model.eval()


@torch.inference_mode()
def mask_scores_on(
    model: MaskRCNN, scenes: ObjectScenes, classes: Sequence[str], change: Change | None = None
) -> DetectionScores:
    """COCO's scores of the masks that a trained network finds.

    Args:
        model: the network.
        scenes: unseen ones.
        classes: their names, the background first.
        change: see `Change`.
    """
    found = []
    for start in range(0, len(scenes), PREDICTED_AT_ONCE):
        features = model.features(scenes.images[start : start + PREDICTED_AT_ONCE])
        proposals = propose(model.rpn(features), after=PROPOSED)
        boxes = BoxOutputs(proposals, model.box_scores(features, proposals), features.frames)
        found += decode(boxes, classes, mask_scores=partial(_logits, model, features, change))
    return coco_scores(scenes.truth, found, tuple(classes), "masks")


def _logits(model: MaskRCNN, features: Features, change: Change | None, boxes: list[Tensor]) -> Tensor:
    said = model.mask_scores(features, boxes)
    return said if change is None else change(said)

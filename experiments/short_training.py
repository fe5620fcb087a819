"""Trains a segmenter on scenes in memory for a few hundred steps, with the project's loss and light augmentation."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from experiments.scenes import Scenes
from pixelwise.data.transforms import Sample, augment, light
from pixelwise.losses import cross_entropy
from pixelwise.models.normalise import Normalised, channels_last

MEAN, SPREAD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
"""Round numbers near those of the scenes."""

WEIGHT_DECAY = 1e-4
"""AdamW's usual small one; runs are too short for it to matter."""

PREDICTED_AT_ONCE = 16


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: the learning rate rises for a tenth of the steps and then falls along a cosine."""

    steps: int
    batch: int = 8
    learning_rate: float = 3e-3


Change = Callable[[Sample, torch.Generator], Sample]
"""What is done to a sample beside moving and tinting it."""


def unchanged(sample: Sample, draws: torch.Generator) -> Sample:
    """The sample itself."""
    return sample


def trained(network: nn.Module, scenes: Scenes, schedule: Schedule, seed: int, change: Change = unchanged) -> nn.Module:
    """The network trained on the scenes, in evaluation mode; takes images 0..1.

    Args:
        network: from (B, 3, H, W) to scores of that size; trained in place.
        scenes: labelled images, drawn with replacement.
        schedule: steps, batch, learning rate.
        seed: decides which images are drawn and how they are moved and tinted.
        change: done to every drawn sample before it is moved.
    """
    model = channels_last(Normalised(network, MEAN, SPREAD)).train()
    draws = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), schedule.learning_rate, weight_decay=WEIGHT_DECAY)
    rates = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, schedule.learning_rate, total_steps=max(2, schedule.steps), pct_start=0.1
    )
    for _ in range(schedule.steps):
        images, labels = draw_batch(scenes, schedule.batch, draws, change)
        loss = cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rates.step()
    return model.eval()


def draw_batch(scenes: Scenes, count: int, draws: torch.Generator, change: Change = unchanged) -> tuple[Tensor, Tensor]:
    """Some of the scenes, each changed, moved and tinted anew."""
    images, labels = [], []
    for index in torch.randint(len(scenes), (count,), generator=draws).tolist():
        sample = change(Sample(image=scenes.images[index] / 255, labels=scenes.labels[index]), draws)
        drawn = augment(sample, light(), draws)
        assert drawn.labels is not None, "augment keeps what it is given"
        images.append(drawn.image)
        labels.append(drawn.labels)
    stacked = torch.stack(images).contiguous(memory_format=torch.channels_last)
    return stacked, torch.stack(labels).long()


@torch.inference_mode()
def predicted(model: nn.Module, scenes: Scenes) -> Tensor:
    """The class of every pixel of every scene, (N, H, W)."""
    parts = [model(images / 255).argmax(1) for images in scenes.images.split(PREDICTED_AT_ONCE)]
    return torch.cat(parts)

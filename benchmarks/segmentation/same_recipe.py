"""A peer's network trained with pixelwise's own recipe: the same crops, loss, optimiser, schedule and number of steps.

Only the network differs, so that a difference in the scores is the network's. The options are those of
`pixelwise train segmentation`; scores are those of `pixelwise evaluate`. Needs segmentation_models_pytorch or MONAI:

    python -m benchmarks.segmentation.same_recipe DATA --peer smp --set epochs=100 --set crop=288 --split val
"""

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pixelwise.evaluation.segmentation import score_images
from pixelwise.inference import Segmenter
from pixelwise.models.normalise import Normalised
from pixelwise.models.segmentation.vgg_layers import extended
from pixelwise.training.fit import seeded_loader
from pixelwise.training.listener import Listener
from pixelwise.training.segmentation.class_weights import balanced_weights
from pixelwise.training.segmentation.loss_terms import total_loss
from pixelwise.training.segmentation.recipe import training_crops
from pixelwise.training.segmentation.settings import SegmentationSettings, settings_from
from pixelwise.training.segmentation.start import healthy_folder, new_record, training_and_validation
from pixelwise.training.segmentation.task import loop_of
from pixelwise.training.start import DataSource

STRIDE = 32
"""Sides that the peers accept are multiples of it."""


class AnySize(nn.Module):
    """A peer's network on images of any size: extended to the next multiple of 32, the scores cropped back."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.network(extended(images, STRIDE))
        return scores[..., : images.shape[-2], : images.shape[-1]]


def peer_network(name: str, num_classes: int) -> nn.Module:
    """segmentation_models_pytorch's U-Net on a ResNet-18, or MONAI's residual U-Net, from random weights."""
    if name == "smp":
        import segmentation_models_pytorch as smp

        return AnySize(smp.Unet("resnet18", encoder_weights=None, classes=num_classes))
    from monai.networks.nets import UNet

    widths = (32, 64, 128, 256, 512)
    return AnySize(UNet(2, 3, num_classes, channels=widths, strides=(2, 2, 2, 2), num_res_units=2))


def train(model: Normalised, loader: Any, settings: SegmentationSettings, weights: Tensor | None) -> None:
    """AdamW under a cosine schedule, as in `pixelwise.training`, with the average of the weights at the end."""
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(model.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
    steps, done, began = settings.epochs * len(loader), 0, time.monotonic()
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(settings.ema), use_buffers=True
    )
    for epoch in range(settings.epochs):
        model.train()
        loader.sampler.set_epoch(epoch)  # without it every epoch would show the same crops
        for batch in loader:
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * (1 + math.cos(math.pi * done / steps)) / 2
            with torch.autocast("cpu", torch.bfloat16, enabled=settings.precision == "bf16"):
                scores = model(batch.images)
            loss = total_loss(settings.loss, scores.float(), batch.truth, weights)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            average.update_parameters(model)
            done += 1
        print(f"epoch {epoch + 1}  loss {loss.item():.3f}  {time.monotonic() - began:.0f} s", flush=True)
    if settings.ema:
        model.load_state_dict(average.module.state_dict())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--peer", choices=("smp", "monai"), default="smp")
    parser.add_argument("--classes", type=Path)
    parser.add_argument("--splits", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    asked = parser.parse_args()
    given = dict(each.split("=", 1) for each in asked.set)
    settings = settings_from({name: _value(text) for name, text in given.items()})
    tell = Listener(print)
    folder, diagnosis = healthy_folder(DataSource(asked.data, asked.classes, asked.splits), tell)
    record = new_record(DataSource(asked.data, asked.classes, asked.splits), folder, diagnosis, settings, tell)
    torch.manual_seed(settings.seed)
    model = Normalised(peer_network(asked.peer, len(record.classes.names)), record.mean, record.std)
    training, _ = training_and_validation(folder, settings)
    loader = seeded_loader(training_crops(training, model, settings, tell), loop_of(settings), workers=0)
    weights = balanced_weights(record.class_pixels) if settings.class_weights == "balanced" else None
    train(model, loader, settings, weights)
    items = folder.only(asked.split).items
    scores = score_images(Segmenter(model.eval(), record), items, record.classes, asked.split, objects=True)
    print(json.dumps(scores.to_json(), indent=1))


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


if __name__ == "__main__":
    main()

"""R-CNN or Fast R-CNN on regions of selective search, trained on a folder and scored on its test images.

pixelwise data make pasture pasture --images 300 --size 96
python docs/guides/given_regions.py pasture --model fast
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from pixelwise.data.detection.folder import open_detection
from pixelwise.data.detection.items import DetectionItem
from pixelwise.data.detection.objects import Objects
from pixelwise.data.images import read_image
from pixelwise.metrics.detection.scores import coco_scores
from pixelwise.models.detection.decode import decode
from pixelwise.models.detection.fast_rcnn import fast_rcnn_losses, fast_rcnn_resnet18_c4
from pixelwise.models.detection.proposals import selective_search
from pixelwise.models.detection.rcnn import rcnn_losses, rcnn_outputs, rcnn_resnet18

REGIONS, WIDTH = 150, 16
"""Proposals of an image, and channels of the encoder's first stage: for images of 96 pixels and one core."""

BATCH, RATE = 4, 2e-3

Scene = tuple[Tensor, Tensor, Objects]
"""An image, its proposals and its true objects."""


def scenes_of(items: Sequence[DetectionItem]) -> list[Scene]:
    """Images with their proposals, which are searched once: they do not depend on the network."""
    images = [read_image(item.image) for item in items]
    return [(image, selective_search(image, REGIONS), item.objects) for image, item in zip(images, items, strict=True)]


def columns(scenes: Sequence[Scene]) -> tuple[list[Tensor], list[Tensor], list[Objects]]:
    """Images, proposals and objects, each by itself."""
    images, proposals, objects = zip(*scenes, strict=True)
    return list(images), list(proposals), list(objects)


def train(model: torch.nn.Module, losses: Callable[..., dict[str, Tensor]], scenes: list[Scene], steps: int) -> None:
    """Steps on scenes drawn with replacement; the rate rises shortly and falls to 0."""
    draws = torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), RATE)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.1)
    for step in range(1, steps + 1):
        images, proposals, objects = columns(
            [scenes[place] for place in torch.randint(len(scenes), (BATCH,), generator=draws)]
        )
        parts = losses(model, images, proposals, objects, draws)
        optimizer.zero_grad()
        sum(parts.values()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        rates.step()
        if step % 100 == 0:
            print(f"step {step}: " + ", ".join(f"{name} {value:.3f}" for name, value in parts.items()), flush=True)


def main() -> None:
    """Searches regions, trains, and prints COCO's scores of boxes on the test images."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", choices=["fast", "rcnn"], default="fast")
    parser.add_argument("--steps", type=int, default=800)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    folder = open_detection(chosen.data)
    started = time.process_time()
    training, test = (scenes_of(folder.only(split).items) for split in ("train", "test"))
    print(f"regions of {len(training) + len(test)} images: {time.process_time() - started:.0f} s", flush=True)
    count = len(folder.classes)
    fast = chosen.model == "fast"
    model = (
        fast_rcnn_resnet18_c4(count, WIDTH, resize=None)
        if fast
        else rcnn_resnet18(count, None, WIDTH, crop=64, context=4)
    )
    started = time.process_time()
    train(model, fast_rcnn_losses if fast else rcnn_losses, training, chosen.steps)
    print(f"training: {time.process_time() - started:.0f} s of processor time")
    model.eval()
    found = []
    with torch.inference_mode():
        for image, proposals, _ in test:
            outputs = model([image], [proposals]) if fast else rcnn_outputs(model, [image], [proposals])
            found += decode(outputs, folder.classes)
    scores = coco_scores(columns(test)[2], found, folder.classes)
    print(f"{len(test)} test images: AP50 {scores.ap50:.3f}, AP {scores.ap:.3f}")


if __name__ == "__main__":
    main()

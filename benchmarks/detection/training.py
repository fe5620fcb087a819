"""A training step of Mask R-CNN R50-FPN (forward, losses, backward, SGD): pixelwise and torchvision.

Equal work: the same weights, images, truth and numbers of drawn boxes; the stem and the first stage are fixed, batch
norms frozen, as published. torchvision is given its masks as whole images in memory, ours are run lengths, as a data
set has them.

    python -m benchmarks.detection.training [--threads N] [--rounds N] [--size H W] [--batch N] [--processor-time]
"""

import argparse
import sys
import time
from collections.abc import Callable

import torch
from experiments.object_scenes import ObjectScenes
from torch import Tensor, nn

from benchmarks.detection.networks import PEER, ours, scenes, torchvisions
from benchmarks.timing import THREADS, compare, machine, table
from pixelwise.models.detection.detector_losses import detector_losses
from pixelwise.models.detection.encoders import freeze_encoder
from pixelwise.ops.run_lengths import decode_mask
from pixelwise.shapes import Size

SIDE, BATCH = (400, 666), 2
"""Half the published side, so that a step takes seconds on two cores."""

ROUNDS = 5

RATE = 1e-6
"""Of learning: drawn weights stay what they are over the rounds, and finite."""


def our_step(given: ObjectScenes, size: Size, device: str = "cpu", bfloat16: bool = False) -> Callable[[], float]:
    """One step of ours as a function without arguments; it gives the loss before the step."""
    network = ours(size).train().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    freeze_encoder(network.backbone.body, trainable=3)
    images = [image.to(device) for image in given.images]
    return _step(network, lambda: detector_losses(network, images, given.truth), bfloat16)


def their_step(given: ObjectScenes, size: Size, device: str = "cpu", way: str = "") -> Callable[[], float]:
    """One step of torchvision's; `way` may say "channels last" and "bfloat16"."""
    network = torchvisions(ours(size), size).train().to(device)
    if "channels last" in way:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = [image.to(device) for image in given.images]
    targets: list[dict[str, Tensor]] = []
    for one in given.truth:
        assert one.masks is not None, "scenes have masks"
        masks = torch.stack([torch.from_numpy(decode_mask(mask)) for mask in one.masks]).to(torch.uint8)
        targets.append({"boxes": one.boxes.to(device), "labels": one.labels.to(device), "masks": masks.to(device)})
    return _step(network, lambda: network(images, targets), "bfloat16" in way)


def _step(network: nn.Module, losses: Callable[[], dict[str, Tensor]], bfloat16: bool) -> Callable[[], float]:
    # Published: SGD with momentum, torchvision's references/detection/train.py.
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=RATE, momentum=0.9, weight_decay=1e-4)
    device = trained[0].device.type

    def once() -> float:
        optimizer.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=bfloat16):
            found = losses()
        loss = torch.stack(list(found.values())).sum()
        loss.backward()
        optimizer.step()
        return loss.item()

    return once


def steps(given: ObjectScenes, size: Size, device: str = "cpu") -> dict[str, Callable[[], float]]:
    """All contestants; their names end with the precision where it is not float32."""
    found = {
        "pixelwise": our_step(given, size, device),
        "pixelwise, bfloat16": our_step(given, size, device, bfloat16=True),
    }
    if PEER:
        found["torchvision"] = their_step(given, size, device)
        found["torchvision, bfloat16"] = their_step(given, size, device, "bfloat16")
        found["torchvision, channels last, bfloat16"] = their_step(given, size, device, "channels last, bfloat16")
    return found


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=THREADS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--size", type=int, nargs=2, default=SIDE)
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--processor-time", action="store_true", help="where others use the machine; one thread")
    asked = parser.parse_args(words)
    torch.set_num_threads(asked.threads)
    size = asked.size[0], asked.size[1]
    print(f"Mask R-CNN R50-FPN, training step, {asked.batch} images of {size[0]}x{size[1]}; {machine()}")
    found = steps(scenes(asked.batch, size), size)
    for name, once in found.items():
        print(f"{name:42} loss {once():.4f}")
    clock = time.process_time if asked.processor_time else time.perf_counter
    table(compare(found, asked.rounds, clock), asked.batch, "images", "torchvision" if PEER else "pixelwise")


if __name__ == "__main__":
    main(sys.argv[1:])

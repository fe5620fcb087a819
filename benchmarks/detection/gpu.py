"""Mask R-CNN R50-FPN on a GPU: images a second in prediction and in training, pixelwise beside torchvision.

The contestants and the work are those of `inference` and `training` here, at 800 x 1333 pixels; every run waits for the
device. Peaks of device memory are torch's own count. Takes about a minute on a data centre's GPU.

    python -m benchmarks.detection.gpu [--device cuda] [--batch N] [--rounds N] [--size H W]
"""

import argparse
import sys
from collections.abc import Callable

import torch

from benchmarks.detection import inference, training
from benchmarks.detection.networks import PEER, SIZE, ours, scenes
from benchmarks.timing import compare, machine, table
from pixelwise.shapes import Size

ROUNDS = 10
BATCHES = (1, 4)
"""Images at once: one as for a user who waits, several as for a folder."""


def waited(once: Callable[[], object], device: str) -> Callable[[], object]:
    """The same run, over only when the device is done."""

    def whole() -> object:
        found = once()
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)
        return found

    return whole


def peak(once: Callable[[], object], device: str) -> float:
    """Megabytes of device memory that one run takes on top of what is held before it; NaN without a GPU."""
    if not device.startswith("cuda"):
        once()
        return float("nan")
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    once()
    torch.cuda.synchronize(device)
    return (torch.cuda.max_memory_allocated(device) - before) / 1e6


def race(found: dict[str, Callable[[], object]], count: int, rounds: int, device: str) -> None:
    """Warms up, prints peaks of memory, and times."""
    whole = {name: waited(once, device) for name, once in found.items()}
    for once in whole.values():
        once()
    for name, once in whole.items():
        print(f"{name:42} {peak(once, device):8.0f} MB at most beside model and images")
    table(compare(whole, rounds), count, "images", "torchvision" if PEER else "pixelwise")


def predictions(count: int, size: Size, rounds: int, device: str) -> None:
    print(f"\nprediction, {count} images of {size[0]}x{size[1]} at once")
    network = ours(size)
    images = [image.to(device) for image in scenes(count, size).images]
    ours_here = [name for name in inference.OURS if "Winograd" not in name]  # those convolutions are for CPUs
    names = [*ours_here, *(inference.THEIRS if PEER else ())]
    found = {name: inference.run(name, inference.prepared(name, network, size).to(device), images) for name in names}
    inference.print_deviations({name: once() for name, once in found.items()})
    race(dict(found), count, rounds, device)


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--batch", type=int, default=2, help="images of a training step")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--size", type=int, nargs=2, default=SIZE)
    asked = parser.parse_args(words)
    size = asked.size[0], asked.size[1]
    name = torch.cuda.get_device_name(asked.device) if asked.device.startswith("cuda") else asked.device
    print(f"Mask R-CNN R50-FPN on {name}; {machine()}")
    for count in BATCHES:
        predictions(count, size, asked.rounds, asked.device)
    print(f"\ntraining step, {asked.batch} images of {size[0]}x{size[1]}")
    race(dict(training.steps(scenes(asked.batch, size), size, asked.device)), asked.batch, asked.rounds, asked.device)


if __name__ == "__main__":
    main(sys.argv[1:])

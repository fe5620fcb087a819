"""A patch classifier at every pixel: the dense map against a batched sliding window, and against plain convolutions.

The network is a membrane classifier in the manner of Ciresan et al. 2012, for windows of 65 pixels. The sliding window
takes too long to run whole: some of its rows are timed and the rest follows, since every row is the same work. Printed
beside the ratio is that of the multiplications, which no arrangement of the same convolutions can beat by more than
they run slower on small patches.
"""

import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.timing import machine
from pixelwise.dense import densify, slide

PATCH, SIDE, WIDTH = 65, 256, 48
ROWS = 4
BATCHES = (64, 256)


def classifier() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(1, WIDTH, 4), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(WIDTH, WIDTH, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(WIDTH, WIDTH, 4), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(WIDTH * 25, 200), nn.ReLU(), nn.Linear(200, 2)),
    ).eval()


def seconds(run: Callable[[], object], rounds: int) -> float:
    """The median of some runs, after one that warms up."""
    run()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def plain_convolutions(side: int) -> list[Callable[[], object]]:
    """The network's convolutions without dilation on features of the dense map's sizes, channels last."""
    layers = [(1, WIDTH, 4, side), (WIDTH, WIDTH, 5, side - 4), (WIDTH, WIDTH, 4, side - 16)]
    layers += [(WIDTH, 200, 5, side - 60 + 4), (200, 2, 1, side - PATCH + 1)]
    runs = []
    for channels, out, kernel, extent in layers:
        x = torch.rand(1, channels, extent, extent).contiguous(memory_format=torch.channels_last)
        weight = torch.rand(out, channels, kernel, kernel).contiguous(memory_format=torch.channels_last)
        runs.append(lambda x=x, weight=weight: F.conv2d(x, weight))
    return runs


def multiplications() -> float:
    """How many more multiplications the sliding window makes than the dense map."""
    layers = ((1, WIDTH, 4, 62, SIDE - 3), (WIDTH, WIDTH, 5, 27, SIDE - 12), (WIDTH, WIDTH, 4, 10, SIDE - 28))
    layers += ((WIDTH, 200, 5, 1, SIDE - PATCH + 1), (200, 2, 1, 1, SIDE - PATCH + 1))
    window = sum(c * out * k * k * cells**2 for c, out, k, cells, _ in layers) * (SIDE - PATCH + 1) ** 2
    return window / sum(c * out * k * k * extent**2 for c, out, k, _, extent in layers)


@torch.inference_mode()
def measure(threads: int) -> None:
    torch.set_num_threads(threads)
    model, image = classifier(), torch.rand(1, 1, SIDE, SIDE)
    rows = SIDE - PATCH + 1
    strip = image[..., : PATCH + ROWS - 1, :]
    print(f"{machine()}")
    print(f"  multiplications of the window over those of the dense map: {multiplications():.0f}")
    window = min(seconds(lambda size=size: slide(model, strip, PATCH, batch_size=size), 2) for size in BATCHES)
    window *= rows / ROWS
    print(f"  sliding window, best of batches {BATCHES}, from {ROWS} of {rows} rows: {window:8.1f} s")
    wanted = slide(model, strip, PATCH)
    plain = sum(seconds(run, 5) for run in plain_convolutions(SIDE))
    for arrangement in ("rarefied", "fragments"):
        dense = densify(model, PATCH, channels=1, arrangement=arrangement)
        taken = seconds(lambda dense=dense: dense(image), 7)
        deviation = float((dense(image)[..., :ROWS, :] - wanted).abs().max())
        print(
            f"  {arrangement:10} {taken:8.3f} s, {window / taken:6.0f} times the window, largest difference "
            f"{deviation:.1e}; plain convolutions of these sizes {plain:.3f} s, {plain / taken:.2f} of their throughput"
        )
    start = time.perf_counter()
    densify(model, PATCH, channels=1)
    print(f"  planning {time.perf_counter() - start:.2f} s")


def main() -> None:
    for threads in (1, 2):
        measure(threads)


if __name__ == "__main__":
    main()

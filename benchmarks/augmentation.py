"""Milliseconds of one joint augmentation on one thread, by what is moved and how much may happen."""

import statistics
import time

import torch

from benchmarks.timing import machine
from pixelwise.data.transforms import Sample, augment, light, none, strong

ROUNDS = 30


def sample(side: int, everything: bool) -> Sample:
    """Random pixels with labels, and on request flow, a second frame and ten boxes."""
    draws = torch.Generator().manual_seed(0)
    image, labels = torch.rand(3, side, side, generator=draws), torch.randint(0, 5, (side, side), generator=draws)
    if not everything:
        return Sample(image, labels)
    corners = torch.rand(10, 2, generator=draws) * side / 2
    boxes = torch.cat([corners, corners + side / 4], 1)
    return Sample(image, labels, boxes, torch.randn(2, side, side, generator=draws), image.clone())


def milliseconds(case: Sample, preset: object) -> float:
    """The median of the rounds."""
    times = []
    for seed in range(ROUNDS):
        start = time.perf_counter()
        augment(case, preset, torch.Generator().manual_seed(seed))
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def main() -> None:
    torch.set_num_threads(1)
    print(f"ms for a crop, median of {ROUNDS}; {machine()}")
    print(f"{'crop':>20}  {'parts':20} {'none':>7} {'light':>7} {'strong':>7}")
    for crop, side in ((256, 512), (64, 4000)):
        for everything in (False, True):
            if everything and side > 1000:
                continue
            case = sample(side, everything)
            figures = [milliseconds(case, preset((crop, crop))) for preset in (none, light, strong)]
            parts = "all" if everything else "image and labels"
            print(f"{crop:>8} from {side:>6}  {parts:20} " + " ".join(f"{each:7.2f}" for each in figures))


if __name__ == "__main__":
    main()

"""How long the groups of a detection audit take: draws of the bootstrap, and leaving out each image, for COCO's AP."""

import time
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.timing import machine
from pixelwise.audits.jackknife import gap_errors
from pixelwise.audits.measures import ApMeasure
from pixelwise.audits.resampling import bootstrap
from pixelwise.metrics.detection.matching import match_objects
from pixelwise.metrics.detection.records import ImageDetections, ImageTruth
from pixelwise.metrics.detection.table import MatchTable

IMAGES, CLASSES, GROUPS, DRAWS = 1000, 4, 4, 2000


def found_with_errors(images: int, seed: int) -> MatchTable:
    """Matches of images with 1 to 5 objects, of which four in five are found nearly right, and two inventions each."""
    draws = torch.Generator().manual_seed(seed)
    truths, found = [], []
    for _ in range(images):
        count = int(torch.randint(1, 6, (), generator=draws))
        corner, sides = torch.rand(count, 2, generator=draws) * 80, torch.rand(count, 2, generator=draws) * 30 + 5
        boxes, labels = torch.cat([corner, corner + sides], 1), torch.randint(1, 5, (count,), generator=draws)
        truths.append(ImageTruth(boxes, labels, torch.zeros(count, dtype=torch.bool)))
        seen = torch.rand(count, generator=draws) < 0.8
        near = (boxes + torch.randn(count, 4, generator=draws) * 2)[seen]
        near[:, 2:] = torch.maximum(near[:, 2:], near[:, :2] + 1)
        invented = torch.rand(2, 2, generator=draws) * 80
        every = torch.cat([near, torch.cat([invented, invented + 20], 1)])
        named = torch.cat([labels[seen], torch.randint(1, 5, (2,), generator=draws)])
        found.append(ImageDetections(every, torch.rand(len(every), generator=draws), named))
    return match_objects(truths, found, CLASSES)


def seconds(call: Callable[[], object]) -> float:
    """Processor time of one call."""
    started = time.process_time()
    call()
    return time.process_time() - started


def main() -> None:
    """Prints both times for AP at IoU 0.5 and for the mean over ten thresholds."""
    torch.set_num_threads(1)
    table = found_with_errors(IMAGES, seed=0)
    members = np.arange(IMAGES) % GROUPS
    masks = np.stack([np.ones(IMAGES, dtype=bool), *(members == group for group in range(GROUPS))], 1)
    print(machine())
    for name, thresholds in (("AP50", (0,)), ("AP", tuple(range(10)))):
        measure = ApMeasure(name, "", table, thresholds)
        drawn = seconds(
            lambda measure=measure: bootstrap(
                lambda weights: np.concatenate(measure.groups_and_rests(weights, masks), 1),
                IMAGES,
                np.random.default_rng(0),
                DRAWS,
            )
        )
        left_out = seconds(
            lambda measure=measure: gap_errors(measure, masks, np.arange(IMAGES), np.random.default_rng(0))
        )
        print(f"{name}: {DRAWS} draws {drawn:.1f} s, each of {IMAGES} images left out {left_out:.1f} s")


if __name__ == "__main__":
    main()

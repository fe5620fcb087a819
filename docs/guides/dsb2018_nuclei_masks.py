"""The competition's score of a detector's masks: laid over each other, the surest on top, and compared with the truth.

python docs/guides/dsb2018_nuclei_masks.py RUN ../shared/data/dsb2018_nuclei docs/guides/dsb2018_nuclei_splits.csv
"""

import sys
from pathlib import Path

import torch
from jaxtyping import Int32
from torch import Tensor

import pixelwise as pw
from pixelwise.data.detection.folder import open_detection
from pixelwise.data.detection.objects import Objects
from pixelwise.inference import Decoding, Detector
from pixelwise.metrics.instances import average_precision, instance_counts, instance_precision
from pixelwise.ops.run_lengths import decode_mask
from pixelwise.results import Detections

THRESHOLDS = (0.3, 0.5, 0.7)
"""Least scores of an object that are tried; one number must be chosen, as the competition's score knows no scores."""

MOST = 400
"""Objects of an image: the fullest has 375 nuclei."""


def numbered(found: Detections, threshold: float) -> Int32[Tensor, "H W"]:
    """Object numbers from 1 on; where masks overlap, the one with the higher score."""
    numbers = torch.zeros(found.size, dtype=torch.int32)
    assert found.masks is not None, "a Mask R-CNN gives masks"
    count = int((found.scores >= threshold).sum())
    for number in range(count, 0, -1):
        window, (row, column) = found.masks.windows[number - 1], found.masks.corners[number - 1]
        numbers[row : row + window.shape[0], column : column + window.shape[1]][window] = number
    return numbers


def true_numbers(objects: Objects) -> Int32[Tensor, "H W"]:
    """The true objects as numbers from 1 on, 0 where there is none."""
    numbers = torch.zeros(objects.size, dtype=torch.int32)
    for number, mask in enumerate(objects.masks or (), start=1):
        numbers[torch.from_numpy(decode_mask(mask))] = number
    return numbers


def main(run: str, data: str, splits: str) -> None:
    """Prints the score of the validation images, by which a threshold is chosen, and of the test images."""
    detector = pw.load(run)
    assert isinstance(detector, Detector)
    folder = open_detection(Path(data), detector.classes, True, Path(splits), detector.record.classes)
    for split in ("val", "test"):
        counts: dict[float, list[Tensor]] = {threshold: [] for threshold in THRESHOLDS}
        for item in folder.only(split).items:
            truth = true_numbers(item.objects)
            found = detector.predict(item.image, Decoding(score_threshold=min(THRESHOLDS), most=MOST))
            for threshold, rows in counts.items():
                rows.append(instance_counts(numbered(found, threshold), truth))
        for threshold, rows in counts.items():
            images = torch.stack(rows)
            at = instance_precision(images).nanmean(0)
            mean = float(average_precision(images).nanmean())
            print(f"{split}, scores from {threshold}: AP {mean:.3f}, at 0.5 {at[0]:.3f}, at 0.75 {at[5]:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])

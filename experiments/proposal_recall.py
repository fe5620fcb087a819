"""Claim: a region proposal network needs few proposals; selective search needs many for the same recall.

Source: Ren et al. 2015, "Faster R-CNN", figure 4 (recall on PASCAL VOC 2007: nearly as high with 300 proposals of the
network as with 2000, while that of selective search falls fast) and section 4.1.

The network alone, on a pyramid over a narrow ResNet-18, from scratch, on scenes with one to three animals; selective
search in the setting of its paper. Measured on unseen scenes: the share of animals that one of the first so many
proposals overlaps by at least 0.5 (and 0.7).

    python -m experiments.proposal_recall

Takes about 4 minutes on 2 cores: 3 seeds of 300 steps of 4 scenes of 128 x 128 pixels, and 30 scenes searched.
"""

import math
import time
from pathlib import Path

import torch
from torch import Tensor

from experiments.arguments import arguments, read
from experiments.contest import TEST_SEED
from experiments.intervals import paired, t_interval, verdict
from experiments.object_scenes import ObjectScenes, draw_object_scenes
from experiments.outcome import compared, write_chart, write_table
from experiments.short_detection import train_detector
from experiments.short_training import Schedule
from pixelwise.data.detection.objects import Objects
from pixelwise.data.pasture import Knobs
from pixelwise.drawing import line_chart
from pixelwise.losses.detection.sampling import REGIONS
from pixelwise.models.detection.detector_losses import region_losses
from pixelwise.models.detection.faster_rcnn import FasterRCNN, faster_rcnn_resnet18_fpn
from pixelwise.models.detection.proposals import selective_search
from pixelwise.models.detection.propose import propose
from pixelwise.models.detection.training_targets import truths_in
from pixelwise.ops import box_iou

ANCHORS = (8, 16, 32, 64, 128)
"""One for each level; animals are 40 to 80 pixels long."""

COUNTS = (3, 10, 30, 100, 300, 1000)
FEW, MANY = 10, 300
"""Published are 300 and 2000 for images with about 20 times as many pixels."""

OVERLAPS = (0.5, 0.7)

WAYS = ("RPN", "selective search")

Row = dict[str, float | str]


def trained_network(width: int, scenes: ObjectScenes, schedule: Schedule, seed: int) -> FasterRCNN:
    """A network of which only the proposals were trained."""
    torch.manual_seed(seed)
    model = faster_rcnn_resnet18_fpn(2, width=width, fpn_channels=4 * width, anchor_sizes=ANCHORS, resize=None)
    model.roi_heads.requires_grad_(False)

    def losses(images: list[Tensor], truth: list[Objects], draws: torch.Generator) -> dict[str, Tensor]:
        features = model.features(images)
        return region_losses(model.rpn(features), truths_in(truth, features.frames), REGIONS, draws)

    train_detector(model, losses, scenes, schedule, seed)
    return model


def recall(proposals: list[Tensor], scenes: ObjectScenes, count: int, overlap: float) -> float:
    """The share of all objects that one of the first `count` proposals of their image overlaps so much."""
    best = [
        box_iou(truth.boxes, boxes[:count]).amax(dim=1) if len(boxes) else torch.zeros(len(truth))
        for truth, boxes in zip(scenes.truth, proposals, strict=True)
    ]
    return float((torch.cat(best) >= overlap).float().mean())


def main(words: list[str] | None = None) -> None:
    """Trains, searches, prints and writes."""
    chosen = read(arguments(__doc__, seeds=3, steps=300), words)
    side, count, width, tested = (64, 4, 2, 2) if chosen.quick else (128, 150, 8, 30)
    knobs = Knobs(size=(side, side))
    rows: list[Row] = []
    for seed in range(chosen.seeds):
        start = time.perf_counter()
        model = trained_network(width, draw_object_scenes(knobs, count, seed), Schedule(chosen.steps, 4, 5e-3), seed)
        test = draw_object_scenes(knobs, tested, TEST_SEED + seed)
        with torch.inference_mode():
            learned = propose(model.rpn(model.features(test.images)))
        searched = [selective_search(image, seed=seed) for image in test.images]
        for way, proposals in zip(WAYS, (learned, searched), strict=True):
            rows += [
                {"way": way, "proposals": most, "IoU": overlap, "seed": seed, "recall": value}
                for most in COUNTS
                for overlap in OVERLAPS
                for value in [recall(proposals, test, most, overlap)]
            ]
        print(f"seed {seed} in {time.perf_counter() - start:.0f} s", flush=True)
    report(chosen.out, rows)


def report(out: Path, rows: list[Row]) -> None:
    """Prints the claims, writes tables and charts."""

    def line(way: str, most: int, overlap: float) -> list[float]:
        asked = (way, most, overlap)
        return [float(row["recall"]) for row in rows if (row["way"], row["proposals"], row["IoU"]) == asked]

    values = {f"{way}, first {most}": line(way, most, 0.5) for way in WAYS for most in (FEW, MANY)}
    claims = [(f"{WAYS[0]}, first {FEW}", f"{WAYS[1]}, first {FEW}")]
    compared(out, "proposal_recall", "recall at IoU 0.5", values, claims)
    lost = [[a - b for a, b in zip(line(way, MANY, 0.5), line(way, FEW, 0.5), strict=True)] for way in WAYS]
    more = paired(lost[1], lost[0])
    print(
        f"recall lost from {MANY} to {FEW} proposals, {WAYS[1]} more than {WAYS[0]}: {more}; the claim {verdict(more)}"
    )
    write_table(out / "proposal_recall_curve.csv", rows)
    curves = {
        f"{way}, IoU {overlap}": [(math.log10(most), t_interval(line(way, most, overlap)).mean) for most in COUNTS]
        for way in WAYS
        for overlap in OVERLAPS
    }
    for name, curve in curves.items():
        print(f"{name:28} " + "  ".join(f"{10**x:.0f}: {y:.2f}" for x, y in curve))
    title = "Objects that one of the first proposals meets"
    chart = line_chart(curves, "log10 of the number of proposals", "recall", title, (0, 1))
    write_chart(out / "proposal_recall_curve.svg", chart)


if __name__ == "__main__":
    main()

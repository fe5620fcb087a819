"""Claim: RoIAlign beats RoIPool, most where masks must fit tightly (AP75), and more where a cell is coarser.

Source: He et al. 2017, "Mask R-CNN", table 2c (stride 16: mask AP 26.9 with RoIPool, 30.3 with RoIAlign; AP75 26.4 and
31.5) and table 2d (stride 32: 23.6 and 30.9; AP75 21.6 and 32.1).

Mask R-CNN on one level of a narrow ResNet-18, from scratch, on scenes with one or two animals, which are one class.
For each stride both poolings start from the same weights and see the same scenes. Measured: mask AP and AP75 of unseen
scenes.

    python -m experiments.roi_rounding

Takes about 13 minutes on one core: 3 seeds of 4 networks, 350 steps of 4 scenes of 128 x 128 pixels each.
"""

import time
from functools import partial

import torch

from experiments.arguments import arguments, read
from experiments.contest import TEST_SEED
from experiments.intervals import paired, verdict
from experiments.object_scenes import ObjectScenes, draw_object_scenes, one_class
from experiments.outcome import compared
from experiments.short_detection import LESSON, mask_scores_on, train_detector
from experiments.short_training import Schedule
from pixelwise.data.pasture import Knobs
from pixelwise.metrics.detection.scores import DetectionScores
from pixelwise.models.detection.detector_losses import detector_losses
from pixelwise.models.detection.mask_rcnn import mask_rcnn_resnet18_one_level
from pixelwise.models.detection.region_reader import Pooling

CLASSES = ("background", "animal")

ANCHORS = (32, 64, 96)
"""Animals are 50 to 100 pixels long."""

POOLINGS: dict[str, Pooling] = {"RoIPool": "pool", "RoIAlign": "align"}
STAGES = {16: 4, 32: 5}
"""Stride and the encoder's stage, as the paper counts."""


def learned(
    stage: int, pooling: Pooling, width: int, schedule: Schedule, scenes: tuple[ObjectScenes, ObjectScenes], seed: int
) -> DetectionScores:
    """The scores on the second scenes of a network trained on the first."""
    torch.manual_seed(seed)
    model = mask_rcnn_resnet18_one_level(2, stage, width=width, anchor_sizes=ANCHORS, resize=None, pooling=pooling)
    train_detector(model, partial(detector_losses, model, lesson=LESSON), scenes[0], schedule, seed)
    return mask_scores_on(model, scenes[1], CLASSES)


def main(words: list[str] | None = None) -> None:
    """Trains, prints and writes."""
    chosen = read(arguments(__doc__, seeds=3, steps=350), words)
    side, count, width = (64, 4, 2) if chosen.quick else (128, 150, 16)
    knobs = Knobs(size=(side, side), scale=(0.4, 0.8), objects=(1, 2))
    found: dict[str, list[DetectionScores]] = {}
    for seed in range(chosen.seeds):
        scenes = tuple(
            one_class(draw_object_scenes(knobs, number, start + seed))
            for number, start in ((count, 0), (max(4, count // 3), TEST_SEED))
        )
        for stride, stage in STAGES.items():
            for name, pooling in POOLINGS.items():
                start = time.perf_counter()
                scores = learned(stage, pooling, width, Schedule(chosen.steps, 4, 5e-3), scenes, seed)
                found.setdefault(f"{name}, stride {stride}", []).append(scores)
                print(f"seed {seed}: {name}, stride {stride} in {time.perf_counter() - start:.0f} s", flush=True)
    claims = [(f"RoIAlign, stride {stride}", f"RoIPool, stride {stride}") for stride in STAGES]
    for measure, values in (
        ("mask AP", {name: [one.ap for one in line] for name, line in found.items()}),
        ("mask AP75", {name: [one.ap75 for one in line] for name, line in found.items()}),
    ):
        compared(chosen.out, f"roi_rounding_{measure.split()[1].lower()}", measure, values, claims)
        gains = [[a - b for a, b in zip(values[one], values[other], strict=True)] for one, other in claims]
        wider = paired(gains[1], gains[0])
        print(f"gain in {measure} at stride 32 over that at stride 16: {wider}; the claim {verdict(wider)}")


if __name__ == "__main__":
    main()

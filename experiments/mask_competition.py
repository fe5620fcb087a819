"""Claim: masks are better when classes do not compete for pixels: a sigmoid for each class, not a softmax over all.

Source: He et al. 2017, "Mask R-CNN", table 2b (mask AP 30.3 with sigmoids, 24.8 with a softmax, on COCO's 80 classes).

Mask R-CNN on a pyramid over a narrow ResNet-18, from scratch, on scenes with one to three animals of four classes. Both
losses start from the same weights and see the same scenes and regions. Measured: mask AP of unseen scenes.

    python -m experiments.mask_competition

Takes about 5 minutes on one core: 3 seeds of 2 networks, 400 steps of 4 scenes of 128 x 128 pixels each.
"""

import time
from functools import partial

import torch

from experiments.arguments import arguments, read
from experiments.contest import TEST_SEED
from experiments.object_scenes import draw_object_scenes
from experiments.outcome import compared
from experiments.short_detection import LESSON, mask_scores_on, train_detector
from experiments.short_training import Schedule
from pixelwise.data.pasture import CLASSES, Knobs
from pixelwise.losses.detection.mask_losses import Competition, competing_logits
from pixelwise.models.detection.detector_losses import detector_losses
from pixelwise.models.detection.mask_rcnn import mask_rcnn_resnet18_fpn

ANCHORS = (8, 16, 32, 64, 128)
"""One for each level; animals are 40 to 80 pixels long."""

LOSSES: dict[str, Competition] = {"sigmoid, each class alone": "sigmoid", "softmax over classes": "softmax"}


def main(words: list[str] | None = None) -> None:
    """Trains, prints and writes."""
    chosen = read(arguments(__doc__, seeds=3, steps=400), words)
    side, count, width = (64, 4, 2) if chosen.quick else (128, 200, 8)
    knobs = Knobs(size=(side, side))
    values: dict[str, dict[str, list[float]]] = {"mask AP": {}, "mask AP50": {}}
    for seed in range(chosen.seeds):
        training = draw_object_scenes(knobs, count, seed)
        test = draw_object_scenes(knobs, max(4, count // 3), TEST_SEED + seed)
        for name, competition in LOSSES.items():
            start = time.perf_counter()
            torch.manual_seed(seed)
            model = mask_rcnn_resnet18_fpn(
                len(CLASSES), width=width, fpn_channels=4 * width, anchor_sizes=ANCHORS, resize=None
            )
            lesson = LESSON._replace(competition=competition)
            losses = partial(detector_losses, model, lesson=lesson)
            train_detector(model, losses, training, Schedule(chosen.steps, 4, 5e-3), seed)
            change = competing_logits if competition == "softmax" else None
            scores = mask_scores_on(model, test, CLASSES, change)
            values["mask AP"].setdefault(name, []).append(scores.ap)
            values["mask AP50"].setdefault(name, []).append(scores.ap50)
            print(f"seed {seed}: {name} in {time.perf_counter() - start:.0f} s", flush=True)
    first, second = LOSSES
    for measure, line in values.items():
        compared(chosen.out, f"mask_competition_{measure.split()[1].lower()}", measure, line, [(first, second)])


if __name__ == "__main__":
    main()

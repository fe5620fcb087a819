"""Claim: convolutions that choose where to look help with objects of unlike size and shape.

Source: Dai et al. 2017, "Deformable Convolutional Networks", section 3 and table 1.

FCN on a ResNet-18 (from scratch, narrow), its last stage with and without learned offsets, trained alike to tell four
species from the background. Two worlds: animals from 0.15 to 0.9 of the picture, which is what offsets should help
with, and animals of one size. Measured: mean IoU, and whether the gain is larger in the first world.

    python -m experiments.deformable

Takes about 2 minutes on one core: 5 seeds of 2 networks in 2 worlds, 80 steps of 8 scenes of 96 x 96 pixels each.
"""

from collections.abc import Callable
from functools import partial

from torch import nn

from experiments.accuracy import scores
from experiments.arguments import arguments, read
from experiments.contest import World, contest
from experiments.intervals import paired, verdict
from experiments.outcome import compared
from experiments.short_training import Schedule
from pixelwise.data.pasture import Knobs
from pixelwise.models.segmentation.fcn_resnet import fcn_resnet18

SCALES = {"unlike sizes": (0.15, 0.9), "one size": (0.45, 0.45)}
"""Length of the animals as a share of the picture."""


def main(words: list[str] | None = None) -> None:
    """Trains, prints and writes."""
    chosen = read(arguments(__doc__, seeds=5, steps=80), words)
    side, count, width = (48, 4, 4) if chosen.quick else (96, 120, 8)
    networks: dict[str, Callable[[], nn.Module]] = {
        name: partial(fcn_resnet18, 5, width=width, deformable=name == "deformable") for name in ("deformable", "plain")
    }
    gains = {}
    for place, (name, scale) in enumerate(SCALES.items(), start=1):
        print(f"== {name} ==")
        world = World(Knobs(size=(side, side), scale=scale), training=count, test=count)
        found = scores(contest(networks, world, Schedule(chosen.steps), chosen.seeds), world.num_classes)
        compared(chosen.out, f"deformable_{place}", "mean IoU", found, [("deformable", "plain")])
        gains[name] = [a - b for a, b in zip(found["deformable"], found["plain"], strict=True)]
    more = paired(*gains.values())
    print(f"gain with unlike sizes over gain with one size: {more}; that it is larger {verdict(more)}")


if __name__ == "__main__":
    main()

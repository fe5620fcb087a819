"""Claim: a context module lets a network name objects that are larger than what it sees around a pixel.

Source: Yu and Koltun 2016, "Multi-Scale Context Aggregation by Dilated Convolutions", section 3 and table 3.

A front end of stride 8 that sees 36 x 36 pixels (VGG's own sees more than these scenes hold, so a narrow one stands
in), alone, with the basic context module (67 x 67 scores, 564 x 564 pixels), and with the same layers undilated (15 x
15 scores, 148 x 148 pixels), which tells reach from depth. Trained alike to tell four species from the background, in a
world of animals that fill the picture and in one of small animals. Measured: mean IoU, and whether the gain is larger
with large animals.

    python -m experiments.context

Takes about 3 minutes on one core: 5 seeds of 3 networks in 2 worlds, 80 steps of 8 scenes of 96 x 96 pixels each.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from experiments.accuracy import scores
from experiments.arguments import arguments, read
from experiments.contest import World, contest
from experiments.intervals import paired, verdict
from experiments.outcome import compared
from experiments.short_training import Schedule
from pixelwise.data.pasture import CLASSES, Knobs
from pixelwise.models.segmentation.context import ContextModule

STRIDE = 8

WORLDS = {
    "large animals": {"scale": (0.8, 1.0), "objects": (1, 1)},
    "small animals": {"scale": (0.15, 0.25), "objects": (3, 6)},
}
"""Length of the animals as a share of the picture, and how many there are."""

Context = Literal["none", "dilated", "undilated"]


class NarrowFrontEnd(nn.Module):
    """Scores from three levels of two 3x3 convolutions and a pooling, then from a context module, then interpolated."""

    def __init__(self, width: int, context: Context) -> None:
        """Builds the layers.

        Args:
            width: channels of the first level; they double.
            context: which module follows.
        """
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for level in range(3):
            for _ in range(2):
                layers += [nn.Conv2d(before, width << level, 3, padding=1, bias=False)]
                layers += [nn.BatchNorm2d(width << level), nn.ReLU(inplace=True)]
                before = width << level
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.score = nn.Conv2d(before, len(CLASSES), 1)
        # The module passes positive scores on at first; the softmax does not see a shift of all classes.
        nn.init.ones_(self.score.bias)
        self.context = nn.Identity() if context == "none" else ContextModule(len(CLASSES))
        if context == "undilated":
            for layer in self.context.modules():
                if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3):
                    layer.dilation = layer.padding = (1, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Scores as large as the images, whose sides are multiples of 8."""
        coarse = self.context(self.score(self.features(images)))
        return F.interpolate(coarse, scale_factor=STRIDE, mode="bilinear", align_corners=False)


def main(words: list[str] | None = None) -> None:
    """Trains, prints and writes."""
    chosen = read(arguments(__doc__, seeds=5, steps=80), words)
    side, count, width = (48, 4, 4) if chosen.quick else (96, 120, 8)
    kinds: dict[str, Context] = {"context": "dilated", "undilated": "undilated", "none": "none"}
    networks: dict[str, Callable[[], nn.Module]] = {
        name: partial(NarrowFrontEnd, width, kind) for name, kind in kinds.items()
    }
    gains = {}
    for place, (name, knobs) in enumerate(WORLDS.items(), start=1):
        print(f"== {name} ==")
        world = World(Knobs(size=(side, side), **knobs), training=count, test=count)
        found = scores(contest(networks, world, Schedule(chosen.steps), chosen.seeds), world.num_classes)
        compared(chosen.out, f"context_{place}", "mean IoU", found, [("context", "none"), ("context", "undilated")])
        gains[name] = [a - b for a, b in zip(found["context"], found["none"], strict=True)]
    more = paired(*gains.values())
    print(f"gain with large animals over gain with small ones: {more}; that it is larger {verdict(more)}")


if __name__ == "__main__":
    main()

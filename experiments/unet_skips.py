"""Claim: the skip connections of a U-Net carry the detail that its contracting path has lost.

Source: Ronneberger, Fischer, Brox 2015, section 3 ("copy and crop").

The same U-Net twice, once with zeros in place of the copied features, so that both have the same layers and weights;
trained alike on animals against background. Measured: mean IoU over all pixels, and within 3 pixels of the outlines.

    python -m experiments.unet_skips

Takes about 90 seconds on one core: 5 seeds of 2 networks, 100 steps of 8 scenes of 64 x 64 pixels each.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from experiments.accuracy import band_scores, scores
from experiments.arguments import arguments, read
from experiments.contest import World, contest
from experiments.outcome import compared
from experiments.short_training import Schedule
from pixelwise.data.pasture import Knobs
from pixelwise.models import UNet

BAND = 3
"""Pixels on each side of an outline."""


class WithoutSkips(nn.Module):
    """A U-Net whose copied features are zeros; heights and widths must be multiples of 2**depth."""

    def __init__(self, unet: UNet) -> None:
        super().__init__()
        self.unet = unet

    def forward(self, images: Tensor) -> Tensor:
        """Scores as large as the images."""
        features, skips = images, []
        for level, convolve in enumerate(self.unet.down):
            features = convolve(F.max_pool2d(features, 2) if level else features)
            skips.append(features)
        features = skips.pop()
        for step in self.unet.up:
            features = step(features, torch.zeros_like(skips.pop()))
        scores: Tensor = self.unet.classify(features)
        return scores


def main(words: list[str] | None = None) -> None:
    """Trains, prints and writes."""
    chosen = read(arguments(__doc__, seeds=5, steps=100), words)
    side, count, width = (48, 4, 4) if chosen.quick else (64, 120, 8)
    world = World(Knobs(size=(side, side)), training=count, test=count, animals=True)
    networks = {
        "with skips": lambda: UNet(2, width=width, depth=4),
        "without skips": lambda: WithoutSkips(UNet(2, width=width, depth=4)),
    }
    rounds = contest(networks, world, Schedule(chosen.steps), chosen.seeds)
    claim = [("with skips", "without skips")]
    compared(chosen.out, "unet_skips", "mean IoU", scores(rounds, 2), claim)
    near = band_scores(rounds, 2, BAND)
    compared(chosen.out, "unet_skips_near_outlines", f"mean IoU within {BAND} pixels", near, claim)


if __name__ == "__main__":
    main()

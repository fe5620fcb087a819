"""Claim: upsampling that is learned gives better outlines than interpolation.

Source: Long, Shelhamer, Darrell 2015, section 3.3 ("upsampling within the network is fast and effective for learning
dense prediction"); section 3.2 for shift-and-stitch.

FCN-32s and FCN-8s on a VGG-11 with batch normalisation (from scratch, narrow), with bilinear and with learned
upsampling, trained alike on animals against background; and the network trained with bilinear upsampling asked by
shift-and-stitch instead. Measured: mean IoU over all pixels, and within 3 pixels of the outlines.

    python -m experiments.upsampling

Takes about 2 minutes on one core: 5 seeds of 4 networks, 80 steps of 8 scenes of 96 x 96 pixels each.
"""

from collections.abc import Callable
from functools import partial
from typing import cast

from torch import nn

from experiments.accuracy import band_scores, scores
from experiments.arguments import arguments, read
from experiments.contest import World, contest
from experiments.outcome import compared
from experiments.short_training import MEAN, SPREAD, Schedule
from pixelwise.backbones import vgg11_bn
from pixelwise.data.pasture import Knobs
from pixelwise.models.normalise import Normalised
from pixelwise.models.segmentation.fcn import FCN
from pixelwise.models.segmentation.upsampling import Upsampling

BAND = 3
"""Pixels on each side of an outline."""

SKIPS = {"FCN-32s": 0, "FCN-8s": 2}


def fcn(skips: int, width: int, upsampling: Upsampling) -> FCN:
    """An FCN with so many skips."""
    return FCN(vgg11_bn(width=width, hidden=8 * width), 2, skips, upsampling)


def stitched(skips: int, width: int, model: nn.Module) -> nn.Module:
    """The same weights with shift-and-stitch instead of interpolation."""
    network = fcn(skips, width, "shift_and_stitch")
    network.load_state_dict(cast(Normalised, model).model.state_dict())
    return Normalised(network, MEAN, SPREAD).eval()


def main(words: list[str] | None = None) -> None:
    """Trains, prints and writes."""
    chosen = read(arguments(__doc__, seeds=5, steps=80), words)
    side, training, test, width = (64, 4, 4, 2) if chosen.quick else (96, 120, 40, 8)
    world = World(Knobs(size=(side, side)), training=training, test=test, animals=True)
    networks: dict[str, Callable[[], nn.Module]] = {
        f"{name} {kind}": partial(fcn, skips, width, kind)
        for name, skips in SKIPS.items()
        for kind in ("bilinear", "learned")
    }
    derived = {
        f"{name} stitched": (f"{name} bilinear", partial(stitched, skips, width)) for name, skips in SKIPS.items()
    }
    rounds = contest(networks, world, Schedule(chosen.steps), chosen.seeds, derived)
    claims = [(f"{name} {kind}", f"{name} bilinear") for name in SKIPS for kind in ("learned", "stitched")]
    compared(chosen.out, "upsampling", "mean IoU", scores(rounds, 2), claims)
    near = band_scores(rounds, 2, BAND)
    compared(chosen.out, "upsampling_near_outlines", f"mean IoU within {BAND} pixels", near, claims)


if __name__ == "__main__":
    main()

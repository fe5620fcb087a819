"""Claim: FCN-32s < FCN-16s < FCN-8s, and most of what the finer ones gain lies near the outlines.

Source: Long, Shelhamer, Darrell 2015, table 2 (59.4, 62.4 and 62.7 mean IU on PASCAL) and section 4.2.

Three FCNs on the same VGG-11 with batch normalisation (from scratch, narrow), trained alike and at once on animals
against background. Measured: mean IoU over all pixels and within 2, 4, 8 and 16 pixels of the outlines (a trimap), and
the share of the pixels put right by FCN-8s that lie within 8 pixels.

    python -m experiments.skip_strides

Takes about 2 minutes on one core: 5 seeds of 3 networks, 120 steps of 8 scenes of 96 x 96 pixels each.
"""

import math
from collections.abc import Callable
from functools import partial

from experiments.accuracy import band_scores, scores, share_near_boundary
from experiments.arguments import arguments, read
from experiments.contest import World, contest
from experiments.intervals import t_interval
from experiments.outcome import compared, write_chart, write_table
from experiments.short_training import Schedule
from pixelwise.backbones import vgg11_bn
from pixelwise.data.pasture import Knobs
from pixelwise.drawing import line_chart
from pixelwise.models.segmentation.fcn import FCN

BANDS = (2, 4, 8, 16)
NEAR = 8


def fcn(skips: int, width: int) -> FCN:
    """An FCN with so many skips: 0, 1, 2 for strides of 32, 16, 8."""
    return FCN(vgg11_bn(width=width, hidden=8 * width), 2, skips)


def main(words: list[str] | None = None) -> None:
    """Trains, prints and writes."""
    chosen = read(arguments(__doc__, seeds=5, steps=120), words)
    side, count, width = (64, 4, 2) if chosen.quick else (96, 120, 8)
    world = World(Knobs(size=(side, side)), training=count, test=count, animals=True)
    networks: dict[str, Callable[[], FCN]] = {
        name: partial(fcn, skips, width) for skips, name in enumerate(("FCN-32s", "FCN-16s", "FCN-8s"))
    }
    rounds = contest(networks, world, Schedule(chosen.steps), chosen.seeds)
    claims = [("FCN-16s", "FCN-32s"), ("FCN-8s", "FCN-16s"), ("FCN-8s", "FCN-32s")]
    compared(chosen.out, "skip_strides", "mean IoU", scores(rounds, 2), claims)
    rows = [
        {"network": name, "pixels from an outline": band, "seed": seed, "mean IoU": value}
        for band in BANDS
        for name, line in band_scores(rounds, 2, band).items()
        for seed, value in enumerate(line)
    ]
    write_table(chosen.out / "skip_strides_trimap.csv", rows)
    lines = {
        name: [
            (
                band,
                t_interval(
                    [r["mean IoU"] for r in rows if (r["network"], r["pixels from an outline"]) == (name, band)]
                ).mean,
            )
            for band in BANDS
        ]
        for name in networks
    }
    title = "Mean IoU within a trimap"
    write_chart(chosen.out / "skip_strides_trimap.svg", line_chart(lines, "pixels from an outline", "mean IoU", title))
    gains, areas = share_near_boundary(rounds, "FCN-8s", "FCN-32s", NEAR)
    counted = [gain for gain in gains if not math.isnan(gain)]
    where = f"lie within {NEAR} pixels of an outline, where {t_interval(areas).mean:.3g} of all pixels are"
    if counted:
        print(f"of the errors that FCN-8s makes less than FCN-32s, {t_interval(counted)} {where}")
    print(f"FCN-8s makes fewer errors than FCN-32s with {len(counted)} of {len(gains)} seeds")


if __name__ == "__main__":
    main()

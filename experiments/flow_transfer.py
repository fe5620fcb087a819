"""Claim: a flow network trained on shapes that fly at random answers for pictures of other kinds.

Source: Dosovitskiy et al. 2015, "FlowNet: Learning Optical Flow with Convolutional Networks", sections 4 and 5.

The same FlowNetCorr trained on flying shapes, on Pasture's moving animals, and on both by halves. Measured on flying
shapes and scenes made apart, and on the pairs of folders given by --data (any layout that `pixelwise data check`
knows): by how many pixels the answers are nearer to the truth than "nothing moves".

    python -m experiments.flow_transfer --data ../shared/data/middlebury_flow

Takes, by the time of a step with --bf16, about 45 minutes on one core: 3 seeds of 3 trainings,
2400 steps of 4 pairs of 128 x 192 pixels each.
"""

from collections.abc import Sequence
from pathlib import Path

import torch

from experiments.arguments import arguments, read
from experiments.flow_contest import Contest, gains, still_sums, train_on, with_device
from experiments.flow_correlation import BATCH, RATE, REACH, TEST_SEED
from experiments.flow_pool import filled
from experiments.outcome import compared
from pixelwise.data.flow import FlowPair, open_flow, read_pair
from pixelwise.data.flying import FlyingPairs, Recipe
from pixelwise.data.pasture import Knobs, PasturePairs
from pixelwise.models import FlowNetC

NETWORK = "flownet_c"
WAYS = {"motion": (0.0, 20.0), "camera": (0.0, 8.0)}
"""Pixels; Pasture's own defaults move less than flying shapes do, which would be a difference of its own."""


def drawn(size: tuple[int, int], seed: int, count: int) -> dict[str, list[FlowPair]]:
    """Flying shapes and scenes of one seed."""
    knobs = Knobs(size=size, **WAYS)
    return {
        "flying shapes": list(FlyingPairs(Recipe(size=size, motion=2.0), seed, count)),
        "animals": list(PasturePairs(knobs, seed, count)),
    }


def main(words: list[str] | None = None) -> None:
    """Trains, prints and writes."""
    parser = with_device(arguments(__doc__, seeds=3, steps=2400))
    parser.add_argument("--data", type=Path, action="append", default=[], help="folder of real pairs; several times")
    chosen = read(parser, words)
    device = torch.device(chosen.device)
    size, count, test, width = ((64, 96), 8, 6, 2) if chosen.quick else ((128, 192), 1500, 100, 16)
    real = {folder.name: [read_pair(item) for item in open_flow(folder).items] for folder in chosen.data}
    values: dict[str, dict[str, list[float]]] = {}
    for seed in range(chosen.seeds):
        made = drawn(size, seed, count)
        flying, animals = made.values()
        sources: dict[str, Sequence[FlowPair]] = {**made, "both": flying[: count // 2] + animals[: count // 2]}
        for name, pairs in sources.items():
            torch.manual_seed(seed)
            contest = Contest({NETWORK: FlowNetC(width, REACH, "cosine")}, {NETWORK: RATE}, device, chosen.bf16)
            train_on(contest, filled(pairs, device), chosen.steps, BATCH, seed)
            for where, judged in {**drawn(size, TEST_SEED + seed, test), **real}.items():
                gain = gains(contest.sums(NETWORK, judged), still_sums(judged))["all"]
                values.setdefault(where, {}).setdefault(name, []).append(gain)
            print(f"seed {seed}: trained on {name}", flush=True)
    claims = [("flying shapes", "animals"), ("both", "flying shapes")]
    for where, lines in values.items():
        print(f"judged on {where}")
        measure = "pixels nearer than no motion"
        compared(chosen.out, f"flow_transfer_{where.replace(' ', '_')}", measure, lines, claims)


if __name__ == "__main__":
    main()

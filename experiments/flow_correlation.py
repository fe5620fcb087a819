"""Claim: comparing the images by a correlation layer helps a flow network most where things move far.

Source: Dosovitskiy et al. 2015, "FlowNet: Learning Optical Flow with Convolutional Networks", section 3 and figure 2.

FlowNetCorr and FlowNetSimple of the same width (which have nearly the same number of weights), trained on the same
batches of flying shapes. FlowNetCorr twice: with the product of features, as published, and with that of their
directions, which `pixelwise.models.flow.flownet_c.directions` explains. Measured on flying shapes made apart, for
pixels that move less than 10 pixels, 10 to 40, and more: by how many pixels the answers are nearer to the truth than
"nothing moves".

    python -m experiments.flow_correlation

Takes, by the time of a step with --bf16, about 35 minutes on one core: 3 seeds of 3 networks,
2400 steps of 4 pairs of 128 x 192 pixels each.
"""

import time

import torch

from experiments.arguments import arguments, read
from experiments.flow_contest import Contest, gains, still_sums, train_on, with_device
from experiments.flow_pool import filled
from experiments.outcome import compared
from pixelwise.data.flying import FlyingPairs, Recipe
from pixelwise.models import FlowNetC, FlowNetS

TEST_SEED = 1_000_000
"""Far from the seeds of training, so that no pair is in both."""

RATE, BATCH = 8e-4, 4
"""Networks leave "nothing moves" after a number of steps, whatever the batch: so small batches."""

REACH = 8
"""Displacements at stride 8 to each side, 64 pixels: of small images most of the paper's 160 lie outside."""

NAMES = {"0-10": "below_10_px", "10-40": "10_to_40_px", "40+": "40_px_and_more"}


def main(words: list[str] | None = None) -> None:
    """Trains, prints and writes."""
    chosen = read(with_device(arguments(__doc__, seeds=3, steps=2400)), words)
    device = torch.device(chosen.device)
    size, training, test, width = ((64, 96), 8, 8, 2) if chosen.quick else ((128, 192), 1500, 120, 16)
    recipe = Recipe(size=size, motion=2.0)  # so that one pixel in twenty moves 40 pixels or more
    values: dict[str, dict[str, list[float]]] = {group: {} for group in NAMES}
    for seed in range(chosen.seeds):
        started = time.perf_counter()
        pool = filled(list(FlyingPairs(recipe, seed, training)), device)
        apart = list(FlyingPairs(recipe, TEST_SEED + seed, test))
        torch.manual_seed(seed)
        networks = {
            "directions": FlowNetC(width, REACH, "cosine"),
            "product": FlowNetC(width, REACH),
            "without": FlowNetS(width),
        }
        contest = Contest(networks, dict.fromkeys(networks, RATE), device, chosen.bf16)
        train_on(contest, pool, chosen.steps, BATCH, seed)
        still = still_sums(apart)
        for name in networks:
            for group, gain in gains(contest.sums(name, apart), still).items():
                if group in NAMES:
                    values[group].setdefault(name, []).append(gain)
        print(f"seed {seed}: {time.perf_counter() - started:.0f} s", flush=True)
    for group, lines in values.items():
        if lines:
            measure = f"pixels nearer than no motion, of pixels moving {group}"
            claims = [("directions", "without"), ("product", "without")]
            compared(chosen.out, f"flow_correlation_{NAMES[group]}", measure, lines, claims)


if __name__ == "__main__":
    main()

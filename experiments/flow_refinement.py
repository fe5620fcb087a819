"""Claim: each finer level of FlowNet's refinement brings the answer nearer to the truth.

Source: Dosovitskiy et al. 2015, "FlowNet: Learning Optical Flow with Convolutional Networks", section 3 and figure 3.

One FlowNetCorr per seed, trained on flying shapes. Its flows at strides 64 to 4 are each enlarged to the size of the
image, and compared with the truth of flying shapes made apart: by how many pixels they are nearer to it than "nothing
moves". The paper stops at stride 4, because a finer level brought little for its cost.

    python -m experiments.flow_refinement

Takes, by the time of a step with --bf16, about 15 minutes on one core: 3 seeds,
2400 steps of 4 pairs of 128 x 192 pixels each.
"""

from itertools import pairwise

import torch

from experiments.arguments import arguments, read
from experiments.flow_contest import Contest, gains, still_sums, train_on, with_device
from experiments.flow_correlation import BATCH, RATE, REACH, TEST_SEED
from experiments.flow_pool import filled
from experiments.outcome import compared
from pixelwise.data.flying import FlyingPairs, Recipe
from pixelwise.models import FlowNetC
from pixelwise.models.flow.outputs import STRIDES

NETWORK = "flownet_c"


def main(words: list[str] | None = None) -> None:
    """Trains, prints and writes."""
    chosen = read(with_device(arguments(__doc__, seeds=3, steps=2400)), words)
    device = torch.device(chosen.device)
    size, training, test, width = ((64, 96), 8, 8, 2) if chosen.quick else ((128, 192), 1500, 120, 16)
    recipe = Recipe(size=size, motion=2.0)
    values: dict[str, list[float]] = {f"stride {stride}": [] for stride in STRIDES}
    for seed in range(chosen.seeds):
        pool = filled(list(FlyingPairs(recipe, seed, training)), device)
        apart = list(FlyingPairs(recipe, TEST_SEED + seed, test))
        torch.manual_seed(seed)
        contest = Contest({NETWORK: FlowNetC(width, REACH, "cosine")}, {NETWORK: RATE}, device, chosen.bf16)
        train_on(contest, pool, chosen.steps, BATCH, seed)
        still = still_sums(apart)
        for level, stride in enumerate(STRIDES):
            values[f"stride {stride}"].append(gains(contest.sums(NETWORK, apart, level), still)["all"])
        print(f"seed {seed} done", flush=True)
    measure = "pixels nearer than no motion"
    compared(chosen.out, "flow_refinement", measure, values, list(pairwise(values)))


if __name__ == "__main__":
    main()

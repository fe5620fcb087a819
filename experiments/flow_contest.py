"""Several flow networks trained step by step on the same pairs, and their errors on pairs that they have not met."""

import argparse
import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from experiments.flow_pool import FlowBatch, Pool
from pixelwise.data.flow import FlowPair
from pixelwise.losses import multiscale_epe
from pixelwise.metrics import FLOW_GROUPS, flow_scores, flow_sums
from pixelwise.models import pixel_flow
from pixelwise.models.normalise import IMAGENET_MEAN, IMAGENET_STD, NormalisedPair, channels_last
from pixelwise.training.flow.settings import FlowSettings

WEIGHT_DECAY = 4e-4
"""As published (FlowNetPytorch, mmflow)."""

CLIP = FlowSettings.clip
"""Largest norm of all gradients together, as in `pixelwise train flow`."""

RISING = 0.03
"""Share of the training over which the learning rate rises; FlowNetC's loss can explode without (Dosovitskiy et al.)"""


class Contest:
    """Networks of any widths, each with an optimiser; the rate rises shortly, then falls along a cosine.

    `rates` are the highest learning rates. How far training is done is told by the caller, in steps or in time.
    """

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        rates: Mapping[str, float],
        device: torch.device,
        bf16: bool = False,
    ) -> None:
        self.device, self.bf16, self.rates = device, bf16, rates
        self.models = {
            name: channels_last(NormalisedPair(network, IMAGENET_MEAN, IMAGENET_STD)).to(device).train()
            for name, network in networks.items()
        }
        self.optimizers = {
            name: torch.optim.Adam(
                model.parameters(), rates[name], weight_decay=WEIGHT_DECAY, fused=device.type == "cuda"
            )
            for name, model in self.models.items()
        }

    def step(self, batch: FlowBatch, done: float) -> dict[str, Tensor]:
        """One step of every network; gives the losses, which stay on the device.

        Args:
            batch: pairs.
            done: share of the training that lies behind, 0..1.
        """
        factor = min(1.0, done / RISING + 0.01) * (1 + math.cos(math.pi * min(1.0, done))) / 2
        losses = {}
        for name, model in self.models.items():
            optimizer = self.optimizers[name]
            for group in optimizer.param_groups:
                group["lr"] = self.rates[name] * factor
            with self._arithmetic():
                flows = model(batch.first, batch.second)
            loss = multiscale_epe([flow.float() for flow in flows], batch.flow, batch.valid)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimizer.step()
            losses[name] = loss.detach()
        return losses

    @torch.no_grad()
    def flow(self, name: str, pair: FlowPair, level: int = 0) -> Tensor:
        """The answer of one network, (2, H, W) in pixels, from one level of its pyramid."""
        with self._arithmetic():
            flows = self.models[name](pair.image[None].to(self.device), pair.second[None].to(self.device))
        return pixel_flow(tuple(flow.float() for flow in flows), tuple(pair.image.shape[-2:]), level)[0].cpu()

    def sums(self, name: str, pairs: Sequence[FlowPair], level: int = 0) -> Tensor:
        """The sums of `pixelwise.metrics.flow_sums` of each pair, (N, 6, 7)."""
        return torch.stack(
            [flow_sums(self.flow(name, pair, level), pair.flow, pair.valid, pair.occluded) for pair in pairs]
        )

    def _arithmetic(self) -> AbstractContextManager[object]:
        return torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext()


def with_device(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The parser itself, with --device and --bf16."""
    parser.add_argument("--bf16", action="store_true", help="bfloat16 in convolutions, where the processor knows it")
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    return parser


def train_on(contest: Contest, pool: Pool, steps: int, batch: int, seed: int) -> None:
    """So many steps of all networks on the same batches, drawn from the pool by the seed."""
    draws = torch.Generator(contest.device).manual_seed(seed)
    for step in range(steps):
        contest.step(pool.draw(batch, draws), step / steps)


def gains(sums: Tensor, still: Tensor) -> dict[str, float]:
    """By how many pixels an answer is nearer to the truth than "nothing moves", on average over a group of pixels.

    Groups that no pair has are left out.

    Args:
        sums: of the answer, (N, 6, 7).
        still: of no motion, on the same pairs.
    """
    errors, floor = (flow_scores(each.sum(0))[:, 0] for each in (sums, still))
    better = zip(FLOW_GROUPS, (floor - errors).tolist(), strict=True)
    return {group: value for group, value in better if not math.isnan(value)}


def still_sums(pairs: Sequence[FlowPair]) -> Tensor:
    """The same of the answer that nothing moves."""
    return torch.stack([flow_sums(torch.zeros_like(pair.flow), pair.flow, pair.valid, pair.occluded) for pair in pairs])

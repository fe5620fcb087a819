"""What is special about training a flow network: its loss and its scores."""

import torch
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.losses.flow import multiscale_epe
from pixelwise.metrics.flow import flow_scores, flow_sums
from pixelwise.models.flow.outputs import UNIT, pixel_flow
from pixelwise.models.normalise import NormalisedPair, channels_last
from pixelwise.training.flow.pairs import NamedPair, PairBatch, collate_pairs
from pixelwise.training.flow.settings import FlowSettings
from pixelwise.training.learning_task import LearningTask
from pixelwise.training.loop import Loop

WATCHED = "val_epe"
"""The mean end-point error of all known pixels of the validation pairs, by which the best epoch is told."""


def loop_of(settings: FlowSettings) -> Loop:
    """How a flow run goes round its data."""
    return Loop(
        settings.epochs,
        settings.batch_size,
        settings.seed,
        settings.precision,
        settings.ema,
        collate_pairs,
        watched=WATCHED,
        lowest=True,
        clip=settings.clip,
        warm_up=settings.warm_up,
        validate_every=settings.validate_every,
    )


class FlowTask(LearningTask):
    """One training step, one validation pair, and what is logged of them."""

    def __init__(self, model: NormalisedPair, settings: FlowSettings, total_steps: int) -> None:
        super().__init__(model.model, settings, loop_of(settings), total_steps)
        self.model = channels_last(model)
        self.settings = settings
        self.sums: list[tuple[Tensor, Tensor]] = []

    def training_step(self, batch: PairBatch | InputError, _: int) -> Tensor:
        """The loss of one batch.

        Raises:
            InputError: a file could not be read, or the loss is not finite; it names the pairs.
        """
        if isinstance(batch, InputError):
            raise batch
        # In float32 under mixed precision too: a sum over many places overflows half precision.
        flows = [flow.float() for flow in self.model(batch.first, batch.second)]
        loss = multiscale_epe(flows, batch.flow, batch.valid, self.settings.reduction, unit=UNIT)
        return self.checked(loss, batch.names)

    def validation_step(self, pair: NamedPair, _: int) -> None:
        """Adds the errors of one pair, uncut, and those of no motion at all."""
        flows = self.model(pair.first[None], pair.second[None])
        flow = pixel_flow(tuple(flow.float() for flow in flows), (pair.first.shape[-2], pair.first.shape[-1]))[0]
        still = torch.zeros_like(pair.flow)
        found = [flow_sums(answer, pair.flow, pair.valid, pair.occluded).cpu() for answer in (flow, still)]
        self.sums.append((found[0], found[1]))

    def on_validation_epoch_end(self) -> None:
        """Logs the errors of all validation pairs together, beside those of no motion."""
        learned, still = (torch.stack(sums).sum(0) for sums in zip(*self.sums, strict=True))
        self.log(WATCHED, float(flow_scores(learned)[0, 0]), prog_bar=True)
        self.log("val_epe_of_no_motion", float(flow_scores(still)[0, 0]))
        self.log("val_fl", float(flow_scores(learned)[0, -1]))
        self.sums.clear()

"""Training over groups: the loss of a batch from the losses of its groups."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn

from pixelwise.losses.robust import coral, group_dro, irm, irm_penalty, vrex
from pixelwise.shapes import IGNORE, LabelMaps, Scores
from pixelwise.training.segmentation.groups import Groups
from pixelwise.training.segmentation.robust_settings import WEIGHTS, RobustSettings

PIXELS = 1024
"""Pixels of a group that irm and coral look at in a step: more than the channels of usual last layers (16 to 512),
as covariances ask, and so few that they cost little beside the network."""

LATER = ("vrex", "irm")
"""Methods whose weight rises after some steps of plain training (Krueger et al. 2021, Arjovsky et al. 2019)."""


@dataclass(frozen=True, eq=False)
class Grouped:
    """A batch as the methods see it.

    `rows` are the numbers of each group's crops in the batch, by the group's number; `labels` are as large as the
    `scores`, those of the main output, or the middle of them is. `features` are those before the last layer, for coral.
    """

    rows: dict[int, Integer[Tensor, " R"]]
    scores: Scores
    labels: LabelMaps
    features: Float[Tensor, "B D h w"] | None = None


def rows_of(groups: Sequence[int], labels: LabelMaps) -> dict[int, Integer[Tensor, " R"]]:
    """The numbers of each group's crops in a batch; a group without a labelled pixel in it is left out."""
    numbers = torch.tensor(groups)
    found = {group: (numbers == group).nonzero()[:, 0].to(labels.device) for group in sorted(set(groups))}
    return {group: rows for group, rows in found.items() if bool((labels[rows] != IGNORE).any())}


class RobustLoss(nn.Module):
    """The loss that a method makes of the risks of a batch's groups; a risk is the mean loss of the group's crops.

    Groups that are not in a batch are left out; group_dro leaves their weights as they are. The weights of group_dro
    are kept with the network's in checkpoints, so that a resumed run continues with them.
    """

    group_weights: Tensor

    def __init__(self, settings: RobustSettings, groups: Groups, total_steps: int, last_layer: str = "") -> None:
        """Starts with equal weights.

        Args:
            settings: the method, its weight and its start.
            groups: of the images.
            total_steps: of the run.
            last_layer: whose input coral looks at; empty for the other methods.
        """
        super().__init__()
        self.method = settings.robust
        self.weight = settings.robust_weight or WEIGHTS[settings.robust]
        self.starts = round(settings.robust_start * total_steps) if settings.robust in LATER else 0
        self.groups = groups
        self.last_layer = last_layer
        self.register_buffer(
            "group_weights", torch.full((groups.trained,), 1 / groups.trained), persistent=self.method == "group_dro"
        )

    def forward(
        self, batch: Grouped, risk: Callable[[Tensor], Tensor], step: int, generator: torch.Generator
    ) -> Float[Tensor, ""]:
        """The loss of one batch; 0 with zero gradients where no pixel of it is labelled.

        Args:
            batch: its groups and what the network says.
            risk: gives the mean loss of some crops of the batch, by their numbers.
            step: of the run, from 0.
            generator: chooses pixels.
        """
        if not batch.rows:
            return batch.scores.sum() * 0
        risks = torch.stack([risk(rows) for rows in batch.rows.values()])
        if self.method == "group_dro":
            return self._worst_most(batch, risks)
        if step < self.starts:
            return risks.mean()
        if self.method == "vrex":
            return vrex(risks, self.weight)
        if self.method == "irm":
            return irm(risks, torch.stack(_penalties(batch, generator)), self.weight)
        return risks.mean() + self.weight * coral(_samples(batch, generator))

    def _worst_most(self, batch: Grouped, risks: Float[Tensor, " G"]) -> Float[Tensor, ""]:
        losses = risks.new_full(self.group_weights.shape, torch.nan)
        losses[list(batch.rows)] = risks
        loss, weights = group_dro(losses, self.group_weights, self.weight)
        self.group_weights.copy_(weights.detach())
        return loss


def _penalties(batch: Grouped, generator: torch.Generator) -> list[Tensor]:
    """The penalty of each group on some of its labelled pixels, drawn anew in each step; 0 for fewer than two."""
    found = []
    for rows in batch.rows.values():
        labels = batch.labels[rows].flatten()
        drawn = _some((labels != IGNORE).nonzero()[:, 0], generator)
        scores = batch.scores[rows].movedim(1, -1).flatten(0, 2)
        found.append(irm_penalty(scores[drawn], labels[drawn]) if len(drawn) > 1 else scores.new_zeros(()))
    return found


def _samples(batch: Grouped, generator: torch.Generator) -> list[Float[Tensor, "_ D"]]:
    """The features of some pixels of each group; groups with fewer than two pixels of features have no covariance."""
    assert batch.features is not None, "the task has looked at them"
    found = []
    for rows in batch.rows.values():
        features = batch.features[rows].movedim(1, -1).flatten(0, 2)
        found.append(features[_some(torch.arange(len(features), device=features.device), generator)])
    return [each for each in found if len(each) > 1]


def _some(numbers: Integer[Tensor, " N"], generator: torch.Generator) -> Integer[Tensor, " M"]:
    """At most `PIXELS` of them, in an order of chance: halves of irm must not be told apart by it."""
    return numbers[torch.randperm(len(numbers), generator=generator)[:PIXELS].to(numbers.device)]

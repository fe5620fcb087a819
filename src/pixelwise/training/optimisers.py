"""Optimisers and the course of the learning rate, by name."""

import math
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn

from pixelwise.training.parameter_groups import parameter_groups

MOMENTUM = 0.9  # Chen et al. 2017 (DeepLab) and most of the field

OPTIMIZERS: dict[str, Callable[[list[dict[str, Any]], float, float], torch.optim.Optimizer]] = {
    "sgd": lambda groups, lr, decay: torch.optim.SGD(groups, lr, momentum=MOMENTUM, weight_decay=decay),
    "rmsprop": lambda groups, lr, decay: torch.optim.RMSprop(groups, lr, momentum=MOMENTUM, weight_decay=decay),
    "adam": lambda groups, lr, decay: torch.optim.Adam(groups, lr, weight_decay=decay),
    "adamw": lambda groups, lr, decay: torch.optim.AdamW(groups, lr, weight_decay=decay),
}

SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda _: 1.0,
    "poly": lambda done: (1 - done) ** 0.9,
    "cosine": lambda done: (1 + math.cos(math.pi * done)) / 2,
    # Dosovitskiy et al. 2015 halve at 300, 400 and 500 of 600 thousand steps.
    "halvings": lambda done: 0.5 ** ((done >= 1 / 2) + (done >= 2 / 3) + (done >= 5 / 6)),
}

WARM_UP_FROM = 0.001
"""Share of the learning rate at the first step of a warm-up (Goyal et al. 2017; as published detectors start)."""


@runtime_checkable
class RateSettings(Protocol):
    """The settings of a recipe that decide how its weights change."""

    @property
    def optimizer(self) -> str:
        """A name of `OPTIMIZERS`."""

    @property
    def learning_rate(self) -> float:
        """The highest."""

    @property
    def encoder_rate(self) -> float:
        """That of the encoder as a multiple of the others'."""

    @property
    def weight_decay(self) -> float:
        """On all weights."""

    @property
    def schedule(self) -> str:
        """A name of `SCHEDULES`."""

    @property
    def freeze(self) -> int:
        """Stages of the encoder that keep their weights."""


def optimisation(network: nn.Module, settings: RateSettings, total_steps: int, warm_up: int = 0) -> dict[str, Any]:
    """The named optimiser, its learning rate following the named schedule step by step, as Lightning takes it.

    Args:
        network: whose weights learn.
        settings: the names and numbers.
        total_steps: of the whole run.
        warm_up: first steps over which the rate rises linearly to what the schedule says.

    Raises:
        InputError: no weight learns, or a rate for an encoder that is not there.
    """
    groups = parameter_groups(network, settings.learning_rate, settings.encoder_rate)
    optimizer = OPTIMIZERS[settings.optimizer](groups, settings.learning_rate, settings.weight_decay)
    shape = SCHEDULES[settings.schedule]

    def factor(step: int) -> float:
        # The loop asks for one step past the last.
        planned = shape(min(1.0, step / total_steps))
        return planned if step >= warm_up else planned * (WARM_UP_FROM + (1 - WARM_UP_FROM) * step / warm_up)

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

"""What the loop around a task's steps needs to know."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Loop(NamedTuple):
    """How a run goes round its data.

    `collate` makes a batch of items. `watched` is the logged score by which the best epoch is told, the highest or,
    with `lowest`, the lowest. `clip` is the largest norm of the gradient of all weights together, 0 for no limit.
    `warm_up` is the number of first steps over which the learning rate rises. Validation images are looked at after
    every `validate_every` epochs.
    """

    epochs: int
    batch_size: int
    seed: int
    precision: str
    ema: float
    collate: Callable[[Any], Any]
    watched: str
    lowest: bool = False
    clip: float = 0.0
    warm_up: int = 0
    validate_every: int = 1

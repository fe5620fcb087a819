"""Who is told what during training."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Listener:
    """Functions that training calls; the default tells nobody.

    `note`: one line of text. `examined`: (images examined, images in all). `epoch`: an epoch's row of metrics.csv.
    """

    note: Callable[[str], None] = lambda _: None
    examined: Callable[[int, int], None] | None = None
    epoch: Callable[[dict[str, float]], None] | None = None

"""How far into an image a network carries what was changed outside a window of it.

Not-a-number spreads through every operation that reads it, so pixels set to NaN show exactly which scores they can
change. Gradients would under-report (a maximum passes its gradient to one pixel only). The few operations that swallow
NaN are caught by changing the same pixels to other numbers.
"""

import torch
from torch import Tensor

from pixelwise.dense.probes.probe import Probe

ROUNDING = 1e-9
"""Scores closer than this part of the largest one are equal: float64 sums in another order differ by about 1e-15."""


def same(scores: Tensor, others: Tensor) -> bool:
    """Whether two sets of float64 scores are equal but for rounding."""
    return not bool(differs(scores, others).any())


def differs(scores: Tensor, others: Tensor) -> Tensor:
    """Where two sets of float64 scores differ by more than rounding; everywhere where either is NaN."""
    return ~((scores - others).abs() <= ROUNDING * others.abs().max())


def unchanged(probe: Probe, length: int, window: tuple[int, int]) -> tuple[int, int] | None:
    """First and last (exclusive) of a strip's scores, in pixels of the image, that only the window can change.

    None where there are no such scores, or changed ones between them.
    """
    pixels, plain = probe.plain(length)
    position = torch.arange(length)
    outside = (position < window[0]) | (position >= window[1])
    other = probe.scores(torch.where(outside, probe.pixels(length, seed=1), pixels))
    hidden = probe.scores(pixels.masked_fill(outside, torch.nan))
    changed = (hidden.isnan() | differs(other, plain)).any(dim=0)
    clear = (~changed).nonzero().flatten()
    if clear.numel() == 0 or int(clear[-1] - clear[0]) + 1 != clear.numel():
        return None
    return int(clear[0]) + probe.margin, int(clear[-1]) + 1 + probe.margin


def edge_moves(probe: Probe, length: int, edge: int, first: int, shift: int) -> bool:
    """Whether the first unchanged score, `first` when pixels before `edge` are hidden, moves with that edge.

    Strides make it stand still and then jump, also where the scores themselves are constant.
    """
    hidden = probe.plain(length)[0].clone()
    hidden[..., : edge + shift] = torch.nan
    clear = (~probe.scores(hidden).isnan().any(dim=0)).nonzero()
    return clear.numel() > 0 and int(clear[0]) + probe.margin == first + shift

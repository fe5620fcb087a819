"""All pairs of boxes that overlap by more than a threshold, without looking at all pairs.

An intersection over union above t forces the same of the two intervals on each axis, so the upper left corner of a
partner lies in a small window around a box's own corner. Corners are sorted into strips by y0, and by x0 within a
strip; a window is then a few contiguous ranges of that order, found by bisection. Only boxes in these ranges are
compared exactly.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Float, Integer
from torch import Tensor

STRIPS = 2**20
"""Strips on each side of y = 0; boxes further out share the last ones, which costs time and not exactness."""

CANDIDATES = 2**12
"""Candidate pairs compared at a time: few enough for the cache, and for torch to stay in one thread, since waiting for
a second one costs more than it saves on arrays of this size (torch divides the work from 32768 numbers on)."""

SLACK = 64
"""Windows are wider by this many roundings, because the exact test below is made of about ten rounded operations."""


CANDIDATES_ON_DEVICE = 2**22
"""The same on other devices, where each call costs more than the comparing: some 60 bytes each, 250 MB."""


class Ranked(NamedTuple):
    """Boxes that have a finite area above zero, as columns; lower rows rank first."""

    columns: Float[Tensor, "5 N"]
    """x0, y0, x1, y1 and area."""
    groups: Integer[Tensor, " N"]
    """Only boxes of the same group overlap; numbers from 0 to less than `group_count`."""
    group_count: int
    """How many groups there are."""

    def take(self, index: Integer[Tensor, " M"]) -> "Ranked":
        """The boxes at the given rows."""
        return Ranked(self.columns[:, index], self.groups[index], self.group_count)


def overlapping_pairs(
    first: Ranked, second: Ranked, threshold: float, ahead: bool = False
) -> tuple[Integer[Tensor, " P"], Integer[Tensor, " P"]]:
    """Rows i of `first` and j of `second` with intersection > threshold * union, every pair once, in no special order.

    Working memory grows with the number of boxes and of pairs found, not with the number of boxes squared.

    Args:
        first: boxes of rows i.
        second: boxes of rows j.
        threshold: 0 to 1.
        ahead: only pairs where x0 of j is not below x0 of i. Within one set of boxes that finds every pair from one of
            its ends (from both where x0 is the same), with less than half the comparisons.
    """
    found = [_confirmed(first, second, i, j, threshold) for i, j in _candidates(first, second, threshold, ahead)]
    return torch.cat([i for i, _ in found]), torch.cat([j for _, j in found])


def _confirmed(first: Ranked, second: Ranked, i: Tensor, j: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    mine, others = first.columns.index_select(1, i), second.columns.index_select(1, j)
    sides = mine[2:4].minimum(others[2:4]).sub_(mine[:2].maximum(others[:2])).clamp_(min=0)
    intersection = sides[0] * sides[1]
    # No division, as in the compiled twin, whose results are the same to the last bit.
    hit = (intersection > (mine[4] + others[4] - intersection) * threshold).nonzero()[:, 0]
    return i[hit], j[hit]


def _candidates(first: Ranked, second: Ranked, threshold: float, ahead: bool) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs that hold all pairs above the threshold, in portions."""
    lowest, highest = _windows(first, second, threshold)
    if ahead:
        lowest[0] = first.columns[0]
    x_sorted, x_order = second.columns[0].sort()
    stride = len(x_order) + 1  # positions in x order are 0..N
    strips = max(1, min(STRIPS, 2**60 // (stride * second.group_count)))  # keys stay below 2**63
    # With the mean height of a window as the height of a strip, windows meet two strips on average, whatever the sizes.
    y = torch.cat([second.columns[1][x_order], lowest[1], highest[1]]) / (highest[1] - lowest[1]).mean()
    strip, top, bottom = (
        y.floor_().clamp_(-strips, strips - 1).long().tensor_split([len(x_order), len(x_order) + len(first.groups)])
    )
    row = strip + second.groups[x_order] * (2 * strips)
    keys, order = (row * stride + torch.arange(len(row), device=row.device)).sort()
    owner, offset = _spread(bottom - top + 1)
    base = ((top + first.groups * (2 * strips))[owner] + offset) * stride
    positions = torch.searchsorted(x_sorted, torch.stack([lowest[0], highest[0]]))
    start, end = torch.searchsorted(keys, positions[:, owner] + base)
    partners = x_order[order]
    counts = end - start
    for part in _portions(counts):
        window, offset = _spread(counts[part])
        yield owner[part][window], partners[start[part][window] + offset]


def _windows(first: Ranked, second: Ranked, threshold: float) -> tuple[Tensor, Tensor]:
    """Between which x and y (rows 0 and 1) the upper left corner of every partner must lie.

    On each axis the shared length is more than t times either length, so with the partner's start u and length m, and
    our start, end and length s, e, n: u < e - t n, and u > s - (1 - t) m where m < n / t.
    """
    near = threshold * (1 - SLACK * torch.finfo(first.columns.dtype).eps)
    start, end = first.columns[:2], first.columns[2:4]
    length = end - start
    longest = (second.columns[2:4] - second.columns[:2]).amax(dim=1, keepdim=True)
    lowest = start - (length / near).minimum(longest) * (1 - near)
    highest = end - length * near
    infinity = torch.tensor(torch.inf, dtype=length.dtype, device=length.device)
    return lowest.nextafter(-infinity), highest.nextafter(infinity)  # the sums may be rounded inwards by half a step


def _spread(counts: Tensor) -> tuple[Tensor, Tensor]:
    """For counts 2, 0, 3: owners 0 0 2 2 2 and offsets 0 1 0 1 2."""
    owner = torch.repeat_interleave(counts)
    return owner, torch.arange(len(owner), device=owner.device) - (counts.cumsum(0) - counts)[owner]


def _portions(counts: Tensor) -> list[slice]:
    """Slices of the counts, each of a sum of about CANDIDATES or what the device takes; at least one slice."""
    ends, most = counts.cumsum(0), CANDIDATES if counts.device.type == "cpu" else CANDIDATES_ON_DEVICE
    marks = torch.arange(1, int(ends[-1]) // most + 1, device=ends.device) * most
    cuts = [0, *torch.searchsorted(ends, marks).tolist(), len(counts)]
    return [slice(a, b) for a, b in pairwise(cuts)]

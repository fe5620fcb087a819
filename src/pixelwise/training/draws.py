"""Every random draw of a run, as a function of one seed and where it is used, so that a resumed run draws the same."""

from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import Sampler

Key = tuple[int, int]
"""An epoch and the position of a crop in it."""


def generator_for(*numbers: int) -> torch.Generator:
    """A generator that depends on the given non-negative numbers alone; unlike their sum, (1, 2) and (2, 1) differ."""
    state = np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state) & (2**63 - 1))


class SeededOrder(Sampler[Key]):
    """The crops of an epoch in a shuffled order that depends on the seed and the epoch only.

    It yields (epoch, index), so that the data set can draw each crop's augmentation from both, in whichever worker
    process.
    """

    def __init__(self, length: int, seed: int, first_epoch: int = 0) -> None:
        """Starts at an epoch, because worker processes fetch ahead before the loop calls `set_epoch`."""
        self._length = length
        self._seed = seed
        self._epoch = first_epoch

    def set_epoch(self, epoch: int) -> None:
        """Called by the training loop before each epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Key]:
        order = torch.randperm(self._length, generator=generator_for(self._seed, self._epoch))
        # A list, because a generator would read the epoch late, when the loop may already be in the next one.
        return iter([(self._epoch, index) for index in order.tolist()])

"""Re-ranking by due dates: DetConstSort keeps what groups are owed, for any number of groups.

Source: Geyik, Ambler, Kenthapadi 2019, algorithm 3. Differs from the paper in one place: its loop lets a candidate
swap with its predecessor if maxIndices[start - 1] >= start, with `start` counted from 0. The predecessor then lands on
place start + 1 counted from 1, one past its due date, and the promise breaks. Here the due date is compared with the
place it lands on.
"""

import numpy as np

from pixelwise.audits.ranking.candidates import Candidates
from pixelwise.audits.ranking.queues import queues
from pixelwise.audits.ranking.targets import Targets, least

Placed = tuple[int, int]
"""A candidate's rank in the pool, and its due date: the last place (from 1) at which it pays what its group is owed."""


def det_const_sort(pool: Candidates, targets: Targets, size: int) -> Candidates:
    """The list in which every candidate rises as far as due dates allow.

    For k = 1, 2, ... each group that is newly owed a place for its first k gets one with due date k, the highest score
    first; each then rises past lower scores that can still be paid one place later. Rounds are finished before the
    list is cut to its size. Wherever the pool suffices (`lacking` is empty) nobody misses what is owed. Groups that
    have run out are passed over; places that nobody is owed are filled at the end, by score, share 0 last.

    Raises:
        InputError: targets that do not fit the pool, or a size it cannot fill.
    """
    line = queues(pool, targets, size)
    placed: list[Placed] = []
    # The floors of k shares sum to more than k - number of groups, so that a pool that suffices is done by then.
    last = size + len(targets)
    for due, lows in enumerate(least(np.arange(1, last + 1)[:, None], np.asarray(line.shares)).tolist(), start=1):
        if len(placed) >= size:
            break
        owed = [group for group in line.open() if line.taken[group] < lows[group]]
        for group in sorted(owed, key=line.heads.__getitem__):
            _insert(placed, (line.take(group), due))
    ranks = [rank for rank, _ in placed[:size]]
    ranks += [line.take(line.spare()) for _ in range(size - len(ranks))]
    return line.ranked.at(ranks)


def _insert(placed: list[Placed], item: Placed) -> None:
    """Appends the item and lets it rise: past a lower score, if that may stand one place lower."""
    place = len(placed)
    while place > 0 and item[0] < placed[place - 1][0] and placed[place - 1][1] >= place + 1:
        place -= 1
    placed.insert(place, item)

"""Re-ranking place by place, so that each group keeps close to its share: DetGreedy, DetCons and DetRelaxed.

Source: Geyik, Ambler, Kenthapadi 2019, "Fairness-aware ranking in search & recommendation systems", algorithms 1 and
2. For the first k places a group of share p is owed floor(k p) of them and should have at most ceil(k p). Whoever is
owed a place gets it, the highest score first; otherwise the three differ in who may come next.

The paper leaves three cases open, decided here: equal scores go by id; a group that has run out is passed over, and
what it is owed stays unpaid; where only groups at their upper bound are left, the highest score among groups with a
share above 0 comes next, and groups of share 0 last.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pixelwise.audits.ranking.candidates import Candidates
from pixelwise.audits.ranking.queues import Queues, queues
from pixelwise.audits.ranking.targets import Targets, least, most

Table = NDArray[np.float64]
"""(K, A): a number for each place and group."""


def det_greedy(pool: Candidates, targets: Targets, size: int) -> Candidates:
    """The list whose next place goes to the highest score among groups below their upper bound.

    The best scores of the four, but what groups are owed can be missed from four groups on, even where the pool
    suffices (`lacking` tells): several groups can fall due at once, with one place left for them.

    Raises:
        InputError: targets that do not fit the pool, or a size it cannot fill.
    """
    return _placed(pool, targets, size, lambda highs, shares: np.zeros_like(highs))


def det_cons(pool: Candidates, targets: Targets, size: int) -> Candidates:
    """The list whose next place goes to the group that would be owed one soonest: the smallest ceil(k p) / p.

    Equal ones by score. No broken promise is known, for any number of groups; the paper states it for up to three.

    Raises:
        InputError: targets that do not fit the pool, or a size it cannot fill.
    """
    # Rounded, so that equal dates such as 1 / 0.1 and 3 / 0.3 stay equal.
    return _placed(pool, targets, size, lambda highs, shares: _dates(highs, shares).round(9))


def det_relaxed(pool: Candidates, targets: Targets, size: int) -> Candidates:
    """As `det_cons`, but all groups whose date rounds up to the same whole place compete by score.

    Raises:
        InputError: targets that do not fit the pool, or a size it cannot fill.
    """
    return _placed(pool, targets, size, lambda highs, shares: most(1, _dates(highs, shares)))


def _dates(highs: Table, shares: Table) -> Table:
    """The (fractional) place at which a group is owed as many as it should have at most now; inf for share 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(shares > 0, highs / shares, np.inf)


def _placed(pool: Candidates, targets: Targets, size: int, dates: Callable[[Table, Table], Table]) -> Candidates:
    """The list; `dates` says of each place and group how soon the group should come, smaller first."""
    line = queues(pool, targets, size)
    shares, places = np.asarray(line.shares), np.arange(1, size + 1)[:, None]
    highs = most(places, shares)
    tables = (least(places, shares), highs, dates(highs, shares))
    ranks = [line.take(_next(line, *rows)) for rows in zip(*(table.tolist() for table in tables), strict=True)]
    return line.ranked.at(ranks)


def _next(line: Queues, lows: list[float], highs: list[float], dates: list[float]) -> int:
    """The group whose best candidate gets the place."""
    heads, taken, left = line.heads, line.taken, line.open()
    if owed := [group for group in left if taken[group] < lows[group]]:
        return min(owed, key=heads.__getitem__)
    if room := [group for group in left if taken[group] < highs[group]]:
        return min(room, key=lambda group: (dates[group], heads[group]))
    return line.spare()

"""How far a ranked list is from the shares its groups should have, place by place, and what that costs in scores.

Source: Geyik, Ambler, Kenthapadi 2019, sections 3 and 5. Nothing is smoothed: a group that should be there and is not
has a skew of minus infinity, and the measures say so. Curves over all first k places are given rather than one k,
because a list can be made right at any one k.
"""

import numpy as np
from numpy.typing import NDArray

from pixelwise.audits.ranking.candidates import Candidates, top
from pixelwise.audits.ranking.targets import Targets, check_targets, least
from pixelwise.errors import InputError


def skew_curves(ranking: Candidates, targets: Targets) -> dict[str, NDArray[np.float64]]:
    """Per group, ln(its share of the first k places / its target share), for k = 1..K.

    0 is as wanted, -inf nobody of a group with a target above 0, +inf somebody of a group with the target 0, NaN
    nobody of such a group: there is nothing to compare.

    Raises:
        InputError: targets that do not fit the ranking.
    """
    shares = _shares(ranking, targets)
    with np.errstate(divide="ignore", invalid="ignore"):
        skews = np.log(shares / _wanted(targets))
    return dict(zip(targets, skews.T, strict=True))


def min_skew(ranking: Candidates, targets: Targets) -> NDArray[np.float64]:
    """The skew of the worst-served group among the first k places, for k = 1..K: the paper's MinSkew@k."""
    return np.asarray(np.nanmin(list(skew_curves(ranking, targets).values()), axis=0))


def max_skew(ranking: Candidates, targets: Targets) -> NDArray[np.float64]:
    """The skew of the best-served group among the first k places, for k = 1..K: the paper's MaxSkew@k."""
    return np.asarray(np.nanmax(list(skew_curves(ranking, targets).values()), axis=0))


def infeasible_index(ranking: Candidates, targets: Targets) -> int:
    """At how many of the K prefixes, the whole list included, some group has fewer places than floor(k p)."""
    return int(_short(ranking, targets).any(1).sum())


def infeasible_count(ranking: Candidates, targets: Targets) -> int:
    """As `infeasible_index`, but a prefix counts once for each group that is short."""
    return int(_short(ranking, targets).sum())


def ndkl(ranking: Candidates, targets: Targets) -> float:
    """The Kullback-Leibler divergence of the first k places' shares from the targets, averaged with 1 / log2(k + 1).

    0 is as wanted at every k; infinite if somebody of a group with the target 0 is in the list. Places are whole and
    shares are not, so that 0 is out of reach for most targets.
    """
    shares = _shares(ranking, targets)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(shares > 0, shares * np.log(shares / _wanted(targets)), 0.0)
    return float(np.average(terms.sum(1), weights=_discounts(len(ranking))))


def ndcg(ranking: Candidates, pool: Candidates) -> float:
    """The list's scores, discounted by 1 / log2(place + 1), as a share of those of the pool's best list of its length.

    1 for the list of the highest scores; NaN where all scores are 0.

    Raises:
        InputError: negative scores, which have no such share, or a ranking with candidates the pool does not have.
    """
    if (pool.scores < 0).any():
        raise InputError(
            "scores of at least 0", f"{pool.scores.min():g}", hint="subtract the smallest score of the pool from all"
        )
    strange = np.flatnonzero(~np.isin(ranking.ids, pool.ids))
    if len(strange):
        raise InputError(
            "a ranking of the pool's candidates", f"id {ranking.ids[strange[0]]}", hint="pass the pool it was made from"
        )
    discounts = _discounts(len(ranking))
    best = float(discounts @ top(pool, len(ranking)).scores)
    return float(discounts @ ranking.scores) / best if best else float("nan")


def _wanted(targets: Targets) -> NDArray[np.float64]:
    return np.asarray(list(targets.values()), dtype=np.float64)


def _discounts(places: int) -> NDArray[np.float64]:
    """1 / log2(place + 1) for place = 1..K: how much each place counts."""
    return 1 / np.log2(np.arange(2, places + 2))


def _counts(ranking: Candidates, targets: Targets) -> NDArray[np.int64]:
    """(K, A): how many of each group are among the first k places."""
    check_targets(targets, ranking)
    return np.cumsum(ranking.groups[:, None] == np.asarray(list(targets)), axis=0)


def _shares(ranking: Candidates, targets: Targets) -> NDArray[np.float64]:
    return _counts(ranking, targets) / np.arange(1, len(ranking) + 1)[:, None]


def _short(ranking: Candidates, targets: Targets) -> NDArray[np.bool_]:
    """(K, A): whether the group has fewer of the first k places than it is owed."""
    places = np.arange(1, len(ranking) + 1)[:, None]
    return _counts(ranking, targets) < least(places, _wanted(targets))

"""A pool of candidates to rank: ids, scores and groups, checked once, so that everything after can rely on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.errors import InputError

Listed = Sequence[Any] | NDArray[Any]
"""Of unchecked values: `Candidates` checks them."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Candidates in some order: the order of a pool means nothing, that of a ranking is the ranking.

    Args:
        ids: one number or name each, none twice. They decide between equal scores, so that results can be repeated.
        scores: one finite number each; higher is better.
        groups: one name each.

    Raises:
        InputError: no candidates, lists of different lengths, a score that is not a finite number, an id twice or
            neither number nor name, a group that is no name.
    """

    ids: NDArray[Any]
    scores: NDArray[np.float64]
    groups: NDArray[Any]

    def __init__(self, ids: Listed, scores: Listed, groups: Listed) -> None:
        object.__setattr__(self, "ids", np.asarray(ids))
        object.__setattr__(self, "scores", _numbers(scores))
        object.__setattr__(self, "groups", _names(groups))
        _check(self)

    def __len__(self) -> int:
        return len(self.ids)

    def at(self, places: Sequence[int] | NDArray[np.intp]) -> "Candidates":
        """The candidates at these places, in that order; an empty choice is refused like an empty pool."""
        chosen = np.asarray(places, dtype=np.intp)
        return Candidates(self.ids[chosen], self.scores[chosen], self.groups[chosen])

    def best_first(self) -> NDArray[np.intp]:
        """The places of all candidates from the highest score down, equal scores by id."""
        return np.lexsort((self.ids, -self.scores))


def top(pool: Candidates, size: int) -> Candidates:
    """The candidates of the highest scores, best first: a ranking that looks at nothing else.

    Raises:
        InputError: a size that is not 1 to the number of candidates.
    """
    check_size(pool, size)
    return pool.at(pool.best_first()[:size])


def check_size(pool: Candidates, size: int) -> None:
    """Refuses lists that cannot be filled."""
    if not 1 <= size <= len(pool):
        raise InputError(f"a list of 1 to {len(pool)} candidates", str(size), hint="ask for fewer, or retrieve more")


def _numbers(scores: Listed) -> NDArray[np.float64]:
    try:
        return np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError("scores that are numbers", str(error), hint="pass one number for each candidate") from error


def _names(groups: Listed) -> NDArray[Any]:
    if isinstance(groups, np.ndarray) and groups.dtype.kind == "U":
        return groups
    # Of mixed lists numpy makes names: a missing group would become the group "nan" or "None".
    found = np.asarray(groups, dtype=object)
    wrong = [each for each in found.ravel() if not isinstance(each, str)]
    if not wrong:
        return found.astype(np.str_)
    raise InputError(
        "a name as the group of each candidate", repr(wrong[0]), hint='name a group of those without, "unknown"'
    )


def _check(pool: Candidates) -> None:
    lengths = [field.shape for field in (pool.ids, pool.scores, pool.groups)]
    if len(set(lengths)) > 1 or len(lengths[0]) != 1:
        raise InputError(
            "flat lists of ids, scores and groups of one length",
            f"shapes {lengths}",
            hint="give each candidate all three",
        )
    if not len(pool):
        raise InputError("at least one candidate", "an empty pool", hint="check what the retrieval before it kept")
    wrong = np.flatnonzero(~np.isfinite(pool.scores))
    if len(wrong):
        first = wrong[0]
        raise InputError(
            "finite scores",
            f"{len(wrong)} others, the first being {pool.scores[first]} of candidate {pool.ids[first]}",
            hint="leave candidates without a score out, or decide on a score for them",
        )
    if pool.ids.dtype.kind not in "iuU":
        raise InputError("ids that are whole numbers or names", f"{pool.ids.dtype}", hint="range(len(scores)) will do")
    known, counts = np.unique(pool.ids, return_counts=True)
    if len(known) < len(pool):
        raise InputError(
            "every candidate once", f"{counts.max()} times id {known[counts.argmax()]}", hint="drop the duplicates"
        )

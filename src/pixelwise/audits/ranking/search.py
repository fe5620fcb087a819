"""The three steps of a search of people: retrieve many cheaply, rank them well, re-rank them by share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from pixelwise.audits.ranking.candidates import Candidates, top
from pixelwise.audits.ranking.constrained_sort import det_const_sort
from pixelwise.audits.ranking.targets import Targets, equal_opportunity, lacking
from pixelwise.errors import InputError

Rerank = Callable[[Candidates, Targets, int], Candidates]


@dataclass(frozen=True, eq=False)
class Search:
    """What each step left, best first, and the shares that the last one aimed at.

    `lacking` names the groups of which too few were retrieved to pay what they are owed, and how many are missing;
    re-ranking cannot mend what retrieval left out.
    """

    retrieved: Candidates
    ranked: Candidates
    reranked: Candidates
    targets: Targets
    lacking: dict[str, int]


def search(
    pool: Candidates,
    score: Callable[[Candidates], ArrayLike],
    retrieved: int,
    size: int,
    targets: Targets | None = None,
    rerank: Rerank = det_const_sort,
) -> Search:
    """Retrieves the best of the pool by its own scores, scores those again, and re-ranks them.

    Args:
        pool: everybody, with the cheap scores of the retrieval.
        score: takes the retrieved candidates and gives each its better score.
        retrieved: how many are retrieved.
        size: length of the list; at most `retrieved`.
        targets: shares that sum to 1; by default those of the retrieved candidates, which are the qualified ones
            (equal opportunity). `demographic_parity` makes them from a population.
        rerank: `det_const_sort`, `det_cons`, `det_relaxed` or `det_greedy`.

    Raises:
        InputError: sizes that cannot be filled, targets that do not fit, or a `score` that fails, gives another
            number of scores or one that is not finite.
    """
    kept = top(pool, retrieved)
    scored = Candidates(kept.ids, _scores(score, kept), kept.groups)
    aims = equal_opportunity(kept) if targets is None else targets
    missing = lacking(scored, aims, size)
    return Search(kept, top(scored, size), rerank(scored, aims, size), aims, missing)


def _scores(score: Callable[[Candidates], ArrayLike], kept: Candidates) -> Any:
    try:
        return score(kept)
    except Exception as error:
        raise InputError(
            f"scores of {len(kept)} retrieved candidates",
            f"{type(error).__name__}: {error}",
            hint="call the scoring function on these candidates by itself to see where it fails",
        ) from error

"""Rankings of people: re-ranking that keeps what groups are owed, and curves that show whether it did."""

from pixelwise.audits.ranking.candidates import Candidates, top
from pixelwise.audits.ranking.constrained_sort import det_const_sort
from pixelwise.audits.ranking.measures import (
    infeasible_count,
    infeasible_index,
    max_skew,
    min_skew,
    ndcg,
    ndkl,
    skew_curves,
)
from pixelwise.audits.ranking.rerank import det_cons, det_greedy, det_relaxed
from pixelwise.audits.ranking.search import Search, search
from pixelwise.audits.ranking.targets import demographic_parity, equal_opportunity, lacking

__all__ = [
    "Candidates",
    "Search",
    "demographic_parity",
    "det_cons",
    "det_const_sort",
    "det_greedy",
    "det_relaxed",
    "equal_opportunity",
    "infeasible_count",
    "infeasible_index",
    "lacking",
    "max_skew",
    "min_skew",
    "ndcg",
    "ndkl",
    "search",
    "skew_curves",
    "top",
]

"""Retrieve, rank, re-rank: what each step keeps, and where the shares come from."""

import numpy as np
import pytest

from pixelwise.audits.ranking import Candidates, demographic_parity, det_greedy, equal_opportunity, search
from pixelwise.errors import InputError


@pytest.fixture
def pool() -> Candidates:
    """Twelve of a ahead of twelve of b in the cheap score."""
    return Candidates(range(24), np.linspace(1, 0, 24), ["a"] * 12 + ["b"] * 12)


def test_equal_opportunity_takes_the_shares_of_those_retrieved(pool: Candidates) -> None:
    found = search(pool, lambda kept: kept.scores, retrieved=16, size=8)
    assert found.targets == {"a": 0.75, "b": 0.25}
    assert found.ranked.groups.tolist() == ["a"] * 8
    assert found.reranked.groups.tolist().count("b") == 2
    assert found.lacking == {}


def test_demographic_parity_asks_for_people_that_retrieval_may_have_left_out(pool: Candidates) -> None:
    parity = demographic_parity({"a": 500, "b": 500})
    found = search(pool, lambda kept: kept.scores, retrieved=13, size=8, targets=parity, rerank=det_greedy)
    assert found.lacking == {"b": 3}
    assert found.reranked.groups.tolist().count("b") == 1


def test_the_better_score_ranks(pool: Candidates) -> None:
    found = search(pool, lambda kept: kept.ids % 5, retrieved=10, size=2, targets={"a": 1.0})
    assert found.ranked.ids.tolist() == [4, 9]


def test_equal_opportunity_of_a_pool_and_parity_of_a_population(pool: Candidates) -> None:
    assert equal_opportunity(pool) == {"a": 0.5, "b": 0.5} == demographic_parity({"a": 3, "b": 3})
    with pytest.raises(InputError, match="counts of at least 0, got -1 for 'b'"):
        demographic_parity({"a": 3, "b": -1})
    with pytest.raises(InputError, match="a population, got 0 people in it"):
        demographic_parity({"a": 0})


def test_scoring_that_fails_is_named(pool: Candidates) -> None:
    def fails(kept: Candidates) -> np.ndarray:
        raise KeyError("experience")

    with pytest.raises(InputError, match="scores of 5 retrieved candidates, got KeyError: 'experience'"):
        search(pool, fails, retrieved=5, size=2)
    with pytest.raises(InputError, match="flat lists of ids, scores and groups of one length"):
        search(pool, lambda kept: kept.scores[:3], retrieved=5, size=2)
    with pytest.raises(InputError, match="a list of 1 to 24 candidates, got 25"):
        search(pool, lambda kept: kept.scores, retrieved=25, size=2)

"""Measures of rankings against loops, hand-worked lists, and the values that end in infinity or in nothing."""

import math
from fractions import Fraction

import numpy as np
import pytest

from pixelwise.audits.ranking import (
    Candidates,
    infeasible_count,
    infeasible_index,
    max_skew,
    min_skew,
    ndcg,
    ndkl,
    skew_curves,
)
from pixelwise.errors import InputError
from references.ranking import divergence, short_groups


def listed(groups: str) -> Candidates:
    return Candidates(range(len(groups)), np.linspace(1, 0, len(groups)), list(groups))


def test_a_list_of_one_group_misses_what_the_others_are_owed() -> None:
    """Of 10 places b (0.3) is owed one from the fourth on, c (0.2) from the fifth on: 7 prefixes, 7 + 6 misses."""
    ranking, targets = listed("a" * 10), {"a": 0.5, "b": 0.3, "c": 0.2}
    assert (infeasible_index(ranking, targets), infeasible_count(ranking, targets)) == (7, 13)


def test_counts_and_divergence_equal_their_definitions() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        counts = rng.integers(1, 9, 4)
        exact = {name: Fraction(int(count), int(counts.sum())) for name, count in zip("abcd", counts, strict=True)}
        targets = {name: float(share) for name, share in exact.items()}
        ranking = listed("".join(rng.choice(list("abcd"), size=int(rng.integers(1, 40)))))
        short = short_groups(ranking.groups.tolist(), exact)
        assert infeasible_index(ranking, targets) == sum(each > 0 for each in short)
        assert infeasible_count(ranking, targets) == sum(short)
        assert ndkl(ranking, targets) == pytest.approx(divergence(ranking.groups.tolist(), exact))


def test_skew_is_the_logarithm_of_the_ratio_of_shares() -> None:
    curves = skew_curves(listed("aabb"), {"a": 0.5, "b": 0.5})
    assert curves["a"] == pytest.approx([math.log(2), math.log(2), math.log(4 / 3), 0])
    assert curves["b"][:2].tolist() == [-math.inf, -math.inf]
    assert curves["b"][2:] == pytest.approx([math.log(2 / 3), 0])
    assert min_skew(listed("aabb"), {"a": 0.5, "b": 0.5})[3] == 0 == max_skew(listed("aabb"), {"a": 0.5, "b": 0.5})[3]


def test_a_target_of_0_gives_infinity_for_somebody_and_nothing_for_nobody() -> None:
    targets = {"a": 1.0, "z": 0.0}
    curves = skew_curves(listed("az"), targets)
    assert math.isnan(curves["z"][0]) and curves["z"][1] == math.inf
    assert min_skew(listed("az"), targets).tolist() == [0, math.log(0.5)]
    assert max_skew(listed("az"), targets)[1] == math.inf
    assert ndkl(listed("az"), targets) == math.inf
    assert ndkl(listed("aa"), targets) == 0


def test_gain_is_a_share_of_the_best_list_of_that_length() -> None:
    pool = Candidates([1, 2, 3], [4.0, 2.0, 1.0], ["a", "a", "b"])
    assert ndcg(pool.at([0, 1]), pool) == 1
    second = 1 / math.log2(3)
    assert ndcg(pool.at([0, 2]), pool) == pytest.approx((4 + second) / (4 + 2 * second))
    assert math.isnan(ndcg(listed("a"), Candidates([0], [0.0], ["a"])))


def test_gain_needs_scores_from_0_and_the_pool_of_the_list() -> None:
    pool = Candidates([1, 2], [-1.0, 2.0], ["a", "b"])
    with pytest.raises(InputError, match=r"scores of at least 0, got -1\nhint: subtract the smallest score"):
        ndcg(pool, pool)
    with pytest.raises(InputError, match="a ranking of the pool's candidates, got id 7"):
        ndcg(Candidates([7], [1.0], ["a"]), Candidates([1], [1.0], ["a"]))


def test_a_group_without_a_target_is_named() -> None:
    with pytest.raises(InputError, match="got candidates of 'c'\nhint: give it a share, 0 if it should stay out"):
        ndkl(listed("abc"), {"a": 0.5, "b": 0.5})

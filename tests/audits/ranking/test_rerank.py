"""The re-rankers equal their definitions and keep what they promise, whatever the shares, scores and pools."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest

from pixelwise.audits.ranking import (
    Candidates,
    det_cons,
    det_const_sort,
    det_greedy,
    det_relaxed,
    infeasible_index,
    lacking,
    top,
)
from pixelwise.errors import InputError
from references.ranking import Person, by_due_date, place_by_place, short_groups

Rerank = Callable[..., Candidates]
RERANKERS: dict[str, Rerank] = {
    "greedy": det_greedy,
    "cons": det_cons,
    "relaxed": det_relaxed,
    "due dates": det_const_sort,
}
Task = tuple[Candidates, dict[str, float], int]


def random_task(rng: np.random.Generator, groups: int, enough: bool = True) -> Task:
    """Shares from even to extreme, scores from independent of the group to far apart, with ties; a list of up to 30."""
    size = int(rng.integers(1, 31))
    names = [f"g{index}" for index in range(groups)]
    shares = rng.dirichlet(np.full(groups, rng.choice([0.3, 1.0, 20.0])))
    each = size if enough else int(rng.integers(1, size + 1))
    lead = np.repeat(rng.normal(size=groups) * rng.choice([0, 3]), each)
    scores = (rng.normal(size=groups * each) + lead).round(int(rng.choice([1, 9])))
    ids = rng.permutation(groups * each)
    pool = Candidates(ids, scores, np.repeat(names, each))
    return pool, dict(zip(names, shares.tolist(), strict=True)), min(size, len(pool))


def tasks(count: int, enough: bool = True) -> Iterator[Task]:
    rng = np.random.default_rng(0)
    for _ in range(count):
        yield random_task(rng, int(rng.integers(1, 8)), enough)


def people(pool: Candidates) -> list[Person]:
    return list(zip(pool.ids.tolist(), pool.scores.tolist(), pool.groups.tolist(), strict=True))


@pytest.mark.parametrize("rule", RERANKERS)
def test_lists_are_those_of_the_definition(rule: str) -> None:
    rng = np.random.default_rng(3)
    for _ in range(40):
        counts = rng.integers(0, 7, size=int(rng.integers(1, 6)))
        counts[0] += 1
        exact = {f"g{index}": Fraction(int(count), int(counts.sum())) for index, count in enumerate(counts)}
        size = int(rng.integers(1, 16))
        groups = np.repeat(list(exact), size)
        pool = Candidates(rng.permutation(len(groups)), rng.integers(0, 30, len(groups)), groups)
        found = RERANKERS[rule](pool, {name: float(share) for name, share in exact.items()}, size)
        if rule == "due dates":
            expected = by_due_date(people(pool), exact, size)
        else:
            expected = place_by_place(people(pool), exact, size, rule)
        assert found.ids.tolist() == [person[0] for person in expected], (exact, size)


def check_promises(count: int) -> None:
    for pool, targets, size in tasks(count):
        assert lacking(pool, targets, size) == {}
        for rule, rerank in RERANKERS.items():
            ranking = rerank(pool, targets, size)
            assert len(set(ranking.ids.tolist())) == size
            if rule != "greedy" or len(targets) <= 3:
                assert infeasible_index(ranking, targets) == 0, (rule, targets, size)


def test_nobody_misses_what_is_owed_in_500_random_tasks() -> None:
    check_promises(500)


@pytest.mark.slow
def test_nobody_misses_what_is_owed_in_10_000_random_tasks() -> None:
    check_promises(10_000)


def test_groups_send_their_best_and_nobody_twice_even_when_groups_run_out() -> None:
    for pool, targets, size in tasks(60, enough=False):
        order = pool.at(pool.best_first())
        for rerank in RERANKERS.values():
            ranking = rerank(pool, targets, size)
            assert len(ranking) == len(set(ranking.ids.tolist())) == size
            for name in targets:
                mine = ranking.ids[ranking.groups == name].tolist()
                queue = order.ids[order.groups == name].tolist()
                assert mine == queue[: len(mine)]


def test_the_loop_test_as_published_lets_candidates_slip_past_their_due_date() -> None:
    """Why ours compares the due date with the place a candidate lands on."""
    exact = {"a": Fraction(1, 2), "b": Fraction(1, 2)}
    pool = [(index, 10.0 - index, "ab"[index >= 6]) for index in range(12)]
    slipped = [person[2] for person in by_due_date(pool, exact, 6, slip=1)]
    kept = [person[2] for person in by_due_date(pool, exact, 6)]
    assert sum(short_groups(slipped, exact)) > 0 == sum(short_groups(kept, exact))


def test_greedy_breaks_a_promise_with_four_groups_and_the_others_do_not() -> None:
    """Several groups fall due at once where one place is left for them."""
    rng = np.random.default_rng(0)
    broken = dict.fromkeys(RERANKERS, 0)
    for _ in range(20):
        shares = rng.random(4)
        targets = dict(zip("abcd", (shares / shares.sum()).tolist(), strict=True))
        pool = Candidates(np.arange(400), rng.random(400), np.repeat(list("abcd"), 100))
        for rule, rerank in RERANKERS.items():
            broken[rule] += infeasible_index(rerank(pool, targets, 100), targets) > 0
    assert broken["greedy"] > 10
    assert [broken[rule] for rule in RERANKERS if rule != "greedy"] == [0, 0, 0]


@pytest.mark.parametrize("rule", RERANKERS)
def test_equal_scores_go_by_id_and_the_order_of_the_pool_means_nothing(rule: str) -> None:
    pool = Candidates([4, 2, 9, 1, 7, 3], [1.0] * 6, list("abaabb"))
    targets = {"a": 0.5, "b": 0.5}
    ranking = RERANKERS[rule](pool, targets, 6)
    assert ranking.ids[ranking.groups == "a"].tolist() == [1, 4, 9]
    assert ranking.ids[ranking.groups == "b"].tolist() == [2, 3, 7]
    shuffled = pool.at([5, 3, 1, 0, 2, 4])
    assert RERANKERS[rule](shuffled, targets, 6).ids.tolist() == ranking.ids.tolist()


@pytest.mark.parametrize("rule", RERANKERS)
def test_a_group_of_share_0_comes_last_and_only_when_others_have_run_out(rule: str) -> None:
    pool = Candidates(range(6), [9.0, 8.0, 7.0, 3.0, 2.0, 1.0], list("zzzabb"))
    ranking = RERANKERS[rule](pool, {"a": 0.5, "b": 0.5, "z": 0.0}, 5)
    assert ranking.groups.tolist()[3:] == ["z", "z"]
    assert sorted(ranking.groups.tolist()[:3]) == ["a", "b", "b"]


@pytest.mark.parametrize("rule", RERANKERS)
def test_a_group_that_runs_out_leaves_its_places_to_the_others(rule: str) -> None:
    pool = Candidates(range(7), [7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0], list("aaaaaab"))
    targets = {"a": 0.5, "b": 0.5}
    assert lacking(pool, targets, 6) == {"b": 2}
    ranking = RERANKERS[rule](pool, targets, 6)
    assert ranking.groups.tolist().count("b") == 1
    assert infeasible_index(ranking, targets) == 3  # places 4, 5 and 6: two, two and three of b are owed


def test_shares_that_are_no_sum_of_halves_still_owe_whole_places() -> None:
    """100 * 0.29 is 28.999999999999996 in floating point; 29 places are owed."""
    pool = Candidates(range(200), np.linspace(2, 1, 200), ["a"] * 100 + ["b"] * 100)
    for rerank in RERANKERS.values():
        assert (rerank(pool, {"a": 0.71, "b": 0.29}, 100).groups == "b").sum() == 29


def test_top_is_the_best_scores_whatever_the_groups() -> None:
    pool = Candidates(["u", "v", "w"], [0.1, 0.3, 0.2], ["a", "b", "b"])
    assert top(pool, 2).ids.tolist() == ["v", "w"]


def test_a_pool_suffices_exactly_when_nothing_is_lacking() -> None:
    """Against trying all arrangements of groups."""
    rng = np.random.default_rng(1)
    seen = set()
    for _ in range(60):
        counts = rng.integers(1, 5, 3)
        groups = np.repeat(list("abc"), rng.integers(1, 3, 3))
        exact = {name: Fraction(int(count), int(counts.sum())) for name, count in zip("abc", counts, strict=True)}
        size = int(rng.integers(1, len(groups) + 1))
        possible = any(not any(short_groups(list(each[:size]), exact)) for each in set(permutations(groups.tolist())))
        pool = Candidates(range(len(groups)), np.arange(len(groups)), groups)
        missing = lacking(pool, {name: float(share) for name, share in exact.items()}, size)
        assert possible == (not missing)
        seen.add(possible)
    assert seen == {True, False}


REFUSED = [
    (lambda pool: det_greedy(pool, {"a": 0.6, "b": 0.6}, 2), "shares that sum to 1, got a sum of 1.2"),
    (lambda pool: det_cons(pool, {"a": 1.5, "b": -0.5}, 2), "shares in 0..1, got 1.5 for 'a'"),
    (lambda pool: det_cons(pool, {"a": float("nan"), "b": 0.5}, 2), "shares in 0..1, got nan for 'a'"),
    (lambda pool: det_relaxed(pool, {"a": 1.0}, 2), "a share for every group of the candidates ('a' have one)"),
    (lambda pool: det_const_sort(pool, {}, 2), "shares that sum to 1, got a sum of 0"),
    (lambda pool: det_const_sort(pool, {"a": 0.5, "b": 0.5}, 4), "a list of 1 to 3 candidates, got 4"),
    (lambda pool: det_greedy(pool, {"a": 0.5, "b": 0.5}, 0), "a list of 1 to 3 candidates, got 0"),
    (lambda pool: Candidates([], [], []), "at least one candidate, got an empty pool"),
    (lambda pool: Candidates([1, 2], [1.0, float("nan")], ["a", "b"]), "1 others, the first being nan of candidate 2"),
    (lambda pool: Candidates([1, 1], [1.0, 2.0], ["a", "b"]), "every candidate once, got 2 times id 1"),
    (lambda pool: Candidates([1, 2], [1.0], ["a", "b"]), "flat lists of ids, scores and groups of one length"),
    (lambda pool: Candidates([1, 2], [1.0, 2.0], ["a", None]), "a name as the group of each candidate, got None"),
    (
        lambda pool: Candidates([1, 2], [1.0, 2.0], ["a", float("nan")]),
        "a name as the group of each candidate, got nan",
    ),
    (lambda pool: Candidates([1, None], [1.0, 2.0], ["a", "b"]), "ids that are whole numbers or names, got object"),
    (lambda pool: Candidates([1], ["high"], ["a"]), "scores that are numbers, got could not convert"),
]


@pytest.mark.parametrize(("call", "words"), REFUSED)
def test_what_cannot_be_ranked_is_named(call: Callable[[Candidates], object], words: str) -> None:
    with pytest.raises(InputError) as caught:
        call(Candidates([1, 2, 3], [3.0, 2.0, 1.0], ["a", "b", "a"]))
    assert words in str(caught.value)

"""Errors of gaps equal leaving out image by image in a loop, and keep their promise where the bootstrap's do not."""

import math

import numpy as np
import pytest

from pixelwise.audits import Conditions, Statistics, jackknife
from pixelwise.audits.change import change_rows
from pixelwise.audits.gate import judged
from pixelwise.audits.groups import find_groups
from pixelwise.audits.jackknife import PRIOR, Errors, change_errors, gap_errors
from pixelwise.audits.measures import Measure, SumMeasure, measures_of
from pixelwise.audits.resampling import cluster_numbers, divided
from pixelwise.audits.subgroups import group_rows
from references.intervals import mean_iou_by_hand
from references.simulated_segmentations import segmented


def columns_of(*masks: np.ndarray) -> np.ndarray:
    """The masks beside one of all images."""
    return np.stack([np.ones(len(masks[0]), dtype=np.bool_), *masks], axis=1)


def share(values: np.ndarray) -> SumMeasure:
    """The mean of a value of each image."""
    columns = np.stack([values, np.ones(len(values))], axis=1).astype(np.float64)
    return SumMeasure("share", "", columns, lambda sums: divided(sums[..., 0], sums[..., 1]))


def table_of(counts: np.ndarray, group: np.ndarray) -> Statistics:
    names, answered = tuple(map(str, range(len(counts)))), ("answered",) * len(counts)
    attributes = {"group": tuple(map(str, group))}
    return Statistics("segmentation", tuple("abcde"), names, answered, attributes, {"counts": counts})


def mean_iou(counts: np.ndarray) -> Measure:
    return measures_of(table_of(counts, np.zeros(len(counts))))["mean_iou"]


def errors_of(measure: Measure, masks: np.ndarray, owner: np.ndarray | None = None) -> Errors:
    owner = np.arange(len(masks)) if owner is None else owner
    return gap_errors(measure, masks, owner, np.random.default_rng(0))


def test_error_of_a_mean_iou_equals_leaving_out_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jackknife, "PRIOR", 0.0)
    counts = segmented(30, np.random.default_rng(1))
    inside = np.arange(30) < 12

    def variance(images: list) -> float:
        whole = mean_iou_by_hand(images)
        changes = [mean_iou_by_hand(images[:each] + images[each + 1 :]) - whole for each in range(len(images))]
        return sum(change**2 for change in changes) * (len(images) - 1) / len(images)

    images = [[tuple(cell) for cell in image] for image in counts.tolist()]
    expected = math.sqrt(variance(images[:12]) + variance(images[12:]))
    assert errors_of(mean_iou(counts), columns_of(inside)).error[1] == pytest.approx(expected)


def test_error_of_a_mean_is_the_textbooks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jackknife, "PRIOR", 0.0)
    values = np.random.default_rng(2).normal(0, 1, 900)
    inside = np.arange(900) % 3 == 0
    found = errors_of(share(values), columns_of(inside))
    plain = values[inside].var(ddof=1) / 300 + values[~inside].var(ddof=1) / 600
    assert found.error[1] ** 2 == pytest.approx(plain, rel=0.01)
    # Of normal values the freedom is Welch's, which is no more than that of the smaller side here.
    assert 200 < found.freedom[1] <= 299
    assert math.isnan(found.error[0])


@pytest.mark.parametrize("clusters", [False, True])
def test_scores_without_each_unit_equal_scores_with_its_weight_at_0(clusters: bool) -> None:
    rng = np.random.default_rng(3)
    owner = cluster_numbers(24, rng.integers(0, 7, 24) if clusters else None)
    masks = columns_of(rng.random(24) < 0.4, np.arange(24) == 5)
    measure = mean_iou(segmented(24, rng))
    weights = (owner != np.arange(owner.max() + 1)[:, None]).astype(np.float64)
    for found, expected in zip(
        measure.without_each(owner, masks), measure.groups_and_rests(weights, masks), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_three_images_of_a_class_leave_few_degrees_of_freedom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jackknife, "PRIOR", 0.0)
    inside, rare, usual = np.arange(400) < 50, np.zeros(400), np.random.default_rng(4).normal(0, 1, 400)
    rare[:3], rare[50::2] = [1, 1.1, 0.9], 1
    assert errors_of(share(rare), columns_of(inside)).freedom[1] < 20
    assert errors_of(share(usual), columns_of(inside)).freedom[1] > 40


def test_a_group_that_is_all_alike_has_the_spread_of_all_images() -> None:
    values, inside = np.tile([0.0, 1.0], 100), np.arange(200) < 10
    values[:10] = 1
    found = errors_of(share(values), columns_of(inside))
    assert found.error[1] == pytest.approx(values.std() * math.sqrt(1 / 10 + 1 / 190), rel=0.05)
    assert found.freedom[1] == pytest.approx(PRIOR, abs=2)


def test_the_error_of_a_group_that_varies_more_stays_its_own() -> None:
    rng, inside = np.random.default_rng(4), np.arange(800) < 40
    values = rng.normal(0, np.where(inside, 5.0, 1.0))
    own = values[inside].std(ddof=1) / math.sqrt(40)
    assert errors_of(share(values), columns_of(inside)).error[1] >= own


def test_videos_that_are_partly_in_a_group_do_not_blur_its_gap() -> None:
    rng, owner = np.random.default_rng(5), np.repeat(np.arange(40), 10)
    values = rng.normal(0, 3, 40)[owner] + rng.normal(0, 0.1, 400)
    masks = columns_of(np.arange(400) % 2 == 0)
    assert errors_of(share(values), masks, owner).error[1] < 0.1 * errors_of(share(values), masks).error[1]


def test_leaving_out_several_at_a_time_gives_nearly_the_same_error(monkeypatch: pytest.MonkeyPatch) -> None:
    counts, masks = segmented(1000, np.random.default_rng(6)), columns_of(np.arange(1000) % 4 == 0)
    single = errors_of(mean_iou(counts), masks).error[1]
    monkeypatch.setattr(jackknife, "MOST", 200)
    assert errors_of(mean_iou(counts), masks).error[1] == pytest.approx(single, rel=0.15)


def test_one_image_alone_holds_what_is_measured_and_nothing_is_said() -> None:
    counts = np.zeros((40, 3, 3), dtype=np.int64)
    counts[3, :, 0], counts[20:, :, 0] = 5, 9
    measure = SumMeasure("iou", "", counts[:, 1, ::2].astype(float), lambda sums: divided(sums[..., 0], sums.sum(-1)))
    found = errors_of(measure, columns_of(np.arange(40) < 20))
    assert math.isnan(found.error[1]) and math.isnan(found.excess_p(1, 0.2, 0.0))


def test_p_falls_with_the_distance_from_the_margin() -> None:
    found = Errors(np.array([0.02, 0.0, math.nan]), np.array([1000.0, 5, 5]))
    assert found.excess_p(0, 0.1, 0.1) == pytest.approx(0.5)
    assert found.excess_p(0, 0.1, 0.1 - 1.96 * 0.02) == pytest.approx(0.025, abs=0.002)
    assert (found.excess_p(1, 1.0, 0.5), found.excess_p(1, 1.0, 1.5), found.excess_p(1, 1e-16, 0.0)) == (0, 1, 1)
    assert math.isnan(found.excess_p(2, 1.0, 0.0)) and math.isnan(found.excess_p(0, math.nan, 0.0))


def test_the_same_model_twice_has_no_change_and_no_error() -> None:
    measure = mean_iou(segmented(60, np.random.default_rng(7)))
    masks = columns_of(np.arange(60) < 20)
    found = change_errors(measure, measure, masks, np.arange(60), np.random.default_rng(0))
    assert (found.error == 0).all() and found.excess_p(1, 0.0, 0.0) == 1


def test_a_model_that_is_worse_everywhere_is_found_where_images_are_shared() -> None:
    rng = np.random.default_rng(8)
    state = rng.bit_generator.state
    old = segmented(120, rng)
    rng.bit_generator.state = state
    new = segmented(120, rng, -0.05)
    group, conditions = np.arange(120) % 3, Conditions(by=("group",), margin=0.0, draws=100)
    tables = [table_of(counts, group) for counts in (new, old)]
    groups, measure = find_groups(tables[0], ("group",)), measures_of(tables[0])["mean_iou"]
    rows = judged(change_rows(*tables, groups, measure, conditions, rng), conditions)
    assert {row.decision for row in rows} == {"fail"}


def test_equal_groups_of_rare_successes_fail_no_more_often_than_alpha() -> None:
    """Where 20 % succeed, a group of 50 with few successes has a small error, too: 9 % of audits without a prior."""
    rng, audits, failed = np.random.default_rng(9), 100, 0
    conditions, group = Conditions(by=("group",), margin=0.0, draws=100), np.arange(400) % 8
    table = table_of(np.zeros((400, 5, 3), dtype=np.int64), group)
    groups = find_groups(table, ("group",))
    for _ in range(audits):
        measure = share(rng.random(400) < 0.2)
        rows = judged(group_rows(table, groups, measure, conditions, rng), conditions)
        failed += any(row.decision == "fail" for row in rows)
    assert failed / audits <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / audits)

"""Draws are multinomial, intervals are those of a plain bootstrap, and clusters are drawn whole."""

import math

import numpy as np
import pytest
from scipy import stats

from pixelwise.audits.resampling import bootstrap, cluster_numbers, iou_score, ratio_of_sums, weight_blocks
from pixelwise.errors import InputError
from references.intervals import mean_iou_by_hand, resampled_mean_iou


def pixel_counts(images: int, classes: int = 3, seed: int = 0) -> np.ndarray:
    """Pixels right, wrongly predicted and missed, with images of unlike quality and a class that is often absent."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 50, (images, classes, 3))
    counts[..., 0] += (rng.random((images, 1)) * 300).astype(np.int64)
    counts[rng.random(images) < 0.5, classes - 1] = 0
    return counts


def test_draws_have_the_moments_of_a_multinomial() -> None:
    blocks = list(weight_blocks(np.arange(50), np.random.default_rng(0), draws=20_000))
    weights = np.concatenate(blocks)
    assert len(blocks) > 1 and weights.shape == (20_000, 50)
    assert (weights.sum(1) == 50).all()
    np.testing.assert_allclose(weights.mean(0), 1, atol=0.05)
    np.testing.assert_allclose(weights.var(0), 1 - 1 / 50, atol=0.1)
    # Multinomial counts of n draws of n units have covariance -1/n.
    covariance = np.cov(weights[:, 0], weights[:, 1])[0, 1]
    assert covariance == pytest.approx(-1 / 50, abs=0.03)


def test_images_of_a_cluster_are_drawn_together() -> None:
    owner = cluster_numbers(5, ["b", "a", "b", "c", "a"])
    weights = np.concatenate(list(weight_blocks(owner, np.random.default_rng(0), draws=100)))
    assert (weights[:, 0] == weights[:, 2]).all() and (weights[:, 1] == weights[:, 4]).all()
    assert (weights[:, [0, 1, 3]].sum(1) == 3).all()


def test_interval_of_a_mean_iou_equals_a_plain_bootstrap() -> None:
    counts = pixel_counts(60)
    found = bootstrap(iou_score(counts), 60, np.random.default_rng(1), draws=4000).interval()
    images = [[tuple(cell) for cell in image] for image in counts.tolist()]
    plain = resampled_mean_iou(images, 4000, seed=2)
    assert found.value == pytest.approx(mean_iou_by_hand(images))
    assert found.lo == pytest.approx(plain[100], abs=0.004)
    assert found.hi == pytest.approx(plain[3900], abs=0.004)
    assert not found.caution


def test_few_images_get_wider_intervals_than_plain_percentiles() -> None:
    values = np.random.default_rng(3).normal(10, 2, 12)
    found = bootstrap(ratio_of_sums(values, np.ones(12)), 12, np.random.default_rng(4), draws=40_000).interval()
    # For a mean the expanded percentiles are nearly Student's interval.
    half = stats.t.ppf(0.975, 11) * values.std(ddof=1) / 12**0.5
    assert (found.lo, found.hi) == pytest.approx((values.mean() - half, values.mean() + half), rel=0.02)
    assert "only 12 units" in found.caution


def test_a_ratio_of_sums_weighs_images_by_their_size() -> None:
    score = ratio_of_sums([2.0, 6.0], [1.0, 2.0])
    np.testing.assert_allclose(score(np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 0.0]])), [8 / 3, 2.0, np.nan])


def test_one_seed_gives_one_result_and_order_does_not_matter_much() -> None:
    counts = pixel_counts(80)
    first, again = (bootstrap(iou_score(counts), 80, np.random.default_rng(6)) for _ in range(2))
    np.testing.assert_array_equal(first.draws, again.draws)
    turned = bootstrap(iou_score(counts[::-1]), 80, np.random.default_rng(6))
    assert turned.interval().value == pytest.approx(first.interval().value)
    assert turned.interval().lo == pytest.approx(first.interval().lo, abs=0.01)


def test_draws_without_anything_to_measure_are_told() -> None:
    score = ratio_of_sums([0.0, 0.0, 3.0], [0.0, 0.0, 4.0])
    found = bootstrap(score, 3, np.random.default_rng(0)).interval()
    assert found.value == 0.75
    assert "draws had nothing to measure" in found.caution or "no spread" in found.caution


def test_degenerate_samples_have_no_interval() -> None:
    one = bootstrap(ratio_of_sums([1.0], [2.0]), 1, np.random.default_rng(0))
    assert math.isnan(one.interval().lo) and "too few units" in one.interval().caution
    flat = bootstrap(ratio_of_sums(np.ones(9), np.ones(9)), 9, np.random.default_rng(0))
    assert (flat.interval().lo, flat.interval().hi) == (1, 1) and "no spread" in flat.interval().caution


def test_refusals() -> None:
    with pytest.raises(InputError, match="a cluster for each of 3 images"):
        bootstrap(ratio_of_sums([1, 2, 3], [1, 1, 1]), 3, np.random.default_rng(0), clusters=["a", "b"])
    with pytest.raises(InputError, match="at least one image, got none"):
        bootstrap(ratio_of_sums([], []), 0, np.random.default_rng(0))

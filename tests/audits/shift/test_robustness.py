"""Means over corruptions against worked numbers, scores image by image, and environments held out."""

import math

import numpy as np
import pytest
import torch

from pixelwise.audits.shift.corrupt import CORRUPTIONS, SEVERITIES, corrupt
from pixelwise.audits.shift.environments import folds, leave_one_out
from pixelwise.audits.shift.measure import shift_scores
from pixelwise.audits.shift.robustness import (
    ALEXNET_ERRORS,
    mean_corruption_error,
    mean_performance,
    relative_mean_corruption_error,
    relative_performance,
)
from pixelwise.data.transforms import Sample
from pixelwise.errors import InputError


def test_the_reference_against_itself_is_one_and_half_its_errors_a_half() -> None:
    same = {name: [error] * 5 for name, error in ALEXNET_ERRORS.items()}
    assert mean_corruption_error(same) == pytest.approx(1)
    half = {name: [error / 2] * 5 for name, error in ALEXNET_ERRORS.items()}
    assert mean_corruption_error(half) == pytest.approx(0.5)


def test_the_sum_over_severities_comes_before_the_ratio() -> None:
    errors = {name: [0.1, 0.2, 0.3, 0.4, 0.5] for name in CORRUPTIONS}
    reference = dict.fromkeys(CORRUPTIONS, 0.6)
    reference["fog"] = 0.3
    assert mean_corruption_error(errors, reference) == pytest.approx((14 * 0.5 + 1) / 15)
    # What is lost: 0.3 - 0.1 over 0.6 - 0.2, and over 0.3 - 0.2 for fog.
    expected = (14 * 0.2 / 0.4 + 0.2 / 0.1) / 15
    assert relative_mean_corruption_error(errors, 0.1, reference, 0.2) == pytest.approx(expected)


def test_mean_performance_takes_what_was_measured() -> None:
    assert mean_performance({"fog": [0.5, 0.25], "snow": [0.75]}) == 0.5
    assert relative_performance({"fog": [0.25]}, 0.5) == 0.5
    assert math.isnan(mean_performance({}))
    assert math.isnan(relative_performance({"fog": [0.25]}, 0))


def test_missing_and_impossible_values_are_named() -> None:
    errors = {name: [0.5] * 5 for name in CORRUPTIONS}
    with pytest.raises(InputError, match="five errors of the model and one of the reference for fog, got 0 and 1"):
        mean_corruption_error({name: line for name, line in errors.items() if name != "fog"})
    with pytest.raises(InputError, match=r"five errors .* for snow, got 4 and 1"):
        mean_corruption_error(errors | {"snow": [0.5] * 4})
    with pytest.raises(InputError, match="a reference that errs under gaussian_noise"):
        relative_mean_corruption_error(errors, 0.1, dict.fromkeys(CORRUPTIONS, 0.2), 0.3)


def bright_images(count: int) -> list[Sample]:
    values = torch.linspace(0.3, 0.7, count)
    return [Sample(torch.full((3, 8, 8), float(value))) for value in values]


def contrast_kept(sample: Sample) -> float:
    return 1 - float(sample.image.std())


def test_scores_are_those_of_the_corrupted_images_and_do_not_depend_on_the_others() -> None:
    samples = bright_images(3)
    chosen = ("fog", "gaussian_noise")
    found = shift_scores(contrast_kept, samples, 9, chosen, severities=(1, 4))
    assert found.corrupted.shape == (2, 2, 3)
    source = np.random.default_rng([9, CORRUPTIONS.index("gaussian_noise"), 4, 2])
    assert found.corrupted[1, 1, 2] == contrast_kept(corrupt(samples[2], "gaussian_noise", 4, source))
    alone = shift_scores(contrast_kept, samples, 9, ("gaussian_noise",), severities=(4,))
    np.testing.assert_array_equal(alone.corrupted[0, 0], found.corrupted[1, 1])
    assert found.mean_performance == pytest.approx(found.corrupted.mean())
    assert found.relative_performance == pytest.approx(found.corrupted.mean() / found.clean.mean())


def test_losses_come_with_paired_intervals() -> None:
    found = shift_scores(contrast_kept, bright_images(60), 0, ("gaussian_noise", "contrast"), (1, 5))
    losses = found.losses(np.random.default_rng(0))
    assert set(losses) == {"gaussian_noise", "contrast", "all"}
    assert losses["contrast"].value == pytest.approx(0, abs=1e-6)
    expected = (found.clean - found.corrupted[0]).mean()
    assert losses["gaussian_noise"].value == pytest.approx(expected)
    assert losses["gaussian_noise"].lo < expected < losses["gaussian_noise"].hi
    assert losses["all"].value == pytest.approx(expected / 2)
    assert losses["all"].n == 60


def test_a_model_that_fails_on_one_image_is_told_and_the_others_count() -> None:
    def judge(sample: Sample) -> float:
        if float(sample.image.mean()) > 0.65:
            raise RuntimeError("too bright")
        return 1.0

    seen: list[tuple[int, int]] = []
    found = shift_scores(
        judge, bright_images(5), 0, ("contrast",), (1, 2), lambda done, every: seen.append((done, every))
    )
    assert found.failures[0] == "image 4 under clean : RuntimeError: too bright"
    assert len(found.failures) == 3
    assert math.isnan(found.clean[4])
    assert found.by_severity == {"contrast": [1.0, 1.0]}
    assert seen[-1] == (15, 15)
    nothing = shift_scores(lambda _: float("nan"), bright_images(2), 0, ("fog",), SEVERITIES)
    assert math.isnan(nothing.mean_performance)


def test_no_images_and_unknown_corruptions_are_refused() -> None:
    with pytest.raises(InputError, match="at least one image, got none"):
        shift_scores(contrast_kept, [], 0)
    with pytest.raises(InputError, match="'rain'"):
        shift_scores(contrast_kept, bright_images(2), 0, ("rain",))


def test_each_environment_is_held_out_once() -> None:
    names = ["sea", "road", "sea", "desert"]
    found = list(folds(names))
    assert [fold.held_out for fold in found] == ["desert", "road", "sea"]
    for fold in found:
        assert sorted(fold.training + fold.test) == [0, 1, 2, 3]
        assert all((names[i] == fold.held_out) == (i in fold.test) for i in range(4))
    scores = leave_one_out([1.0, 2.0, 3.0, 10.0], names, fit=np.mean, score=lambda mean, items: float(items[0] - mean))
    assert scores == {"desert": 8.0, "road": pytest.approx(2 - 14 / 3), "sea": -5.0}


def test_environments_must_be_there() -> None:
    with pytest.raises(InputError, match="at least two environments, got sea"):
        list(folds(["sea", "sea"]))
    with pytest.raises(InputError, match="an environment for every item, got none for item 1"):
        list(folds(["sea", ""]))
    with pytest.raises(InputError, match="an environment for each of 1 items, got 2"):
        leave_one_out([1], ["a", "b"], fit=len, score=lambda model, items: 0.0)

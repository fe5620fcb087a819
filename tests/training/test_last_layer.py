"""A last layer fitted anew where groups are balanced, on features of which one is spurious."""

import numpy as np
import pytest

from pixelwise.errors import InputError
from pixelwise.training.last_layer import _fit, refit_last_layer


def toy(count: int, spurious: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two classes, a true feature and a clearer spurious one, which agrees with the class so often; ten of noise."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 2, count)
    place = np.where(rng.random(count) < spurious, classes, 1 - classes)
    true, false = (2 * classes - 1) + rng.normal(0, 1, count), (2 * place - 1) + rng.normal(0, 0.3, count)
    return np.column_stack([true, false, rng.normal(0, 1, (count, 10))]), classes, 2 * classes + place


def accuracies(predicted: np.ndarray, classes: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    right = predicted == classes
    return float(right.mean()), min(float(right[groups == each].mean()) for each in np.unique(groups))


def test_the_worst_group_gains_most_and_noise_is_dropped() -> None:
    features, classes, groups = toy(2000, 0.95, 0)
    test = toy(4000, 0.5, 1)
    plain = _fit(features, classes, 2, 1.0)
    before = accuracies((test[0] @ plain[:, :-1].T + plain[:, -1]).argmax(1), *test[1:])
    layer = refit_last_layer(features, classes, groups, np.random.default_rng(0))
    after = accuracies(layer.predict(test[0]), *test[1:])
    # The true feature alone is right 84 times out of 100: the normal distribution at 1.
    assert before[1] < 0.4
    assert after[1] > 0.78
    assert abs(after[0] - 0.841) < 0.03
    assert np.abs(layer.weight[:, 2:]).max() < 0.2 * np.abs(layer.weight[:, 0]).max()
    assert 0.6 < layer.worst <= 1  # of some 25 samples


def test_the_fit_is_at_the_optimum_of_its_penalised_loss() -> None:
    """Where a weight is not 0 the slope of the loss is minus its sign, where it is 0 the slope is at most 1."""
    features, classes, _ = toy(300, 0.8, 2)
    layer = _fit(features, classes, 2, 0.05)
    scores = features @ layer[:, :-1].T + layer[:, -1]
    probabilities = np.exp(scores - scores.max(1, keepdims=True))
    probabilities /= probabilities.sum(1, keepdims=True)
    error = 0.05 * (probabilities - np.eye(2)[classes])
    slope, used = error.T @ features, np.abs(layer[:, :-1]) > 1e-6
    np.testing.assert_allclose(slope[used], -np.sign(layer[:, :-1][used]), atol=0.02)
    assert np.abs(slope[~used]).max() < 1.02
    np.testing.assert_allclose(error.sum(0), 0, atol=0.01)


def test_a_feature_that_never_changes_does_no_harm() -> None:
    features, classes, groups = toy(200, 0.8, 3)
    features[:, 5] = 7.0
    layer = refit_last_layer(features, classes, groups, np.random.default_rng(0), strengths=(0.3,), draws=2)
    assert np.isfinite(layer.weight).all()
    assert layer.weight[:, 5].tolist() == [0.0, 0.0]
    assert layer.strength == 0.3


def test_bad_input_is_named() -> None:
    features, classes, groups = toy(60, 0.8, 4)
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="60 rows, 59 classes, 60 groups"):
        refit_last_layer(features, classes[:-1], groups, rng)
    with pytest.raises(InputError, match="finite features"):
        refit_last_layer(features * np.nan, classes, groups, rng)
    with pytest.raises(InputError, match="1 samples in the smallest group"):
        refit_last_layer(features, classes, np.array(["rare", *["usual"] * 59]), rng)
    with pytest.raises(InputError, match="at least two classes"):
        refit_last_layer(features, np.zeros(60, dtype=int), groups, rng)

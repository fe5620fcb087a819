"""Last-layer retraining: features stay as they are, and the layer on top is fitted again where groups are balanced.

Source: Kirichenko, Izmailov, Wilson 2023, "Last Layer Re-Training is Sufficient for Robustness to Spurious
Correlations" (deep feature reweighting, DFR). Takes seconds on a CPU. What it needs is a small held-out set whose
groups are known, such as the classes on each of the backgrounds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import ArrayLike, NDArray
from scipy import optimize  # type: ignore[import-untyped]  # scipy ships no types

from pixelwise.errors import InputError

STRENGTHS = (1.0, 0.7, 0.3, 0.1, 0.07, 0.03, 0.01)
"""Inverse strengths of the L1 penalty that are tried, as published."""

DRAWS = 20
"""Balanced subsets over which the published program averages."""

Features = Float64[np.ndarray, "N D"]
Classes = Int64[np.ndarray, " N"]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LastLayer:
    """A linear layer on features: scores = features @ weight.T + bias.

    `strength` is the inverse strength of its penalty, and `worst` the accuracy of the worst group on the half of the
    data by which that was chosen: report both, they are how the model was selected.
    """

    weight: Float64[np.ndarray, "K D"]
    bias: Float64[np.ndarray, " K"]
    strength: float
    worst: float

    def predict(self, features: Features) -> Classes:
        """The best class of each row."""
        best: Classes = (features @ self.weight.T + self.bias).argmax(1)
        return best


def refit_last_layer(
    features: Features,
    classes: ArrayLike,
    groups: ArrayLike,
    rng: np.random.Generator,
    strengths: Sequence[float] = STRENGTHS,
    draws: int = DRAWS,
) -> LastLayer:
    """A last layer fitted so that every group counts as much.

    Half of the data chooses the penalty's strength by the accuracy of the worst group; then layers fitted on balanced
    draws of all data are averaged. Features are standardised for the fit, and the layer is given for them as they came.

    Differs from the paper: the multinomial softmax instead of one class against the rest, solved by L-BFGS-B.

    Args:
        features: a row a sample, held out from the training of the features.
        classes: of each sample, 0..K-1.
        groups: of each sample, by any name, such as class and background together.
        rng: source of halves and draws.
        strengths: inverse strengths of the penalty to choose from; smaller keeps fewer features.
        draws: balanced subsets to average over.

    Raises:
        InputError: lengths that differ, features that are not finite, fewer than two classes, or a group of fewer than
            four samples, which cannot be halved and fitted.
    """
    labels = np.asarray(classes, dtype=np.int64)
    names, group = np.unique(np.asarray(groups), return_inverse=True)
    _check(features, labels, group, len(names))
    count = int(labels.max()) + 1
    middle, spread = features.mean(0), features.std(0)
    rows = (features - middle) / np.where(spread > 0, spread, 1)
    fitted, judging = _halves(group, rng)
    drawn = _balanced(group[fitted], rng)
    scored = [
        worst_accuracy(_fit(rows[fitted][drawn], labels[fitted][drawn], count, strength), rows, labels, group, judging)
        for strength in strengths
    ]
    best = int(np.argmax(scored))
    layers = []
    for _ in range(draws):
        chosen = _balanced(group, rng)
        layers.append(_fit(rows[chosen], labels[chosen], count, strengths[best]))
    mean = np.mean(layers, axis=0)
    weight = mean[:, :-1] / np.where(spread > 0, spread, 1)
    return LastLayer(weight, mean[:, -1] - weight @ middle, strengths[best], scored[best])


def worst_accuracy(
    layer: Float64[np.ndarray, "K D1"], rows: Features, labels: Classes, group: Classes, chosen: Numbers
) -> float:
    """The accuracy of the group on which a layer (bias last) is worst."""
    right = (rows[chosen] @ layer[:, :-1].T + layer[:, -1]).argmax(1) == labels[chosen]
    return float(min(right[group[chosen] == each].mean() for each in np.unique(group)))


def _fit(rows: Features, labels: Classes, count: int, strength: float) -> Float64[np.ndarray, "K D1"]:
    """The layer (bias last) that minimises strength * sum of cross-entropies + sum of |weights|; the bias is free.

    Weights are differences of two numbers of at least 0, whose sum is the absolute value at the optimum: so a smooth
    solver with bounds finds exact zeros.
    """
    width = rows.shape[1]
    truth = np.eye(count)[labels]

    def target(numbers: Float64[np.ndarray, " P"]) -> tuple[float, Float64[np.ndarray, " P"]]:
        plus, minus, bias = np.split(numbers, [count * width, 2 * count * width])
        scores = rows @ (plus - minus).reshape(count, width).T + bias
        scores -= scores.max(1, keepdims=True)
        logs = scores - np.log(np.exp(scores).sum(1, keepdims=True))
        slope = strength * (np.exp(logs) - truth)
        weights = (slope.T @ rows).ravel()
        value = float(plus.sum() + minus.sum() - strength * (logs * truth).sum())
        return value, np.concatenate([weights + 1, 1 - weights, slope.sum(0)])

    bounds = [(0, None)] * (2 * count * width) + [(None, None)] * count
    found = optimize.minimize(target, np.zeros(len(bounds)), jac=True, method="L-BFGS-B", bounds=bounds)
    plus, minus, bias = np.split(found.x, [count * width, 2 * count * width])
    return np.column_stack([(plus - minus).reshape(count, width), bias])


def _halves(group: Classes, rng: np.random.Generator) -> tuple[Numbers, Numbers]:
    """Numbers of two halves in which every group has its half."""
    first, second = [], []
    for each in np.unique(group):
        members = rng.permutation(np.flatnonzero(group == each))
        first.append(members[: len(members) // 2])
        second.append(members[len(members) // 2 :])
    return np.concatenate(first), np.concatenate(second)


def _balanced(group: Classes, rng: np.random.Generator) -> Numbers:
    """As many numbers of each group as the smallest has, drawn anew."""
    members = [np.flatnonzero(group == each) for each in np.unique(group)]
    least = min(map(len, members))
    return np.concatenate([rng.permutation(each)[:least] for each in members])


def _check(features: Features, labels: Numbers, group: Numbers, groups: int) -> None:
    if not len(features) == len(labels) == len(group) or not np.isfinite(features).all():
        raise InputError(
            "finite features, a class and a group for every row",
            f"{len(features)} rows, {len(labels)} classes, {len(group)} groups",
            hint="check the features with numpy.isfinite",
        )
    sizes = np.bincount(group, minlength=groups)
    if len(np.unique(labels)) < 2 or sizes.min() < 4:
        raise InputError(
            "at least two classes, and four samples of every group",
            f"{len(np.unique(labels))} classes, {sizes.min()} samples in the smallest group",
            hint="join groups that are too small",
        )

"""A model's score on clean and corrupted images, image by image, so that everything after is arithmetic."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Float64

from pixelwise.audits.intervals import Interval
from pixelwise.audits.resampling import Replicates, Weights, bootstrap, divided
from pixelwise.audits.shift.corrupt import CORRUPTIONS, SEVERITIES, corrupt
from pixelwise.audits.shift.robustness import BySeverity, mean_performance, relative_performance
from pixelwise.data.transforms.sample import Sample
from pixelwise.errors import InputError

Judge = Callable[[Sample], float]
"""From an image with its truth to the model's score on it; NaN where there is nothing to score."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class ShiftScores:
    """The score of every image, clean and under each corruption.

    `clean` is (N), `corrupted` (C, S, N) in the order of `corruptions` and `severities`; NaN where an image had nothing
    to score, and where the model failed on it: `failures` names those, with the error.
    """

    corruptions: tuple[str, ...]
    severities: tuple[int, ...]
    clean: Float64[np.ndarray, " N"]
    corrupted: Float64[np.ndarray, "C S N"]
    failures: tuple[str, ...]

    @property
    def by_severity(self) -> BySeverity:
        """For each corruption the mean score over the images, severity by severity; NaN of nothing."""
        return {
            name: [_mean(values) for values in lines]
            for name, lines in zip(self.corruptions, self.corrupted, strict=True)
        }

    @property
    def mean_performance(self) -> float:
        """mPC: the mean over corruptions and severities."""
        return mean_performance(self.by_severity)

    @property
    def relative_performance(self) -> float:
        """rPC: mPC as a share of the clean score."""
        return relative_performance(self.by_severity, _mean(self.clean))

    def losses(self, rng: np.random.Generator, level: float = 0.95) -> dict[str, Interval]:
        """What each corruption takes from the clean score, the mean over severities, and "all" for their mean.

        Intervals are of the bootstrap over images; each draw scores the same images clean and corrupted.

        Args:
            rng: source of the draws.
            level: share of such intervals that hold the true loss.
        """
        every = np.concatenate([self.clean[None], self.corrupted.reshape(-1, len(self.clean))])
        known = ~np.isnan(every)
        values = np.where(known, every, 0)

        def lost(weights: Weights) -> Float64[np.ndarray, "B V"]:
            means = divided(weights @ values.T, weights @ known.T.astype(np.float64))
            kinds = means[:, 1:].reshape(len(means), len(self.corruptions), -1).mean(2)
            return np.asarray(means[:, :1] - np.concatenate([kinds, kinds.mean(1, keepdims=True)], axis=1))

        found: Replicates = bootstrap(lost, len(self.clean), rng)
        names = (*self.corruptions, "all")
        return {name: found.interval(column, level) for column, name in enumerate(names)}


def shift_scores(
    judge: Judge,
    samples: Sequence[Sample],
    seed: int,
    corruptions: Sequence[str] = CORRUPTIONS,
    severities: Sequence[int] = SEVERITIES,
    progress: Progress | None = None,
) -> ShiftScores:
    """Scores every image clean and under every corruption and severity.

    Each corrupted image depends on the seed, its own number, the corruption and the severity alone, so a part of the
    corruptions gives the same figures as all of them. What the model raises on one image is kept in `failures`, and the
    audit goes on.

    Args:
        judge: scores the model on one sample; see `Judge`.
        samples: the images, with what the judge needs.
        seed: of the corruptions.
        corruptions: which; for dense tasks `pixelwise.audits.shift.corrupt.DENSE`.
        severities: which.
        progress: called with (images judged, images in all).

    Raises:
        InputError: no images, or an unknown corruption or severity.
    """
    if not len(samples):
        raise InputError("at least one image", "none", hint="check the split and the folder")
    conditions = [("clean", 0), *product(corruptions, severities)]
    values = np.full((len(conditions), len(samples)), np.nan)
    failures = []
    for done, (row, index) in enumerate(np.ndindex(values.shape), start=1):
        name, severity = conditions[row]
        sample = samples[index]
        if severity:
            sample = corrupt(sample, name, severity, _source(seed, name, severity, index))
        try:
            values[row, index] = judge(sample)
        except Exception as error:  # a stranger's model may raise anything; it is told, not hidden
            failures.append(f"image {index} under {name} {severity or ''}: {type(error).__name__}: {error}")
        if progress is not None:
            progress(done, values.size)
    corrupted = values[1:].reshape(len(corruptions), len(severities), len(samples))
    return ShiftScores(tuple(corruptions), tuple(severities), values[0], corrupted, tuple(failures))


def _source(seed: int, name: str, severity: int, index: int) -> np.random.Generator:
    if name not in CORRUPTIONS:
        raise InputError(f"a corruption of {', '.join(CORRUPTIONS)}", repr(name), hint="check the spelling")
    return np.random.default_rng([seed, CORRUPTIONS.index(name), severity, index])


def _mean(values: Float64[np.ndarray, " N"]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")

"""What a few seeds say: a mean with its t-interval, and whether a paired difference is more than chance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean and the ends of its 95 % interval; the ends are not-a-number for a single value."""

    mean: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        if self.count < 2:
            return f"{self.mean:.4g} (one value, no interval)"
        return f"{self.mean:.4g} ({self.low:.4g} to {self.high:.4g}, {self.count} values)"


def t_interval(values: Sequence[float]) -> Interval:
    """The mean of independent values and its 95 % interval by Student's t."""
    found = np.asarray(values, dtype=float)
    if len(found) < 2:
        return Interval(float(found.mean()), float("nan"), float("nan"), len(found))
    error = float(found.std(ddof=1)) / len(found) ** 0.5
    reach = float(stats.t.ppf((1 + LEVEL) / 2, len(found) - 1)) * error
    return Interval(float(found.mean()), float(found.mean()) - reach, float(found.mean()) + reach, len(found))


def paired(first: Sequence[float], second: Sequence[float]) -> Interval:
    """The interval of first minus second, seed by seed: what both owe to the seed cancels."""
    return t_interval([a - b for a, b in zip(first, second, strict=True)])


def verdict(difference: Interval) -> str:
    """Whether a claimed gain is there: yes, no, or not told by so few seeds."""
    if difference.low > 0:
        return "holds"
    if difference.high < 0:
        return "does not hold: the opposite does"
    return "is not decided by these seeds"

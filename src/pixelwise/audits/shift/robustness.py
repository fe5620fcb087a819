"""One number for fifteen corruptions: mean corruption error, and mean performance under corruption.

Sources: Hendrycks and Dietterich 2019 (mCE, relative mCE); Michaelis et al. 2019, "Benchmarking Robustness
in Object Detection" (mPC, rPC).
"""

import math
from collections.abc import Mapping, Sequence

from pixelwise.audits.shift.corrupt import CORRUPTIONS, SEVERITIES
from pixelwise.errors import InputError

Number = float | int
BySeverity = Mapping[str, Sequence[Number]]
"""For each corruption five values, one for each severity."""

ALEXNET_ERRORS = dict(
    zip(
        CORRUPTIONS,
        (
            *(0.886428, 0.894468, 0.922640, 0.819880, 0.826268, 0.785948, 0.798360, 0.866816, 0.826572, 0.819324),
            *(0.564592, 0.853204, 0.646056, 0.717840, 0.606500),
        ),
        strict=True,
    )
)
"""AlexNet's top-1 error on ImageNet-C, the mean of five severities, by which mCE divides (published with the data)."""


def mean_corruption_error(errors: BySeverity, reference: Mapping[str, Number] | None = None) -> float:
    """The mean over corruptions of a model's error over that of a reference model; 1 is as good as the reference.

    Published as a percentage. CE_c = sum over s of E(s, c) / sum over s of E_reference(s, c); mCE is their mean.

    Args:
        errors: error rates of the model, for all fifteen corruptions.
        reference: mean error rate of the reference for each; None takes `ALEXNET_ERRORS`, which only means something
            for ImageNet's classes.

    Raises:
        InputError: a corruption or a severity is missing, or a reference error is not above 0.
    """
    return _mean_ratio(errors, 0.0, ALEXNET_ERRORS if reference is None else reference, 0.0)


def relative_mean_corruption_error(
    errors: BySeverity, clean: Number, reference: Mapping[str, Number], reference_clean: Number
) -> float:
    """Like `mean_corruption_error`, of what corruptions add to the error on clean images, of model and reference.

    A model that is bad from the start can look robust here: read it beside the clean error.

    Args:
        errors: error rates of the model.
        clean: its error rate without corruption.
        reference: mean error rate of the reference for each corruption.
        reference_clean: the reference's error rate without corruption.

    Raises:
        InputError: a value is missing, or the reference loses nothing under a corruption.
    """
    return _mean_ratio(errors, clean, reference, reference_clean)


def mean_performance(scores: BySeverity) -> float:
    """mPC: the mean of a score over all corruptions and severities that were measured; NaN without any.

    For scores of any task (mean IoU, AP), and for a part of the corruptions as long as reports say which.
    """
    values = [float(value) for line in scores.values() for value in line]
    return math.fsum(values) / len(values) if values else math.nan


def relative_performance(scores: BySeverity, clean: Number) -> float:
    """rPC: `mean_performance` as a share of the score on clean images; NaN where that is 0."""
    return mean_performance(scores) / clean if clean else math.nan


def _mean_ratio(errors: BySeverity, clean: Number, reference: Mapping[str, Number], reference_clean: Number) -> float:
    ratios = []
    for name in CORRUPTIONS:
        if len(errors.get(name, ())) != len(SEVERITIES) or name not in reference:
            raise InputError(
                f"five errors of the model and one of the reference for {name}",
                f"{len(errors.get(name, ()))} and {int(name in reference)}",
                hint="mCE is over all fifteen corruptions; for a part of them take mean_performance",
            )
        added = reference[name] - reference_clean
        if not added > 0:
            raise InputError(
                f"a reference that errs under {name}",
                f"{added:g} more errors than allowed for",
                hint="take another one",
            )
        ratios.append((math.fsum(errors[name]) / len(SEVERITIES) - clean) / added)
    return math.fsum(ratios) / len(ratios)

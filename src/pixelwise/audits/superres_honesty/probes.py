"""Asking a super-resolver and a classifier, one image at a time, so that one failure is told and costs one image."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pixelwise.audits.intervals import Interval, rate
from pixelwise.audits.superres_honesty.explanations import LEVELS
from pixelwise.audits.superres_honesty.shrinking import Downscale
from pixelwise.errors import InputError

Restore = Callable[[Tensor], Tensor]
"""Takes a small image (C, h, w) in 0..1, gives a large one (C, H, W)."""

Classify = Callable[[Tensor], int | str]
"""Takes an image (C, H, W) in 0..1, gives its class."""


@dataclass(frozen=True)
class Deviation:
    """How far a restored image, made small again, is from its input, in levels of 255.

    Up to 0.5 it may be rounding; more contradicts the input. NaN for one that failed, with the reason.
    """

    largest: float
    mean: float
    failure: str = ""


def deviations(restore: Restore, small: Sequence[Tensor], downscale: Downscale) -> list[Deviation]:
    """The deviation of each input, in their order.

    The restored images are compared as they are: clipped or rounded only if `restore` does it.

    Args:
        restore: the super-resolver.
        small: its inputs, (C, h, w) in 0..1.
        downscale: the way in which the inputs were made small.

    Raises:
        InputError: no inputs. Failures of the callables are told in the results.
    """
    if not len(small):
        raise InputError("at least one small image", "none", hint="pass a list of (C, h, w)")
    return [_deviation(restore, image, downscale) for image in small]


def _deviation(restore: Restore, image: Tensor, downscale: Downscale) -> Deviation:
    nothing = float("nan")
    try:
        again = downscale(restore(image).double())
    except Exception as error:
        return Deviation(nothing, nothing, f"{type(error).__name__}: {error}")
    if again.shape != image.shape:
        return Deviation(nothing, nothing, f"made small again it is {tuple(again.shape)}, not {tuple(image.shape)}")
    off = LEVELS * (again - image.double()).abs()
    if not bool(off.isfinite().all()):
        return Deviation(nothing, nothing, "values that are no numbers")
    return Deviation(float(off.max()), float(off.mean()))


@dataclass(frozen=True)
class Flips:
    """Of so many inputs, how many are given different classes by a classifier that sees different explanations.

    Attributes:
        answers: per input, the class of each of its explanations.
        failures: per input left out, why; by its place in the list.
    """

    answers: dict[int, tuple[int | str, ...]]
    failures: dict[int, str]

    def rate(self, level: float = 0.95) -> Interval:
        """The share of the answered inputs with more than one class (Wilson)."""
        return rate(sum(len(set(each)) > 1 for each in self.answers.values()), len(self.answers), level)


def flips(classify: Classify, explanations: Sequence[Tensor]) -> Flips:
    """Classifies all explanations of every input.

    An input of which any explanation gets no answer is counted as a failure; one with fewer than two explanations
    cannot flip and is a failure too.

    Args:
        classify: a classifier.
        explanations: per input, (K, C, H, W), such as `Explanations.good()`.

    Raises:
        InputError: no inputs.
    """
    if not len(explanations):
        raise InputError("explanations of at least one input", "none", hint="pass a list of (K, C, H, W)")
    answers: dict[int, tuple[int | str, ...]] = {}
    failures: dict[int, str] = {}
    for place, images in enumerate(explanations):
        try:
            given = tuple(_label(classify(image)) for image in images)
        except Exception as error:
            failures[place] = f"{type(error).__name__}: {error}"
            continue
        if len(given) < 2:
            failures[place] = f"{len(given)} explanations, of which none can differ"
        else:
            answers[place] = given
    return Flips(answers, failures)


def _label(answer: Any) -> int | str:
    """The class as a plain value; refuses scores and other answers that are none."""
    single = isinstance(answer, np.generic) or (isinstance(answer, torch.Tensor) and answer.numel() == 1)
    value = answer.item() if single else answer
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(f"a class is a number or a name, not {type(answer).__name__}")
    return value

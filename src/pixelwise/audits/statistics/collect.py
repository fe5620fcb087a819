"""One pass of a model over samples: what it did on each is counted, and what it could not do is counted too."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pixelwise.audits.statistics.derived import DERIVED
from pixelwise.audits.statistics.judge import Judge, UnusableError
from pixelwise.audits.statistics.samples import Sample
from pixelwise.audits.statistics.table import ANSWERED, NO_ANSWER, Statistics
from pixelwise.errors import InputError

Progress = Callable[[int, int], None]
Model = Callable[..., Any]
"""Anything that is asked with the images of a sample: files for what has `predict`, else tensors (3, H, W) of 0..1."""


def collect(
    model: Any,
    samples: Sequence[Sample],
    judge: Judge,
    derive: Sequence[str] = (),
    source: str = "",
    progress: Progress | None = None,
) -> Statistics:
    """The statistics of a model on samples, each asked once.

    A model that raises on an image, returns None, or returns what cannot be judged (another size, NaN) has not
    answered it: the image stays in the table, its outcome says why, and what was to be found there counts as missed.

    Args:
        model: a predictor (asked by `predict`), or any function of the images.
        samples: what to ask.
        judge: the task.
        derive: names of `DERIVED` numbers to measure.
        source: which model and data these are.
        progress: called with (images done, images in all).

    Raises:
        InputError: no sample, two samples of one name, unlike attributes, a truth that cannot be used, or a model that
            answers nothing at all.
    """
    _check(samples)
    ask = asker(model)
    rows, outcomes = [], []
    numbers: dict[str, list[float]] = {name: [] for name in derive}
    for done, sample in enumerate(samples, start=1):
        row, outcome = _judged(ask, sample, judge)
        rows.append(row)
        outcomes.append(outcome)
        for name in derive:
            numbers[name].append(DERIVED[name](sample))
        if progress is not None:
            progress(done, len(samples))
    if ANSWERED not in outcomes:
        common, count = Counter(outcomes).most_common(1)[0]
        raise InputError("a model that answers", f"none of {len(samples)} answers: {count} times {common}", HINT)
    return Statistics(
        judge.task,
        judge.classes,
        tuple(sample.name for sample in samples),
        tuple(outcomes),
        {name: tuple(sample.attributes[name] for sample in samples) for name in samples[0].attributes},
        judge.arrays(rows),
        {name: np.array(values, dtype=np.float64) for name, values in numbers.items()},
        source,
    )


HINT = "a model takes an image (3, H, W) of floats 0..1 and returns what its task gives; try it on one image"


def _judged(ask: Callable[[Sample], Any], sample: Sample, judge: Judge) -> tuple[Any, str]:
    """The counts of one image, and its outcome."""
    try:
        with torch.inference_mode():
            answer = ask(sample)
    except Exception as problem:  # whatever a stranger's model raises is its failure on this image, and not ours
        return judge.unanswered(sample), f"raised {type(problem).__name__}: {_first_line(problem)}"
    if answer is None:
        return judge.unanswered(sample), NO_ANSWER
    try:
        return judge.judge(sample, answer), ANSWERED
    except UnusableError as problem:
        return judge.unanswered(sample), f"unusable: {problem}"


def asker(model: Any) -> Callable[[Sample], Any]:
    """A function that asks a model about a sample: a predictor, a network, or any function of the images.

    Raises:
        InputError: none of these, or a network in training mode.
    """
    predict = getattr(model, "predict", None)
    if callable(predict):
        return lambda sample: predict(*sample.images)
    if not callable(model):
        raise InputError("a predictor or a function of an image", type(model).__name__, hint=HINT)
    if isinstance(model, torch.nn.Module):
        if model.training:
            raise InputError("a network in evaluation mode", "one in training mode", hint="model.eval()")
        return lambda sample: _single(model(*(image[None] for image in sample.read_images())))
    return lambda sample: model(*sample.read_images())


def _single(answer: Any) -> Any:
    """The answer to a batch of one."""
    return answer[0] if isinstance(answer, Tensor | list | tuple) else answer


def _first_line(problem: Exception) -> str:
    lines = str(problem).splitlines()
    return lines[0][:200] if lines else "without a word"


def _check(samples: Sequence[Sample]) -> None:
    if not samples:
        raise InputError("at least one image", "none", hint="check the split and the folder")
    twice = [name for name, count in Counter(sample.name for sample in samples).items() if count > 1]
    if twice:
        raise InputError("samples of different names", f"{twice[0]!r} twice", hint="put the folder into the name")
    columns = set(samples[0].attributes)
    other = next((sample for sample in samples if set(sample.attributes) != columns), None)
    if other is not None:
        raise InputError(
            f"the attributes {sorted(columns)} for every sample",
            f"{sorted(other.attributes)} for {other.name}",
            hint='give "" where a value is missing',
        )

"""The training loss by name: a sum of terms, each with a weight where one is given."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.losses import cross_entropy, dice_loss
from pixelwise.losses.boundary import boundary_loss
from pixelwise.shapes import IGNORE, Scores
from pixelwise.training.segmentation.truth import Truth, completed

LARGEST_WEIGHT = 1e6
"""Far above any use; it keeps a mistyped weight from making every loss infinite."""


class Term(NamedTuple):
    """One summand of the loss."""

    weight: float
    name: str


def _border_cross_entropy(scores: Scores, truth: Truth, class_weights: Tensor | None) -> Tensor:
    """Ronneberger et al. 2015, equations 1 and 2: w_c is the class's weight, 1 without class weights."""
    assert truth.border is not None, "completed before"
    weights = truth.border + 1
    if class_weights is not None:
        # What stands for ignored pixels does not matter.
        weights = truth.border + class_weights[truth.labels.where(truth.labels != IGNORE, 0).long()]
    return cross_entropy(scores, truth.labels, pixel_weights=weights)


TERMS: dict[str, Callable[[Scores, Truth, Tensor | None], Tensor]] = {
    "cross_entropy": lambda scores, truth, weights: cross_entropy(scores, truth.labels, weights),
    "cross_entropy_sum": lambda scores, truth, weights: cross_entropy(scores, truth.labels, weights, reduction="sum"),
    "dice": lambda scores, truth, _: dice_loss(scores, truth.labels),
    "border_cross_entropy": _border_cross_entropy,
    "boundary": lambda scores, truth, _: boundary_loss(scores, truth.labels, truth.distances),
}

NEEDS = {"border_cross_entropy": "border", "boundary": "distances"}
"""The maps of `Truth` that a term needs beside the labels."""


def loss_terms(loss: str) -> tuple[Term, ...]:
    """The terms of a loss such as "cross_entropy+dice" or "dice+0.01*boundary".

    >>> loss_terms("dice+0.01*boundary")
    (Term(weight=1.0, name='dice'), Term(weight=0.01, name='boundary'))

    Raises:
        InputError: a name that is no term, a term named twice, or a weight that is not above 0.
    """
    terms: list[Term] = []
    for part in loss.split("+"):
        before, star, after = part.partition("*")
        name = (after if star else before).strip()
        if name not in TERMS:
            raise InputError(
                f"loss to be one or a sum of {', '.join(TERMS)}", repr(loss), 'such as "cross_entropy+0.01*boundary"'
            )
        if any(name == term.name for term in terms):
            raise InputError("each term of the loss once", repr(loss), f"give {name} one weight: 2*{name}")
        terms.append(Term(_weight(before) if star else 1.0, name))
    return tuple(terms)


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = -1.0
    if not 0 < weight <= LARGEST_WEIGHT:  # also true for not-a-number
        raise InputError(
            f"a weight above 0 and up to {LARGEST_WEIGHT:g} before *", repr(text), 'such as "dice+0.01*boundary"'
        )
    return weight


def with_needs(truth: Truth, loss: str, num_classes: int) -> Truth:
    """The truth with every map that the loss needs."""
    return completed(truth, {NEEDS[term.name] for term in loss_terms(loss) if term.name in NEEDS}, num_classes)


def total_loss(loss: str, scores: Scores, truth: Truth, class_weights: Tensor | None) -> Tensor:
    """The sum that the loss names; maps that the truth lacks are made here.

    Args:
        loss: see `loss_terms`.
        scores: logits, as large as the labels or, from networks without padding, smaller.
        truth: labels and maps; cropped to the scores.
        class_weights: weights of the cross-entropies.
    """
    height, width = scores.shape[-2:]
    truth = with_needs(truth, loss, scores.shape[1]).cropped((height, width))
    terms = [term.weight * TERMS[term.name](scores, truth, class_weights) for term in loss_terms(loss)]
    return torch.stack(terms).sum()

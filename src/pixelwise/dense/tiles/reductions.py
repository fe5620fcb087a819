"""What is kept of the scores of a tile, so that no array of classes by pixels is needed for a whole image.

Each reduction looks at one pixel at a time, which is why it may be applied tile by tile, and band by band in a tile.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.shapes import IGNORE

BAND_VALUES = 2**22
"""Scores reduced at once: 16 MB in float32, so that a softmax's copies stay small beside a tile's activations."""

TOP = re.compile(r"top([1-9]\d*)(_probabilities)?")
"""top2, top5_probabilities ..."""


@dataclass(frozen=True)
class Reduction:
    """One thing kept of the scores; `fill` stands where nothing was computed."""

    name: str
    keep: Callable[[Tensor], Tensor]
    fill: int = 0
    classes: int = 1

    def __call__(self, scores: Float[Tensor, "K h w"]) -> Tensor:
        """The kept values, (..., h, w), on the CPU.

        Raises:
            InputError: fewer classes than the reduction compares.
        """
        if scores.shape[0] < self.classes:
            raise InputError(
                f"a network of at least {self.classes} classes for reduce={self.name!r}",
                f"one of {scores.shape[0]}",
                "pass reduce=None for the scores themselves; a single score is made a probability by its sigmoid",
            )
        if self.keep is class_scores:  # nothing gets smaller, so that joining bands would cost a copy
            return self.keep(scores).to("cpu")
        bands = torch.split(scores, max(1, BAND_VALUES // (scores.shape[0] * scores.shape[2])), dim=1)
        return torch.cat([self.keep(band).to("cpu") for band in bands], dim=-2)


def class_scores(scores: Tensor) -> Tensor:
    """The scores themselves, in float32 or wider."""
    return scores.to(torch.promote_types(scores.dtype, torch.float32))


def best_class(scores: Tensor) -> Tensor:
    """The index of the largest score, the first of equal ones."""
    return as_indices(scores.argmax(0), scores.shape[0])


def probabilities(scores: Tensor) -> Tensor:
    """Softmax over the classes."""
    shares: Tensor = class_scores(scores).softmax(0)
    return shares


def max_probability(scores: Tensor) -> Tensor:
    """The probability of the best class."""
    best: Tensor = probabilities(scores).amax(0)
    return best


def margin(scores: Tensor) -> Tensor:
    """By how much the best class is more probable than the second: 0 where two are equal, 1 where one is sure."""
    two: Tensor = probabilities(scores).topk(2, dim=0).values
    return two[0] - two[1]


def entropy(scores: Tensor) -> Tensor:
    """Entropy of the class probabilities in nats, 0 to log K; a probability of 0 adds 0."""
    nats: Tensor = torch.special.entr(probabilities(scores))
    return nats.sum(0)


def as_indices(indices: Tensor, classes: int) -> Tensor:
    """Class indices in a byte where they fit."""
    return indices.to(torch.uint8 if classes <= 256 else torch.int64)


def top_classes(count: int) -> Callable[[Tensor], Tensor]:
    """The indices of the largest scores, best first."""
    return lambda scores: as_indices(scores.topk(count, dim=0).indices, scores.shape[0])


def top_probabilities(count: int) -> Callable[[Tensor], Tensor]:
    """The largest probabilities, best first."""
    return lambda scores: probabilities(scores).topk(count, dim=0).values


REDUCTIONS = {
    "argmax": Reduction("argmax", best_class, fill=IGNORE),
    "probabilities": Reduction("probabilities", probabilities, classes=2),
    "max_probability": Reduction("max_probability", max_probability, classes=2),
    "margin": Reduction("margin", margin, classes=2),
    "entropy": Reduction("entropy", entropy, classes=2),
}


def reduction(name: str | None) -> Reduction:
    """The reduction of this name; None keeps the scores.

    >>> reduction("top2")(torch.tensor([0.0, 2.0, 1.0]).view(3, 1, 1)).flatten().tolist()
    [1, 2]

    Raises:
        InputError: there is none of this name.
    """
    if name is None:
        return Reduction("scores", class_scores)
    if name in REDUCTIONS:
        return REDUCTIONS[name]
    found = TOP.fullmatch(name)
    if found is None:
        raise InputError(
            f"reduce to be None, {', '.join(REDUCTIONS)}, top2 or top2_probabilities",
            f"reduce = {name!r}",
            'pass reduce="argmax" for classes',
        )
    count = int(found[1])
    if found[2]:
        return Reduction(name, top_probabilities(count), classes=max(2, count))
    return Reduction(name, top_classes(count), fill=IGNORE, classes=count)

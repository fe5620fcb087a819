"""Which background each object is put on: drawn once from a seed, and written down."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Pairing:
    """For one case the numbers of the cases whose backgrounds it gets; None where there is none to get."""

    same_class: int | None
    other_class: int | None


def paired_backgrounds(labels: Sequence[int], rng: np.random.Generator) -> list[Pairing]:
    """For each case a background from another case of its class, and one from a case of another class.

    Within a class the backgrounds go round in a random circle, so that each is used once. Those of other classes are
    drawn evenly, so that they come as often as the data has them.

    Args:
        labels: the class of each case.
        rng: source of the draws.
    """
    classes = np.asarray(labels)
    same: dict[int, int] = {}
    for label in np.unique(classes):
        circle = rng.permutation(np.flatnonzero(classes == label)).tolist()
        if len(circle) > 1:
            same |= dict(zip(circle, circle[1:] + circle[:1], strict=True))
    draws = rng.random(len(classes))
    others = {label: np.flatnonzero(classes != label) for label in set(labels)}
    return [
        Pairing(same.get(index), int(others[label][int(draw * len(others[label]))]) if len(others[label]) else None)
        for index, (label, draw) in enumerate(zip(labels, draws, strict=True))
    ]

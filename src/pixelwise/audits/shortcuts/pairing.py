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

    Both are drawn evenly from the cases, so that backgrounds come as often as the data has them.

    Args:
        labels: the class of each case.
        rng: source of the draws.
    """
    classes = np.asarray(labels)
    draws = rng.random((len(classes), 2))
    pairings = []
    for index, label in enumerate(labels):
        same = np.flatnonzero(classes == label)
        same = same[same != index]
        other = np.flatnonzero(classes != label)
        chosen = [
            int(found[int(draw * len(found))]) if len(found) else None
            for found, draw in zip((same, other), draws[index], strict=True)
        ]
        pairings.append(Pairing(chosen[0], chosen[1]))
    return pairings

"""Leave one environment out: train on all places but one, test on that one, for each in turn.

Source: Gulrajani and Lopez-Paz 2021, "In Search of Lost Domain Generalization" (leave-one-domain-out).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pixelwise.errors import InputError

SELECTION = (
    "Models were chosen without the environment held out: nothing about it, not even how many epochs to train, was "
    "taken from its scores."
)
"""What a report says beside such scores, where it is true: with another rule of selection the numbers mean less."""

Model = TypeVar("Model")
Item = TypeVar("Item")


@dataclass(frozen=True)
class Fold:
    """One environment held out: its name, and the numbers of the items inside and outside it."""

    held_out: str
    training: tuple[int, ...]
    test: tuple[int, ...]


def folds(environments: Sequence[str]) -> Iterator[Fold]:
    """One fold for each environment, in order of name.

    Args:
        environments: the environment of each item.

    Raises:
        InputError: fewer than two environments, or an item without one ("").

    >>> [fold.training for fold in folds(["road", "beach", "road"])]
    [(0, 2), (1,)]
    """
    if "" in environments:
        raise InputError(
            "an environment for every item", f"none for item {list(environments).index('')}", hint="fill the column in"
        )
    names = sorted(set(environments))
    if len(names) < 2:
        raise InputError("at least two environments", ", ".join(names) or "none", hint="choose another column")
    for name in names:
        inside = tuple(index for index, each in enumerate(environments) if each == name)
        outside = tuple(index for index, each in enumerate(environments) if each != name)
        yield Fold(name, outside, inside)


def leave_one_out(
    items: Sequence[Item],
    environments: Sequence[str],
    fit: Callable[[list[Item]], Model],
    score: Callable[[Model, list[Item]], float],
) -> dict[str, float]:
    """For each environment the score there of a model that never saw it.

    Args:
        items: whatever `fit` and `score` take.
        environments: the environment of each.
        fit: trains a model on items; it chooses its settings without the environment held out, see `SELECTION`.
        score: what the model reaches on items.

    Raises:
        InputError: see `folds`; or as many environments as items are not given.
    """
    if len(items) != len(environments):
        raise InputError(
            f"an environment for each of {len(items)} items", f"{len(environments)}", hint="one name for each item"
        )
    return {
        fold.held_out: score(fit([items[i] for i in fold.training]), [items[i] for i in fold.test])
        for fold in folds(environments)
    }

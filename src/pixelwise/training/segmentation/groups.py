"""Groups of images that training treats alike: those with one value of an attribute, or of several crossed."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from pixelwise.data.crossed import crossed_name, crossed_parts
from pixelwise.data.folder import Item
from pixelwise.errors import InputError


@dataclass(frozen=True)
class Groups:
    """The group of each training and each validation image, by number.

    `names` are those of the groups that training images have, in order, then those that only validation images have.
    """

    column: str
    names: tuple[str, ...]
    training: tuple[int, ...]
    validation: tuple[int, ...]

    @cached_property
    def trained(self) -> int:
        """How many groups training images have; these come first."""
        return max(self.training) + 1

    @cached_property
    def _members(self) -> list[list[int]]:
        members: list[list[int]] = [[] for _ in range(self.trained)]
        for image, group in enumerate(self.training):
            members[group].append(image)
        return members

    def draw(self, generator: torch.Generator) -> int:
        """The number of a training image: first a group is drawn, each as likely, then one of its images.

        Sagawa et al. 2020 draw so for all methods they compare; a method then has nothing to gain from a group's size.
        """
        members = self._members[_below(self.trained, generator)]
        return members[_below(len(members), generator)]

    def counts(self, numbers: Sequence[int]) -> dict[str, int]:
        """How many of the images, given by their groups' numbers, each group has; 0 for those without any."""
        found = Counter(numbers)
        return {name: found[number] for number, name in enumerate(self.names)}

    def facts(self) -> dict[str, Any]:
        """What run.json keeps: the column, images of each group, and a text that changes when one changes groups."""
        told = f"{self.names} {self.training} {self.validation}"
        return {
            "column": self.column,
            "training": self.counts(self.training),
            "validation": self.counts(self.validation),
            "fingerprint": hashlib.sha256(told.encode()).hexdigest()[:12],
        }


def groups_asked_for(robust: str, column: str, training: Sequence[Item], validation: Sequence[Item]) -> Groups | None:
    """The groups that settings ask for, see `find_groups`; None where `robust` is "none"."""
    return None if robust == "none" else find_groups(training, validation, column)


def find_groups(training: Sequence[Item], validation: Sequence[Item], column: str) -> Groups:
    """The groups of images by a column of their attributes, or by several crossed.

    Args:
        training: the images that are trained on.
        validation: those that are not.
        column: such as "light", or "light*background".

    Raises:
        InputError: no such column, an image without a value, or training images of fewer than two groups or with a
            group of one image.
    """
    parts = crossed_parts(column)
    ours, theirs = ([_value(item, parts) for item in items] for items in (training, validation))
    counted = Counter(ours)
    if len(counted) < 2:
        raise InputError(
            f"training images of at least two groups by {column}",
            f"{len(ours)} of the group {ours[0]}",
            "choose another column, or leave --robust and --groups away",
        )
    single = [name for name, count in sorted(counted.items()) if count == 1]
    if single:
        raise InputError(
            f"at least 2 training images of each group by {column}",
            f"1 of {', '.join(single[:3])}{' ...' if len(single) > 3 else ''}",
            "join values into fewer in attributes.csv (numbers into ranges), or cross fewer columns",
        )
    names = (*sorted(counted), *sorted(set(theirs) - set(counted)))
    number = {name: index for index, name in enumerate(names)}
    return Groups(column, names, tuple(number[each] for each in ours), tuple(number[each] for each in theirs))


def _value(item: Item, parts: Sequence[str]) -> str:
    missing = next((part for part in parts if part not in item.attributes), None)
    if missing is not None:
        known = ", ".join(item.attributes) or "no attributes: there is no attributes.csv"
        raise InputError(
            f"a column of attributes.csv to group by ({known})", repr(missing), "check --groups, or pass --attributes"
        )
    values = [item.attributes[part] for part in parts]
    if not all(values):
        raise InputError(
            f"a value of {' and of '.join(parts)} for every image",
            f"none for {item.name}",
            "fill in its row of the attributes file",
        )
    return crossed_name(values)


def _below(end: int, generator: torch.Generator) -> int:
    return int(torch.randint(end, (), generator=generator))

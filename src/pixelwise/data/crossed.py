"""Names of groups that cross several attributes: light*background, and dark * beach for one of its groups."""

from collections.abc import Sequence

CROSS = "*"
"""Joins attributes whose values are crossed."""


def crossed_parts(name: str) -> list[str]:
    """The attributes that a name crosses, one or more.

    >>> crossed_parts("light*background")
    ['light', 'background']
    """
    return [part.strip() for part in name.split(CROSS)]


def crossed_name(parts: Sequence[str]) -> str:
    """One name for several attributes, or for one value of each.

    >>> crossed_name(["dark", "beach"])
    'dark * beach'
    """
    return f" {CROSS} ".join(parts)

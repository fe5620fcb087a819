"""What is in a scene, in words: one sentence, and one value for each attribute that an audit may group by."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pixelwise.data.pasture.knobs import BACKGROUNDS, HOME, SPECIES
from pixelwise.data.pasture.light import light_name
from pixelwise.data.pasture.world import World

PLACES = ("on a pasture", "in the desert", "on the beach", "in the water", "on a road")
PLURALS = ("cows", "camels", "sheep", "horses")
NUMBERS = ("no", "a", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
TIMES = {"dark": "at dusk", "normal": "by day", "bright": "in bright light"}

NOTHING = "none"
"""Value of an attribute that a scene does not have."""

SMALL, LARGE = 0.4, 0.5
"""Lengths, as shares of the reference, from which animals are medium and large: thirds of the default `scale`."""


@dataclass(frozen=True)
class Sighting:
    """One animal that is seen, in the order of the boxes."""

    species: str
    fur: str
    """light or dark."""
    facing: str
    """left or right."""
    length: float
    """Of the whole animal in pixels, hidden parts included."""
    area: int
    """Pixels that are seen."""


def caption(world: World, animals: Sequence[Sighting]) -> str:
    """One sentence: how many animals of which fur and species, where, and in what light.

    >>> from types import SimpleNamespace
    >>> cow = Sighting("cow", "dark", "left", 40.0, 700)
    >>> caption(SimpleNamespace(background=2, light=1.0), [cow, cow])
    'two dark cows on the beach in bright light'
    """
    counts = Counter((SPECIES.index(animal.species), animal.fur) for animal in animals)
    groups = [
        f"{_number(count)} {fur} {(SPECIES if count == 1 else PLURALS)[species]}"
        for (species, fur), count in sorted(counts.items())
    ]
    who = " and ".join([", ".join(groups[:-1]), groups[-1]] if len(groups) > 1 else groups) or "no animal"
    return f"{who} {PLACES[world.background]} {TIMES[light_name(world.light)]}"


def attributes(world: World, animals: Sequence[Sighting], unit: int) -> dict[str, str | int | float]:
    """One value a name: words to group by, numbers to sort by.

    `species`, `fur` and `home` (whether the animals stand at home) are "mixed" where the animals differ, "none"
    without animals; `size` is that of the longest animal; `word_agrees` tells whether the word names an animal in the
    picture.
    """
    present = {animal.species for animal in animals}
    home = {"home" if HOME[SPECIES.index(name)] == world.background else "away" for name in present}
    longest = max((animal.length / unit for animal in animals), default=0.0)
    return {
        "species": _one(present),
        "classes": "+".join(name for name in SPECIES if name in present) or NOTHING,
        "count": len(animals),
        "background": BACKGROUNDS[world.background],
        "home": _one(home),
        "light": light_name(world.light),
        "light_strength": round(world.light, 4),
        "fur": _one({animal.fur for animal in animals}),
        "size": _size(longest),
        "length": round(longest, 4),
        "word": world.word or NOTHING,
        "word_agrees": NOTHING if world.word is None else ("yes" if world.word in present else "no"),
    }


def _number(count: int) -> str:
    """A small number as a word, a large one in digits."""
    return NUMBERS[count] if count < len(NUMBERS) else str(count)


def _one(values: set[str]) -> str:
    """The only value, or that there are several, or none."""
    if len(values) > 1:
        return "mixed"
    return next(iter(values), NOTHING)


def _size(length: float) -> str:
    """A word for the length of an animal."""
    if length <= 0:
        return NOTHING
    if length < SMALL:
        return "small"
    return "large" if length >= LARGE else "medium"

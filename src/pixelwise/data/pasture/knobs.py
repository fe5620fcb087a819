"""What may be set in the world of Pasture: plain numbers, checked once."""

import math
from dataclasses import dataclass, replace
from typing import Any

from pixelwise.errors import InputError
from pixelwise.shapes import Size

CLASSES = ("background", "cow", "camel", "sheep", "horse")
"""Names of the label values 0..4."""

SPECIES = CLASSES[1:]
BACKGROUNDS = ("pasture", "desert", "beach", "water", "road")

HOME = (0, 1, 2, 4)
"""For each species its home in `BACKGROUNDS`: one place each, so that the place can give the species away."""

SMALLEST, LARGEST = 32, 8192
"""Sides of a scene: below 32 px nobody can name an animal; 8192 px is what an image for tiled prediction needs."""

Number = int | float
"""A setting; Python takes an int for a float, checkers of types at run time do not."""

MOST_OBJECTS = 60_000
"""Instance numbers are 16 bit."""


@dataclass(frozen=True)
class Knobs:
    """The settings of a Pasture world; every default gives varied, unbiased scenes.

    Attributes:
        size: height and width of the images in pixels, each 32..8192.
        reference: pixels of one length of the world, at which textures and the animals' `scale` are measured; None
            takes the shorter side of the image, so that a larger image shows the same scene in more detail. See
            `enlarged` for the other wish.
        objects: fewest and most animals in a scene, drawn evenly. An animal that others hide entirely is not in the
            truth.
        scale: shortest and longest animal, as a share of `reference`, drawn evenly (0.05..1).
        classes: how often each of cow, camel, sheep, horse appears; any positive scale, divided by the sum.
        backgrounds: how often each of pasture, desert, beach, water, road appears where the species does not decide.
        correlation: c in 0..1. Every animal and its background follow
            P(species, background) = P(species) * (c * [background is the home of the species] + (1 - c) *
            P(background)): 1 puts every animal at home (cow pasture, camel desert, sheep beach, horse road), 0 makes
            both independent. Animals of one scene share its background and are otherwise independent of each other.
        dark_fur: for each species the probability that an animal is dark instead of light.
        light: darkest and brightest light, drawn evenly (0.1..1.5). Attribute `light`: dark below 0.6, bright from
            0.95, else normal.
        motion: shortest and longest way of an animal in the image from frame 1 to frame 2, in pixels (0..1000), in
            any direction.
        camera: the same for the background.
        turn: largest turn of an animal from frame 1 to frame 2, in degrees (0..45).
        words: probability that a sign with the name of a species stands in the picture.
        word_agreement: probability that the word on the sign is the leading animal's species; otherwise one of the
            other names. Without animals the sign names any species.
        noise: standard deviation of the sensor noise, in grey levels of 255 (0..100), drawn anew for each frame.

    >>> Knobs(size=(64, 96)).reference_pixels
    64
    """

    size: Size = (128, 128)
    reference: int | None = None
    objects: tuple[int, int] = (1, 3)
    scale: tuple[Number, Number] = (0.3, 0.6)
    classes: tuple[Number, Number, Number, Number] = (1.0, 1.0, 1.0, 1.0)
    backgrounds: tuple[Number, Number, Number, Number, Number] = (1.0, 1.0, 1.0, 1.0, 1.0)
    correlation: Number = 0.0
    dark_fur: tuple[Number, Number, Number, Number] = (0.5, 0.5, 0.5, 0.5)
    light: tuple[Number, Number] = (0.5, 1.15)
    motion: tuple[Number, Number] = (0.0, 6.0)
    camera: tuple[Number, Number] = (0.0, 3.0)
    turn: Number = 4.0
    words: Number = 0.0
    word_agreement: Number = 1.0
    noise: Number = 2.0

    def __post_init__(self) -> None:
        _check_range("size", self.size, SMALLEST, LARGEST, whole=True, ordered=False)
        if self.reference is not None:
            _check_range("reference", (self.reference,), SMALLEST, LARGEST, whole=True)
        _check_range("objects", self.objects, 0, MOST_OBJECTS, whole=True)
        _check_range("scale", self.scale, 0.05, 1.0)
        _check_frequencies("classes", self.classes, len(SPECIES))
        _check_frequencies("backgrounds", self.backgrounds, len(BACKGROUNDS))
        _check_count("dark_fur", self.dark_fur, len(SPECIES))
        for name in ("correlation", "words", "word_agreement"):
            _check_range(name, (getattr(self, name),), 0, 1)
        _check_range("dark_fur", self.dark_fur, 0, 1, ordered=False)
        _check_range("light", self.light, 0.1, 1.5)
        _check_range("motion", self.motion, 0, 1000)
        _check_range("camera", self.camera, 0, 1000)
        _check_range("turn", (self.turn,), 0, 45)
        _check_range("noise", (self.noise,), 0, 100)

    @property
    def reference_pixels(self) -> int:
        """Pixels of one length of the world."""
        return min(self.size) if self.reference is None else self.reference

    def enlarged(self, size: Size) -> "Knobs":
        """The same world in a larger window: things keep their size in pixels, their number grows with the area.

        A network trained on scenes of these knobs meets the same objects in the enlarged ones.

        >>> Knobs(size=(128, 128), objects=(1, 3)).enlarged((512, 256)).objects
        (8, 24)
        """
        growth = size[0] * size[1] / (self.size[0] * self.size[1])
        low, high = (round(count * growth) for count in self.objects)
        return replace(self, size=size, reference=self.reference_pixels, objects=(low, high))


def _check_count(name: str, values: Any, count: int) -> None:
    """Refuses what is not a tuple of `count` entries."""
    if not isinstance(values, tuple) or len(values) != count:
        raise InputError(
            f"{count} numbers for the knob {name}",
            f"{values!r}",
            hint=f"{name}=({', '.join(['1'] * count)}) has {count}",
        )


def _check_range(
    name: str, values: Any, low: Number, high: Number, *, whole: bool = False, ordered: bool = True
) -> None:
    """Refuses values outside low..high, parts of a number where it must be whole, and a range that runs backwards."""
    single = isinstance(values, tuple) and len(values) == 1
    if not single and name != "dark_fur":
        _check_count(name, values, 2)
    kind = "a whole number" if whole else "a number"
    shown = repr(values[0]) if single else repr(values)
    wanted = (
        f"{kind} from {low} to {high} for the knob {name}"
        if single
        else f"{kind[2:]}s from {low} to {high} for the knob {name}"
    )
    if not all(_is_number(value, whole) and low <= value <= high for value in values):
        raise InputError(wanted, shown, hint=f"choose {name} from {low} to {high}")
    if ordered and not single and values[0] > values[1]:
        raise InputError(f"the knob {name} as (least, most)", shown, hint=f"{name}=({values[1]}, {values[0]})")


def _check_frequencies(name: str, values: Any, count: int) -> None:
    """Refuses frequencies that are negative, not finite, or all zero."""
    _check_count(name, values, count)
    if not all(_is_number(value, whole=False) and 0 <= value < math.inf for value in values) or sum(values) <= 0:
        raise InputError(
            f"frequencies of at least 0 with a positive sum for the knob {name}",
            repr(values),
            hint=f"{name}=(1, ...) is even",
        )


def _is_number(value: Any, whole: bool) -> bool:
    """Whether this is a finite number, whole where asked; True and False are none."""
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        return False
    return math.isfinite(value)

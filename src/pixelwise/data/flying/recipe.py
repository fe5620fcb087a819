"""What may be set for flying shapes: plain numbers, checked once."""

from dataclasses import dataclass

from pixelwise.errors import InputError
from pixelwise.shapes import Size

SMALLEST, LARGEST = 32, 4096
"""Sides: below 32 pixels nothing is recognised; above 4096 the painter's buffers take gigabytes."""

MOST_OBJECTS = 250
"""Which object a pixel shows is kept in a byte."""

FARTHEST = 4.0
"""More than four times the recipe's ways, most objects leave the picture."""


@dataclass(frozen=True)
class Recipe:
    """The settings of flying shapes.

    Attributes:
        size: height and width in pixels, each 32..4096.
        objects: fewest and most objects, drawn evenly, 0..250; about a fifth of them lie outside or behind others.
        motion: factor on how far everything moves, 0..4. At 1 a picture with a shorter side of 384 pixels moves like
            the FlyingChairs, and a smaller one proportionally less.
    """

    size: Size = (384, 512)
    objects: tuple[int, int] = (5, 16)
    motion: float | int = 1.0

    def __post_init__(self) -> None:
        """Checks the ranges.

        Raises:
            InputError: a setting lies outside its range.
        """
        low, high = self.objects
        rules = (
            ("size", self.size, min(self.size) >= SMALLEST and max(self.size) <= LARGEST, f"{SMALLEST}..{LARGEST}"),
            ("objects", self.objects, 0 <= low <= high <= MOST_OBJECTS, f"fewest and most in 0..{MOST_OBJECTS}"),
            ("motion", self.motion, 0 <= self.motion <= FARTHEST, f"a factor in 0..{FARTHEST:g}"),
        )
        for name, value, good, wanted in rules:
            if not good:
                raise InputError(f"{name} as {wanted}", str(value), hint=f"pass Recipe({name}=...) within that range")

    @property
    def unit(self) -> int:
        """The shorter side, to which sizes and ways are proportional."""
        return min(self.size)

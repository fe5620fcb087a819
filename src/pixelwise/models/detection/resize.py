"""The size at which a detector sees an image: a rule that can be read, saved, and switched off."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.ops import resize
from pixelwise.shapes import Size

PUBLISHED_SIDES = (800, 1333)
"""Shortest side and limit of the longest: those of the published weights (Lin et al. 2017, FPN, section 5.1)."""


@dataclass(frozen=True)
class Resize:
    """Every image is enlarged or shrunk until its shorter side is `shortest`, or its longer one `longest`, if earlier.

    With `shortest=None` images stay as they are. Bilinear without antialiasing, as published: what lies between the
    sampled pixels is lost where an image shrinks below a half.
    """

    shortest: int | None = PUBLISHED_SIDES[0]
    longest: int = PUBLISHED_SIDES[1]

    @classmethod
    def of(cls, sides: Sequence[int] | None) -> "Resize":
        """The rule for (shortest, longest), or for None, which leaves images alone.

        Raises:
            InputError: not two positive numbers.
        """
        if sides is None:
            return cls(None)
        if len(sides) != 2 or min(sides) < 1:
            raise InputError(
                "a resize rule of two positive numbers of pixels, or None",
                repr(sides),
                "pass resize=(800, 1333) for shortest side and limit of the longest, or resize=None to leave images",
            )
        return cls(*sides)

    def size_for(self, size: Size) -> Size:
        """Height and width after the rule: rounded down, as published, and at least one pixel.

        Differs from torchvision: an image so long that its shorter side would vanish keeps one pixel there.

        >>> Resize(800, 1333).size_for((480, 640))
        (800, 1066)
        """
        if self.shortest is None:
            return size
        scale = min(self.shortest / min(size), self.longest / max(size))
        height, width = (max(1, math.floor(side * scale)) for side in size)
        return height, width

    def apply(self, image: Float[Tensor, "C H W"]) -> Float[Tensor, "C h w"]:
        """The image at its new size; itself where nothing changes."""
        size = (image.shape[-2], image.shape[-1])
        wanted = self.size_for(size)
        return image if wanted == size else resize(image, wanted, "bilinear")

    def __str__(self) -> str:
        return "none" if self.shortest is None else f"shortest({self.shortest}, {self.longest})"

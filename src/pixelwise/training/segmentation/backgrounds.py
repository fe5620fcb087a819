"""The backgrounds of the training images, made when they are drawn, and crops' objects put on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import torch

from pixelwise.data.classes import ClassTable
from pixelwise.data.transforms import Sample, backgrounds_of, random_background
from pixelwise.errors import InputError
from pixelwise.shapes import Image
from pixelwise.training.segmentation.crops import WholeImages

BACKGROUND = "background"
"""The name by which the class that is no object is known; without it, it is class 0."""


@dataclass(frozen=True)
class Backgrounds(Sequence[Image]):
    """The images with their objects taken out, for `random_background`.

    Each is made when it is asked for and then forgotten, because all of them are as large as the data set. The
    decoded images behind them are kept as `WholeImages` keeps them.
    """

    images: WholeImages
    background: int

    def __len__(self) -> int:
        return len(self.images)

    @overload
    def __getitem__(self, index: int) -> Image: ...

    @overload
    def __getitem__(self, index: slice) -> list[Image]: ...

    def __getitem__(self, index: int | slice) -> Image | list[Image]:
        if isinstance(index, slice):
            return [self[each] for each in range(len(self))[index]]
        whole = self.images[index]
        return backgrounds_of([Sample(image=whole.image, labels=whole.labels)], self.background)[0]


@dataclass(frozen=True)
class OtherBackgrounds:
    """Puts the objects of some images on the background of another training image, or of the same one by chance.

    Whole images are put together, before they are augmented. So object and background are seen at the scale at which
    they were taken, and one draw moves and tints both; a background shrunk to the crop, or tinted by itself, would give
    the seam away. The price is time that grows with the image instead of the crop.
    """

    backgrounds: Backgrounds
    share: float | int

    def __call__(self, sample: Sample, generator: torch.Generator) -> Sample:
        """The sample with another background, or as it was: `share` is how often it changes."""
        return random_background(sample, self.backgrounds, generator, self.share, self.backgrounds.background)


def background_class(classes: ClassTable) -> int:
    """The index of the class that is no object: the one called background, else class 0.

    Raises:
        InputError: there are fewer than two classes, so that there is no object to move.
    """
    if len(classes.names) < 2:
        raise InputError(
            "a background and at least one class of objects, for random backgrounds",
            f"the classes {classes.describe()}",
            "leave --random-backgrounds away, or name the background in classes.txt",
        )
    names = [name.casefold() for name in classes.names]
    return names.index(BACKGROUND) if BACKGROUND in names else 0

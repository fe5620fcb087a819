"""Images of any size made ready for a detector: normalised, resized, padded with zeros, and grouped.

In this order as published: the zeros mean an average pixel. Zeros change what a network sees near them, so an image
that is padded further because its neighbour in the batch is larger gets another result, as in torchvision. Here
padding belongs to the image: with `pad_to="image"` each is padded to its own multiple of 32, and only images of equal
padded size run together. `pad_to="batch"` is the published way, one batch for all.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Num
from torch import Tensor, nn

from pixelwise.errors import InputError
from pixelwise.models.detection.outputs import Frame
from pixelwise.models.detection.resize import Resize
from pixelwise.shapes import Images, Size

PadTo = Literal["image", "batch"]
"""What decides how far an image is padded: its own size, or that of the largest image in the batch."""

MULTIPLE = 32
"""Sides are padded to multiples of it: the coarsest stride of a ResNet."""

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Of ImageNet's pixels in 0..1, which published weights expect."""


class Batch(NamedTuple):
    """Images to be run together."""

    images: Images
    numbers: tuple[int, ...]
    """Which of the given images these are."""


class Preparation(nn.Module):
    """Batches for the network, and for each image its sizes on the way.

    It has no weights. Normalising and resizing are done in the images' dtype.
    """

    def __init__(
        self,
        resize: Resize,
        pad_to: PadTo = "image",
        mean: Sequence[float] = MEAN,
        std: Sequence[float] = STD,
    ) -> None:
        """Sets the rules.

        Args:
            resize: the size at which the network sees an image.
            pad_to: see the module.
            mean: of the pixels, channel by channel.
            std: their deviation.

        Raises:
            InputError: an unknown `pad_to`.
        """
        super().__init__()
        if pad_to not in get_args(PadTo):
            raise InputError(f"pad_to as one of {', '.join(get_args(PadTo))}", repr(pad_to), 'pass pad_to="image"')
        self.resize = resize
        self.pad_to = pad_to
        self.mean = tuple(mean)
        self.std = tuple(std)

    def forward(
        self, images: Sequence[Num[Tensor, "_ _ _"]], resize: Resize | None = None
    ) -> tuple[list[Batch], tuple[Frame, ...]]:
        """The batches, and the sizes of each image.

        Args:
            images: RGB, float 0..1, each of any size.
            resize: another rule for this call, as training on several scales wants it.

        Raises:
            InputError: no images, or one that has no pixels, not three channels, or whole numbers.
        """
        _check(images)
        rule = resize or self.resize
        ready = [rule.apply(self._normalised(image)) for image in images]
        sizes = [_size(image) for image in ready]
        padded = [_padded(size) for size in sizes]
        if self.pad_to == "batch":
            largest = max(height for height, _ in padded), max(width for _, width in padded)
            padded = [largest] * len(padded)
        frames = tuple(
            Frame(_size(image), size, outer) for image, size, outer in zip(images, sizes, padded, strict=True)
        )
        batches = []
        for outer in dict.fromkeys(padded):
            numbers = tuple(number for number, size in enumerate(padded) if size == outer)
            batches.append(Batch(_stacked([ready[number] for number in numbers], outer), numbers))
        return batches, frames

    def extra_repr(self) -> str:
        """Shown by print."""
        return f"resize={self.resize}, pad_to={self.pad_to}, mean={self.mean}, std={self.std}"

    def _normalised(self, image: Tensor) -> Tensor:
        mean, std = (image.new_tensor(values).view(-1, 1, 1) for values in (self.mean, self.std))
        return (image - mean) / std


def _stacked(images: list[Tensor], size: Size) -> Tensor:
    height, width = size
    return torch.stack([F.pad(one, (0, width - one.shape[-1], 0, height - one.shape[-2])) for one in images])


def _size(image: Tensor) -> Size:
    return image.shape[-2], image.shape[-1]


def _padded(size: Size) -> Size:
    height, width = (-(-side // MULTIPLE) * MULTIPLE for side in size)
    return height, width


def _check(images: Sequence[Tensor]) -> None:
    if len(images) == 0:
        raise InputError("at least one image", "an empty list", "leave the call out where there is nothing to find")
    for number, image in enumerate(images):
        if image.ndim != 3 or image.shape[0] != 3 or 0 in image.shape or not image.is_floating_point():
            raise InputError(
                "RGB images with pixels, each float 0..1 of shape (3, H, W)",
                f"{image.dtype} of shape {tuple(image.shape)} as image {number}",
                "divide whole numbers by 255; put channels first with permute(2, 0, 1); drop an alpha channel",
            )

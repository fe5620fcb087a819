"""What a dense model asks of its encoder, whatever network that is."""

from typing import Protocol, runtime_checkable

from torch import Tensor

from pixelwise.shapes import Images


@runtime_checkable
class Backbone(Protocol):
    """Features of an image on several levels, the finest first.

    `channels[i]` and `strides[i]` belong to `levels(images)[i]`, a tensor (B, channels[i], h, w) whose cells lie
    `strides[i]` pixels apart.
    """

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each level."""

    @property
    def strides(self) -> tuple[int, ...]:
        """Pixels between neighbouring cells of each level, along height and width alike."""

    def levels(self, images: Images) -> list[Tensor]:
        """The features of each level, the finest first."""

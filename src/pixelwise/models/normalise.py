"""A network together with the scaling of its input, so that images stay 0..1 everywhere else."""

from collections.abc import Sequence
from typing import TypeVar, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.shapes import Images

Network = TypeVar("Network", bound=nn.Module)

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of red, green and blue over ImageNet's training images, which all weights published by torchvision expect."""


class Normalised(nn.Module):
    """A network on images shifted and scaled channel by channel: `model((images - mean) / std)`.

    The scaling acts before the network pads, so that zeros in the padding mean "an average pixel". It is not part of
    the weights.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)

    def forward(self, images: Images) -> Float[Tensor, "B K h w"]:
        """The network's scores."""
        return cast(Tensor, self.model((images - self.mean) / self.std))


class NormalisedPair(nn.Module):
    """A network on two images, both shifted and scaled channel by channel; not part of the weights, as above."""

    mean: Tensor
    std: Tensor

    def __init__(self, model: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)

    def forward(self, first: Images, second: Images) -> tuple[Tensor, ...]:
        """The network's flows."""
        return cast(tuple[Tensor, ...], self.model((first - self.mean) / self.std, (second - self.mean) / self.std))


def channels_last(model: Network) -> Network:
    """The same network, its weights laid out with channels last, in which CPU convolutions are faster.

    Measured in benchmarks/unet.py.
    """
    # torch documents this form of `to` but does not declare it for type checkers.
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model

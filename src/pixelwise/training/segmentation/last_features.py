"""The features from which a segmenter's last convolution makes its scores."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from pixelwise.dense.probes.sizes import AcceptedSizes
from pixelwise.errors import InputError

PROBE = 64
"""Pixels of the images that find the last convolution; networks that refuse them get the next larger they take."""


def last_convolution(network: nn.Module) -> str:
    """The name of the convolution from whose output alone the scores follow, such as the 1x1 one of a U-Net.

    It is the last one that is called. That no path goes around it is seen by cutting it off from the image: nothing
    of the scores may then depend on the image any more.

    Raises:
        InputError: there is none, as in FCN-8s, which adds scores of several layers.
    """
    sides = AcceptedSizes(network).smallest((PROBE, PROBE))
    image = torch.rand(1, 3, *sides, generator=torch.Generator().manual_seed(0)).requires_grad_()
    layers = {name: part for name, part in network.named_modules() if isinstance(part, nn.Conv2d)}
    called: list[str] = []
    hooks = [part.register_forward_hook(lambda *_, name=name: called.append(name)) for name, part in layers.items()]
    modes = {part: part.training for part in network.modules()}
    network.eval()
    try:
        with torch.no_grad():
            network(image)
        if called:
            name = called[-1]
            hooks.append(layers[name].register_forward_hook(lambda _, __, scores: scores.detach()))
            rest = network(image).sum()
            if not rest.requires_grad or torch.autograd.grad(rest, image, allow_unused=True)[0] is None:
                return name
    finally:
        for hook in hooks:
            hook.remove()
        for part, mode in modes.items():
            part.training = mode
    raise InputError(
        "a network whose scores all come from one last convolution, for coral",
        f"{type(network).__name__}, which has none",
        "choose another model, such as unet, or another --robust",
    )


@contextmanager
def features_before(network: nn.Module, layer: str) -> Iterator[list[Tensor]]:
    """A list to which every call of a layer adds its input, (B, D, h, w), gradients included."""
    seen: list[Tensor] = []

    def look(_: nn.Module, given: tuple[Tensor, ...]) -> None:
        seen.append(given[0])

    hook = network.get_submodule(layer).register_forward_pre_hook(look)
    try:
        yield seen
    finally:
        hook.remove()

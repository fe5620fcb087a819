"""The stages of a network's encoder, from the image on: what is kept fixed, or learns at a rate of its own."""

from collections.abc import Iterable

from torch import nn

from pixelwise.backbones import ResNet
from pixelwise.errors import InputError
from pixelwise.models.segmentation.unet import UNet

Stage = tuple[nn.Module, ...]
"""Layers between two changes of resolution."""


def encoder_stages(model: nn.Module) -> tuple[Stage, ...]:
    """The encoder's stages, the finest first: those of a ResNet or VGG inside, or the contracting path of a U-Net.

    A ResNet has five: its first convolution, then layer1 to layer4. A VGG's five end in its poolings. None for a
    network without an encoder that this function knows.
    """
    if isinstance(model, UNet):
        return tuple((stage,) for stage in model.down)
    for part in model.modules():
        if isinstance(part, ResNet):
            return (part.conv1, part.bn1), (part.layer1,), (part.layer2,), (part.layer3,), (part.layer4,)
    features = getattr(model, "features", None)
    return tuple(_between_poolings(features)) if isinstance(features, nn.Sequential) else ()


def _between_poolings(layers: Iterable[nn.Module]) -> Iterable[Stage]:
    stage: list[nn.Module] = []
    for layer in layers:
        stage.append(layer)
        if isinstance(layer, nn.MaxPool2d):
            yield tuple(stage)
            stage = []
    if any(True for layer in stage for _ in layer.parameters()):
        yield tuple(stage)


def first_stages(model: nn.Module, count: int) -> tuple[nn.Module, ...]:
    """The layers of the first `count` stages of the encoder.

    Raises:
        InputError: the network has fewer stages, or none that are known.
    """
    stages = encoder_stages(model)
    if count > len(stages):
        raise InputError(
            f"at most {len(stages)} stages of {type(model).__name__} to keep fixed",
            str(count),
            f"pass {len(stages)} or fewer" if stages else "pass 0: this network has no encoder with known stages",
        )
    return tuple(layer for stage in stages[:count] for layer in stage)


def keep_fixed(layers: Iterable[nn.Module]) -> None:
    """Takes layers out of training: no gradients; batch normalisation uses its stored statistics, dropout does nothing.

    To be called again after `model.train()`, which switches the latter two on.
    """
    for layer in layers:
        layer.eval()
        layer.requires_grad_(False)

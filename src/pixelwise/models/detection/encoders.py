"""ResNets as encoders of detectors: with which batch normalisation they come."""

from pathlib import Path
from typing import Literal, get_args

from torch import nn

from pixelwise.backbones import FrozenBatchNorm2d, ResNet, frozen
from pixelwise.errors import InputError

Norms = Literal["batch", "frozen", "published"]
"""Batch normalisation that learns; statistics frozen; frozen, with nothing added to the variance.

The last is what the published first-version weights expect: they were converted from a framework that adds nothing.
"""


def with_norms(body: ResNet, norms: Norms) -> ResNet:
    """The encoder with its batch normalisation as asked for; a copy where it is frozen.

    Raises:
        InputError: unknown norms.
    """
    if norms not in get_args(Norms):
        raise InputError(f"norms as one of {', '.join(get_args(Norms))}", repr(norms), 'pass norms="frozen"')
    if norms == "batch":
        return body
    body = frozen(body)
    if norms == "published":
        for part in body.modules():
            if isinstance(part, FrozenBatchNorm2d):
                part.eps = 0.0
    return body


def norms_for(norms: Norms | None, weights: str | Path | None, encoder_weights: str | Path | None) -> Norms:
    """The norms asked for or, where none are, those that fit the weights.

    Weights of a whole network are taken for the published ones; an encoder's are frozen, because the two images of a
    training step are too few for statistics; from scratch there is nothing to freeze.
    """
    if norms is not None:
        return norms
    if weights is not None:
        return "published"
    return "batch" if encoder_weights is None else "frozen"


def freeze_encoder(body: ResNet, trainable: int) -> tuple[str, ...]:
    """Stops training of all but the last stages of an encoder; the names of the parameters that are now fixed.

    Published networks are trained with `trainable=3`, which leaves the stem and the first stage as they were.

    Args:
        body: the encoder, such as `model.backbone.body`.
        trainable: 0 fixes everything, 1 leaves the last stage, 4 all four, 5 everything.

    Raises:
        InputError: a number outside 0..5.
    """
    # From the last to the first; the stem's normalisation belongs to the fifth.
    stages = ("layer4", "layer3", "layer2", "layer1", ("conv1", "bn1"))
    if not 0 <= trainable <= len(stages):
        raise InputError(
            "trainable from 0 to 5 parts of the encoder", str(trainable), "pass trainable=3, as published networks do"
        )
    fixed = []
    for stage in stages[trainable:]:
        for name in (stage,) if isinstance(stage, str) else stage:
            part: nn.Module = getattr(body, name)
            for own, parameter in part.named_parameters():
                parameter.requires_grad_(False)
                fixed.append(f"{name}.{own}")
    return tuple(fixed)

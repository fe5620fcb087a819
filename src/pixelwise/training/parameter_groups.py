"""Which weights learn, and how fast: the encoder's may learn more slowly than the rest."""

from typing import Any

from torch import nn

from pixelwise.errors import InputError
from pixelwise.models.stages import encoder_stages


def parameter_groups(model: nn.Module, rate: float | int, encoder_rate: float | int) -> list[dict[str, Any]]:
    """The weights that learn, in the groups that torch's optimisers take.

    Args:
        model: the network; weights without gradients are left out.
        rate: highest learning rate.
        encoder_rate: that of the encoder's stages as a multiple of it; 1 makes one group of all.

    Raises:
        InputError: a rate for an encoder that the network does not have, or no weight that learns.
    """
    learning = [weight for weight in model.parameters() if weight.requires_grad]
    if not learning:
        raise InputError("a network with weights that learn", "none: all are kept fixed", "lower --freeze")
    if encoder_rate == 1:
        return [{"params": learning}]
    stages = encoder_stages(model)
    if not stages:
        raise InputError(
            "a network with an encoder, for a learning rate of its own",
            type(model).__name__,
            "leave --encoder-rate away",
        )
    encoder = {weight for stage in stages for layer in stage for weight in layer.parameters()}
    return [
        {"params": [weight for weight in learning if weight not in encoder]},
        {"params": [weight for weight in learning if weight in encoder], "lr": rate * encoder_rate},
    ]

"""Where a network computes, with which numbers, and in which mode."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


def placement(model: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Device and type of the first floating-point weight or buffer; the CPU and float32 for a network without any."""
    for tensor in itertools.chain(model.parameters(), model.buffers()):
        if tensor.is_floating_point():
            return tensor.device, tensor.dtype
    return torch.device("cpu"), torch.float32


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Puts a network into evaluation mode, and afterwards each of its parts back into the mode it was in.

    `model.train(was_training)` would also wake parts that were frozen on purpose.
    """
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training

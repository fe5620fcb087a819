"""Networks whose large 3x3 convolutions take a quarter of the multiplications; for use, not for training."""

import copy
from typing import TypeVar

from torch import nn

from pixelwise.dense.folding import has_hooks, replace_module
from pixelwise.ops.winograd import WinogradConv2d

Network = TypeVar("Network", bound=nn.Module)

WORTH_IT = 128
"""Channels, in and out. On one core of an AMD EPYC 64 of them took 1.6 times as long as directly, 96 the same, 128
0.85 to 0.96 and 256 0.68 to 0.81 of the time, on maps of 33 to 130 cells a side."""


def use_winograd(network: Network) -> Network:
    """A copy in evaluation mode whose 3x3 convolutions of stride 1 and many channels are computed by Winograd's method.

    In float32 the scores differ by rounding, about as much as those of another memory format do; in other dtypes and
    under autocast nothing changes. Best after `fold_batch_norm`, in channels-last format. The copy holds these layers'
    weights five times over, and later changes of its weights do not reach the kernels. A pixel that is not finite
    spoils scores up to three cells further away than it otherwise would.

    Args:
        network: any network; left unchanged. Layers with hooks stay as they are.
    """
    quick = copy.deepcopy(network).eval()
    for layer in list(quick.modules()):
        if WinogradConv2d.suits(layer) and not has_hooks(layer) and _channels(layer) >= WORTH_IT:
            replace_module(quick, layer, WinogradConv2d(layer))
    return quick


def _channels(layer: nn.Conv2d) -> int:
    return min(layer.in_channels, layer.out_channels)

"""Batch normalisation folded into the convolutions before it, so that a trained network runs fewer steps.

In evaluation a batch norm is scale * x + shift per channel, and so is a part of the convolution that feeds it: Jacob et
al. 2018 ("Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference"), section 3.2,
equation 14.
"""

import copy
from itertools import pairwise
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.dense.graph.steps import Computed, ImageWide, Named, Node, Pointwise
from pixelwise.dense.graph.trace import lookup, trace
from pixelwise.dense.graph.translation import leaves
from pixelwise.dense.probes.sizes import AcceptedSizes
from pixelwise.errors import InputError
from pixelwise.ops.pointwise_conv import PointwiseConv2d
from pixelwise.shapes import Size

SEARCHED_FROM = 64
"""Side of the image from which an accepted size is looked for: twice the coarsest stride in common use."""

PROBED = 1000.0
"""A module counts as a batch norm if it is one up to so many deviations; activations change or stop well before."""


class FoldedNetwork(nn.Module):
    """A network for evaluation alone, with the scores of the one it was made from.

    `network` is the folded copy, in which nn.Identity stands for each batch norm of `folded`; `left` has the names of
    the others with the reason. `train()` is refused: without its batch norms the copy would learn another way.
    """

    def __init__(self, network: nn.Module, folded: tuple[str, ...], left: tuple[tuple[str, str], ...]) -> None:
        """Puts the parts together; `fold_batch_norm` makes them.

        Args:
            network: the folded copy.
            folded: names of the batch norms that are gone.
            left: names of the batch norms that stayed, and why.
        """
        super().__init__()
        self.network = network
        self.folded = folded
        self.left = left
        self.eval()

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K ..."]:
        """The network's scores."""
        return cast(Tensor, self.network(images))

    def train(self, mode: bool = True) -> "FoldedNetwork":
        """Itself for `train(False)`, which is `eval()`.

        Raises:
            InputError: for `train(True)`.
        """
        if mode:
            raise InputError(
                "a network with its batch norms for training",
                f"one in which {len(self.folded)} of them are folded into convolutions",
                "train the network it was made from, and fold again afterwards",
            )
        super().train(False)
        return self


def fold_batch_norm(model: nn.Module, image_shape: int | Size | None = None, channels: int = 3) -> FoldedNetwork:
    """A copy of a network for evaluation, in which convolutions do the work of the batch norms behind them.

    Its 1x1 convolutions take the fast routine on one thread, too (`pixelwise.ops.pointwise_conv`).
    `forward` gives the same scores up to rounding; the new weights are computed in float64. A batch norm is folded if
    in the traced graph it reads a Conv2d, ConvTranspose2d or Linear layer that nothing else reads and whose weights
    nothing else uses; frozen batch norms (four buffers and an eps, the same arithmetic) fold, too. Others stay:
    before a convolution, behind one that is called or read twice, or with the statistics of the batch. Only what
    `forward` runs is looked at; other methods of the network may read between a convolution and its batch norm, and
    would then find the batch norm applied.

    Args:
        model: from (B, channels, H, W) to one tensor of scores; left unchanged. Later changes of its weights do not
            reach the copy.
        image_shape: height and width to follow it with; None looks for an accepted size from 64 pixels up.
        channels: channels of the image.

    Raises:
        InputError: the network cannot be followed; the message names the line.
    """
    network = copy.deepcopy(model).eval()
    if image_shape is None:
        size = AcceptedSizes(network, channels).smallest((SEARCHED_FROM, SEARCHED_FROM))
    else:
        size = (image_shape, image_shape) if isinstance(image_shape, int) else image_shape
    traced = _Traced(network, size, channels)
    folded, left = [], []
    for name, norm in list(network.named_modules()):
        if not hasattr(norm, "running_mean") or not hasattr(norm, "running_var"):
            continue
        feeder = traced.feeder(norm)
        if isinstance(feeder, str):
            left.append((name, feeder))
        else:
            _fold(feeder, norm)
            replace_module(network, norm, nn.Identity())
            folded.append(name)
    use_pointwise(network)
    return FoldedNetwork(network, tuple(folded), tuple(left))


def use_pointwise(network: nn.Module) -> None:
    """Puts `PointwiseConv2d` in the place of every 1x1 convolution without hooks."""
    for layer in list(network.modules()):
        if PointwiseConv2d.suits(layer) and not has_hooks(layer):
            replace_module(network, layer, PointwiseConv2d(layer))


class _Traced:
    """A network's graph, asked which layer alone feeds a batch norm alone."""

    def __init__(self, network: nn.Module, size: Size, channels: int) -> None:
        self._modules = dict(network.named_modules(remove_duplicate=False))
        self._graph = trace(network, size, channels)
        self._users = self._graph.users
        tensors = lookup(network)
        # By identity, because one tensor can have several names.
        self._used = [{id(tensors[name]) for name in _names(node)} for node in self._graph.nodes]

    def feeder(self, norm: nn.Module) -> nn.Module | str:
        """The layer that a batch norm can be folded into, or the reason why there is none."""
        steps = self._using(norm)
        if not steps:
            return "is not used by forward, or has no stored statistics"
        nodes = self._graph.nodes
        if any(isinstance(nodes[step].step, ImageWide) for step in steps):
            return "normalises with the statistics of the batch, or in a form that is not followed"
        if not self._is_chain(steps) or any(self._module(step) is not norm for step in steps):
            return "is called more than once, or its statistics are used outside it"
        if has_hooks(norm) or not _is_batch_norm(norm):
            return "does more than normalise"
        (source,) = nodes[steps[0]].inputs
        return self._layer(source, norm)

    def _layer(self, source: int, norm: nn.Module) -> nn.Module | str:
        node = self._graph.nodes[source]
        layer = self._module(source)
        if layer is None or not _is_linear_layer(layer) or not self._used[source] & {id(layer.weight)}:
            return f"follows {node.name}, which is no convolution with weights of its own"
        if len(self._users[source]) != 1:
            return f"{node.name} is read by others, too"
        if len(self._using(layer)) != 1:
            return f"the weights of {node.name} are used more than once"
        if has_hooks(layer):
            return f"{node.name} does more than convolve"
        if _output_channels(layer) != len(cast(Tensor, norm.running_mean)):
            return f"normalises other channels than those of {node.name}"
        return layer

    def _using(self, part: nn.Module) -> list[int]:
        """Positions of the nodes that use a tensor of a module."""
        own = {id(tensor) for tensor in (*part.parameters(recurse=False), *part.buffers(recurse=False))}
        return [position for position, used in enumerate(self._used) if used & own]

    def _is_chain(self, steps: list[int]) -> bool:
        """Whether each of these nodes reads one node, and each but the last is read by the next one alone."""
        return all(len(self._graph.nodes[step].inputs) == 1 for step in steps) and all(
            self._users[step] == (after,) for step, after in pairwise(steps)
        )

    def _module(self, position: int) -> nn.Module | None:
        """The module in which a step runs."""
        path, _, kind = self._graph.nodes[position].name.rpartition(" ")
        return self._modules.get(path if kind.startswith("(") else "")


def _names(node: Node) -> set[str]:
    """Names of the weights and buffers that a step uses."""
    found: set[str] = set()
    waiting: list[Any] = [getattr(node.step, field) for field in ("weight", "bias") if hasattr(node.step, field)]
    if isinstance(node.step, Pointwise | ImageWide):
        waiting += [node.step.arguments, [value for _, value in node.step.keywords]]
    while waiting:
        for each in leaves(waiting.pop()):
            if isinstance(each, Named):
                found.add(each.name)
            elif isinstance(each, Computed):
                waiting += [each.arguments, [value for _, value in each.keywords]]
    return found


def has_hooks(part: nn.Module) -> bool:
    """Whether calling the module does more than its forward."""
    return bool(part._forward_hooks or part._forward_pre_hooks)


def _is_linear_layer(part: nn.Module) -> bool:
    """Whether the module's own forward is torch's: a subclass may do more."""
    return any(type(part).forward is kind.forward for kind in (nn.Conv2d, nn.ConvTranspose2d, nn.Linear))


def _output_channels(layer: nn.Module) -> int:
    return cast(int, layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels)


@torch.no_grad()
def _is_batch_norm(norm: nn.Module) -> bool:
    """Whether a module with stored statistics scales and shifts each channel by them, and does nothing else."""
    if not isinstance(getattr(norm, "eps", None), float):
        return False
    norm = copy.deepcopy(norm).double().eval()
    scale, shift = _scale_and_shift(norm)
    deviations = torch.linspace(-PROBED, PROBED, 36, dtype=torch.float64, device=scale.device).view(4, 1, 3, 3)
    mean, variance = _per_channel(norm.running_mean), _per_channel(norm.running_var)
    features = mean + variance.sqrt() * deviations
    expected = features * _per_channel(scale) + _per_channel(shift)
    if isinstance(norm, nn.BatchNorm1d):
        features, expected = features.flatten(2), expected.flatten(2)
    try:
        found = norm(features)
    except Exception:  # a module that only looks like one can fail in any way
        return False
    return isinstance(found, Tensor) and found.shape == expected.shape and torch.allclose(found, expected, rtol=1e-9)


def _per_channel(values: object) -> Tensor:
    return cast(Tensor, values).view(1, -1, 1, 1)


def _scale_and_shift(norm: nn.Module) -> tuple[Tensor, Tensor]:
    """What a batch norm multiplies by and adds, per channel, in float64."""
    mean, variance = cast(Tensor, norm.running_mean).double(), cast(Tensor, norm.running_var).double()
    weight, bias = cast(Tensor | None, norm.weight), cast(Tensor | None, norm.bias)
    scale = (variance + cast(float, norm.eps)).rsqrt()
    if weight is not None:
        scale = scale * weight.double()
    shift = -mean * scale
    return scale, shift if bias is None else shift + bias.double()


@torch.no_grad()
def _fold(layer: nn.Module, norm: nn.Module) -> None:
    """Changes a layer's weights so that it gives what the batch norm made of its output."""
    scale, shift = _scale_and_shift(norm)
    weight, bias = cast(nn.Parameter, layer.weight), cast(Tensor | None, layer.bias)
    if isinstance(layer, nn.ConvTranspose2d):
        # Its weight is (inputs, outputs / groups, ...), with the inputs of a group together.
        grouped = weight.double().view(layer.groups, -1, *weight.shape[1:])
        scaled = (grouped * scale.view(layer.groups, 1, -1, 1, 1)).view_as(weight)
    else:
        scaled = weight.double() * scale.view(-1, *[1] * (weight.ndim - 1))
    if bias is not None:
        shift = shift + bias.double() * scale
    layer.weight = nn.Parameter(scaled.to(weight), requires_grad=weight.requires_grad)
    layer.bias = nn.Parameter(shift.to(weight), requires_grad=weight.requires_grad)


def replace_module(network: nn.Module, old: nn.Module, new: nn.Module) -> None:
    """Puts a module in another's place under each of its names."""
    for part in network.modules():
        for name, child in list(part._modules.items()):
            if child is old:
                setattr(part, name, new)

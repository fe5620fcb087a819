"""The steps of a traced network run one by one, on images of any size the network accepts."""

from collections.abc import Mapping, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from pixelwise.dense.graph.rarefied import moved, pointwise, resolved, weight_of
from pixelwise.dense.graph.steps import (
    Graph,
    ImageWide,
    Node,
    Pointwise,
    Pooling,
    Shuffle,
    Slot,
    TransposedConvolution,
    Upsampling,
    own_stride,
)
from pixelwise.dense.graph.trace import lookup
from pixelwise.dense.graph.translation import replaced


class Replay(nn.Module):
    """A traced network as it was: the same scores, computed step by step.

    Proves that the steps are the network, and lets other executors run them in another order.
    """

    def __init__(self, model: nn.Module, graph: Graph) -> None:
        """Keeps the network for its weights, which stay live.

        Args:
            model: the network.
            graph: its steps.
        """
        super().__init__()
        self.model = model
        self._graph = graph

    def forward(self, images: Tensor) -> Tensor:
        """The network's scores, (B, K, h, w) or, where the network gives a vector per image, (B, K)."""
        (scores,) = run(self._graph, images, [len(self._graph.nodes) - 1], lookup(self.model))
        return scores.flatten(1) if self._graph.flat else scores


def run(graph: Graph, images: Tensor, wanted: Sequence[int], tensors: Mapping[str, Tensor]) -> list[Tensor]:
    """The features of some nodes of a graph; others run as far as these need them, and are let go when read.

    Args:
        graph: a traced network.
        images: (B, C, H, W).
        wanted: positions of nodes.
        tensors: weights by name.
    """
    last_use = dict.fromkeys(wanted, len(graph.nodes))
    for position in range(max(wanted), 0, -1):
        if position in last_use:
            for source in graph.nodes[position].inputs:
                last_use.setdefault(source, position)
    values = {0: images}
    for position in sorted(last_use):
        node = graph.nodes[position]
        if not node.inputs:
            continue
        parts = [values[source] for source in node.inputs]
        for source in set(node.inputs):
            if last_use[source] == position:
                del values[source]
        values[position] = applied(node, parts, tensors)
        del parts
    return [values[position] for position in wanted]


def applied(node: Node, parts: list[Tensor], tensors: Mapping[str, Tensor]) -> Tensor:
    """The features of one node.

    Args:
        node: the step; global pooling takes all cells, whatever their number.
        parts: the features of its inputs, (B, C, H, W) each.
        tensors: the network's weights by name.
    """
    match node.step:
        case Pointwise() as step:
            return pointwise(parts, step, tensors)
        case ImageWide() as step:
            filled = replaced(step.arguments, lambda each: _filled(each, parts, tensors))
            found: Tensor = step.operation(*filled, **{name: resolved(value, tensors) for name, value in step.keywords})
            return found
        case Pooling(whole=True) as step:
            adaptive = F.adaptive_avg_pool2d if step.kind == "average" else F.adaptive_max_pool2d
            return adaptive(parts[0], node.shape[1:])
        case Upsampling() | Shuffle() | TransposedConvolution():
            return _finer(node, parts[0], tensors)
    return moved(parts[0], node, tensors, own_stride(node))


def _finer(node: Node, x: Tensor, tensors: Mapping[str, Tensor]) -> Tensor:
    """The features of a node that makes a finer map, or folds one."""
    match node.step:
        case Upsampling() as step:
            size = [length * factor for length, factor in zip(x.shape[-2:], step.factor, strict=True)]
            aligned = None if step.mode == "nearest" else False
            return F.interpolate(x, size=size, mode=step.mode, align_corners=aligned)
        case Shuffle() as step:
            return F.pixel_unshuffle(x, step.factor) if step.inverse else F.pixel_shuffle(x, step.factor)
        case TransposedConvolution() as step:
            weight, bias = weight_of(step.weight, tensors), weight_of(step.bias, tensors)
            assert weight is not None, "a convolution has a weight"
            return F.conv_transpose2d(
                x, weight, bias, step.stride, step.padding, step.output_padding, step.groups, step.dilation
            )
    raise AssertionError(f"a step without a definition: {node.step}")


def _filled(value: object, parts: list[Tensor], tensors: Mapping[str, Tensor]) -> object:
    return parts[value.number] if isinstance(value, Slot) else resolved(value, tensors)

"""A traced patch classifier that runs over whole images, with no value computed twice."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.dense.graph.rarefied import moved, pointwise
from pixelwise.dense.graph.steps import Graph, Node, Pair, Pointwise
from pixelwise.dense.graph.trace import lookup
from pixelwise.dense.maps.fragments import merge, split
from pixelwise.dense.maps.rates import Rate, rates
from pixelwise.errors import InputError

Arrangement = Literal["rarefied", "fragments"]
"""How strides are undone: kernels spread out over one map, or plain kernels over many shifted maps."""


class DenseMap(nn.Module):
    """The classifier's scores for every patch of an image: (B, C, H, W) to (B, K, rows, columns).

    Weights are those of the classifier, live: training one trains the other. Batch normalisation uses the stored
    statistics and dropout does nothing, in training mode too.
    """

    def __init__(self, model: nn.Module, graph: Graph, stride: Pair, padded: bool, arrangement: Arrangement) -> None:
        """Plans the grids; computes nothing.

        Args:
            model: the classifier.
            graph: its steps on one patch.
            stride: pixels between neighbouring outputs.
            padded: the map may keep the network's padding at the image's border, and one output per stride there;
                otherwise outputs are those of whole patches.
            arrangement: "fragments" only without padding.
        """
        super().__init__()
        assert arrangement == "rarefied" or not padded, "the ends of fragments of unlike length would be padded wrongly"
        self.model = model
        self.patch = graph.size
        self.stride = stride
        self.arrangement = arrangement
        self.graph = graph
        self._rates = rates(graph, stride)
        self.padded = padded
        self._last_use = [max(readers, default=0) for readers in graph.users]

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K h w"]:
        """The scores; (H - patch) // stride + 1 rows without padding.

        Raises:
            InputError: an image of other channels, or smaller than the patch.
        """
        self._check(images)
        values: dict[int, Tensor] = {0: images}
        tensors = lookup(self.model)
        for position, node in enumerate(self.graph.nodes[1:], start=1):
            parts = [values[source] for source in node.inputs]
            for source in set(node.inputs):
                if self._last_use[source] == position:
                    del values[source]
            values[position] = self._advanced(position, node, parts, tensors)
        return self._finished(images, values[len(self.graph.nodes) - 1])

    def _check(self, images: Tensor) -> None:
        channels = self.graph.nodes[0].shape[0]
        height, width = images.shape[-2:]
        if images.shape[1] != channels:
            raise InputError(
                f"images of {channels} channels",
                f"{images.shape[1]}",
                "repeat a gray channel, or drop an alpha channel",
            )
        if not self.padded and (height < self.patch[0] or width < self.patch[1]):
            raise InputError(
                f"images of at least one patch, {self.patch[0]}x{self.patch[1]}",
                f"{height}x{width}",
                "pad the image, for example with pixelwise.ops.read_window",
            )

    def _advanced(self, position: int, node: Node, parts: list[Tensor], tensors: dict[str, Tensor]) -> Tensor:
        """The dense features of one node."""
        if isinstance(node.step, Pointwise):
            return pointwise(parts, node.step, tensors)
        before, after = self._rates[node.inputs[0]], self._rates[position]
        hop = after.grid[0] // before.grid[0], after.grid[1] // before.grid[1]
        if self.arrangement == "rarefied":
            # Channels last, in which dilated convolutions and above all poolings of stride 1 are faster on a CPU.
            features = parts[0].contiguous(memory_format=torch.channels_last)
            return moved(features, node, tensors, hop, before.dilation)
        x, rate = parts[0], before.dilation
        if hop != (1, 1) and rate != (1, 1):
            # Output strides that share only a factor with the network's: rare enough for the simple way.
            x = moved(merge(x, rate), node, tensors, hop, rate)
            return split(x, (1, 1), after.dilation)
        x = moved(x, node, tensors, hop, (1, 1))
        factor = after.dilation[0] // rate[0], after.dilation[1] // rate[1]
        return x if factor == (1, 1) else split(x, rate, factor)

    def _finished(self, images: Tensor, scores: Tensor) -> Tensor:
        last: Rate = self._rates[-1]
        if self.arrangement == "fragments":
            scores = merge(scores, last.dilation)
        scores = scores[..., :: self.stride[0] // last.grid[0], :: self.stride[1] // last.grid[1]]
        if self.padded:
            return scores
        rows, columns = (
            (size - patch) // step + 1
            for size, patch, step in zip(images.shape[-2:], self.patch, self.stride, strict=True)
        )
        return scores[..., :rows, :columns]

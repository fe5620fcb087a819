"""The frozen steps of a network for images of one size after another."""

from typing import Any

from torch import nn

from pixelwise.dense.graph.footprint import footprints
from pixelwise.dense.graph.steps import Border, Graph, Step
from pixelwise.dense.graph.trace import trace
from pixelwise.dense.probes.sizes import AcceptedSizes
from pixelwise.dense.statistics.freezing import FrozenGraph, freeze
from pixelwise.errors import InputError
from pixelwise.shapes import Size


class SizedGraphs:
    """Follows a network at one size, and at others only if it treats them differently.

    Networks that pad to a multiple inside, or their finer features to the size of a skip connection, pad each size by
    another amount, which repeats with the network's alignment.
    """

    def __init__(self, model: nn.Module, size: Size, channels: int) -> None:
        """Follows the network.

        Args:
            model: any module from (B, channels, H, W) to (B, K, h, w).
            size: height and width of the whole image.
            channels: its channels.

        Raises:
            InputError: torch.export cannot follow the network.
            NotExact: an operation needs more of the image than one value per channel.
        """
        self.size = size
        self.whole: FrozenGraph = freeze(trace(model, size, channels))
        self._model = model
        self._channels = channels
        self._graphs: dict[Size, Graph] = {size: self.whole.graph}
        last = (footprints(self.whole.graph, axis)[-1] for axis in (0, 1))
        self._alignment = [1 if each is None else each.alignment for each in last]
        self._accepted = AcceptedSizes(model, channels)
        self.adapts = self._borders_change()

    def __deepcopy__(self, memo: dict[int, Any]) -> "SizedGraphs":
        """Itself: steps name weights and hold none, and copies of a network, made to measure it, need the same ones."""
        return self

    def graph(self, size: Size) -> Graph:
        """The steps for images of this size.

        Raises:
            InputError: the network refuses the size, or takes other image-wide operations there.
        """
        if not self.adapts:
            return self.whole.graph
        # Followed near the size of the whole image, as very small sizes can hide what an operation does.
        height, width = (
            length + (wanted - length) % step
            for length, wanted, step in zip(self.size, size, self._alignment, strict=True)
        )
        if (height, width) not in self._graphs:
            if not self._accepted.scores_size((height, width)):
                whole = f"{self.size[0]}x{self.size[1]}"
                raise InputError(f"a size that the network accepts, such as {whole}", f"{height}x{width}", "pad it")
            self._graphs[height, width] = self._followed((height, width))
        return self._graphs[height, width]

    def _followed(self, size: Size) -> Graph:
        other = freeze(trace(self._model, size, self._channels))
        if other.shapes != self.whole.shapes:
            raise InputError(
                "a network that takes the same steps for images of all sizes",
                f"other image-wide operations for {size[0]}x{size[1]} than for {self.size[0]}x{self.size[1]} pixels",
                "remove the branches on the image's size from its forward",
            )
        return other.graph

    def _borders_change(self) -> bool:
        """Whether the network pads or crops differently for images of other sizes."""
        # One more pixel, two, four ...: on one of them the features of each level turn from even to odd or back.
        for more in (2**power for power in range(max(self._alignment).bit_length())):
            size = self.size[0] + more, self.size[1] + more
            if self._accepted.scores_size(size) and _borders(self._followed(size)) != _borders(self.whole.graph):
                return True
        return False


def _borders(graph: Graph) -> list[Step]:
    return [node.step for node in graph.nodes if isinstance(node.step, Border)]

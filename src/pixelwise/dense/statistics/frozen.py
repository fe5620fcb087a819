"""A network whose image-wide values are those of one image, so that every score sees a neighbourhood only."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pixelwise.dense.graph.replay import applied, run
from pixelwise.dense.graph.trace import lookup
from pixelwise.dense.placement import placement
from pixelwise.dense.statistics.freezing import Derived, FrozenGraph
from pixelwise.dense.statistics.sized_graphs import SizedGraphs
from pixelwise.dense.statistics.wide_steps import spreads
from pixelwise.shapes import Size


class FrozenNetwork(nn.Module):
    """Gives one image's scores, whole or in tiles; for other images the statistics are not theirs.

    `passes` says how often parts of the network ran over the image before: "3 passes + 1" for the scores themselves.
    The statistics are buffers, so that they move with the weights, which stay those of the network.
    """

    def __init__(self, model: nn.Module, size: Size, channels: int) -> None:
        """Follows the network on images of this size; the statistics are still unknown.

        Raises:
            InputError: torch.export cannot follow the network.
            NotExact: an operation needs more of the image than one value per channel.
        """
        super().__init__()
        self.model = model
        self._graphs = SizedGraphs(model, size, channels)
        device, dtype = placement(model)
        for name, shape in self.values.shapes.items():
            self.register_buffer(name, torch.zeros(shape, device=device, dtype=dtype))

    @property
    def values(self) -> FrozenGraph:
        """The steps on the whole image, and which values they need."""
        return self._graphs.whole

    @property
    def passes(self) -> int:
        """How often parts of the network ran over the image to find its statistics."""
        return self.values.passes

    def extra_repr(self) -> str:
        """Such as "2 passes + 1, statistics of 512x640 pixels"."""
        passes = f"{self.passes} pass{'es' if self.passes != 1 else ''}"
        return f"{passes} + 1, statistics of {self._graphs.size[0]}x{self._graphs.size[1]} pixels"

    def forward(self, images: Tensor) -> Tensor:
        """The scores (B, K, h, w) of the image (B, C, H, W) or of parts of it."""
        graph = self._graphs.graph((images.shape[-2], images.shape[-1]))
        return run(graph, images, [len(graph.nodes) - 1], self.tensors())[0]

    def features(self, images: Tensor, positions: Sequence[int]) -> list[Tensor]:
        """What nodes of the frozen graph give, by their positions in it, with the borders of the whole image."""
        return run(self.values.graph, images, positions, self.tensors())

    def tensors(self) -> dict[str, Tensor]:
        """The network's weights and the frozen values by name."""
        return lookup(self.model) | dict(self.named_buffers(recurse=False))

    def set_value(self, name: str, value: Tensor) -> None:
        """Fills in one of the frozen values."""
        self.get_buffer(name).copy_(value.reshape(self.values.shapes[name]))

    def derive(self, derived: Derived) -> None:
        """Computes a value that follows from others."""
        tensors = self.tensors()
        parts = [tensors[name] for name in derived.sources]
        channels = derived.node.shape[0]
        spread = spreads(derived.node.step)
        value = parts[0].expand(1, channels, 1, 1) if spread else applied(derived.node, parts, tensors)
        self.set_value(derived.name, value)

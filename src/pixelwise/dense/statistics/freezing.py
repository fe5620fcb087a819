"""A traced network with its image-wide operations frozen: each becomes an operation on single cells.

Whatever depends on the whole image is one value per channel: the mean of a global pooling, the mean and variance of a
norm, and all that is computed from these alone (a gate, a pooling branch). Once these values are known they are weights
like others, and what remains depends on neighbourhoods only.
"""

from dataclasses import dataclass
from typing import Literal

import torch.nn.functional as F

from pixelwise.dense.graph.cell_operations import ELEMENTWISE
from pixelwise.dense.graph.steps import Graph, Image, ImageWide, Named, Node, Pointwise, Pooling, Slot, Step
from pixelwise.dense.graph.translation import replaced
from pixelwise.dense.statistics.wide_steps import (
    HINT,
    NORMS,
    SINGLE,
    bound,
    computable_once,
    groups_of,
    has_weights,
    kind_of,
    pools_everything,
    refusal,
    refuse_unbounded,
    side_by_side,
    spreads,
    stays_constant,
)


@dataclass(frozen=True)
class Measured:
    """Values to be measured on the whole image, per channel.

    Attributes:
        node: the image-wide operation, as traced.
        source: the position, in the frozen graph, of the features that are measured.
        kind: what is measured of them.
        groups: for moments, how many groups of channels share them; None for one per channel.
        turn: the pass in which they can be, from 1 on: those of earlier passes must be known.
        names: of the values: the mean and the variance, or the pooled one.
    """

    node: Node
    source: int
    kind: Literal["average", "max", "moments"]
    groups: int | None
    turn: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Derived:
    """A value per channel that follows from others: the step, their names and its own name."""

    node: Node
    sources: tuple[str, ...]
    name: str
    turn: int


@dataclass(frozen=True)
class FrozenGraph:
    """What is left of a graph, and the shapes by name of the values that it needs beside the network's weights."""

    graph: Graph
    measured: tuple[Measured, ...]
    derived: tuple[Derived, ...]
    shapes: dict[str, tuple[int, ...]]

    @property
    def passes(self) -> int:
        """How often parts of the network must run over the image before all values are known."""
        return max((each.turn for each in self.measured), default=0)


def freeze(graph: Graph) -> FrozenGraph:
    """The graph with image-wide values as weights.

    Args:
        graph: a network traced on an image of the size that will be measured.

    Raises:
        NotExact: an operation that needs more of the image than one value per channel, such as attention; or a network
            whose scores are the same everywhere.
    """
    freezing = _Freezing(graph)
    for position in range(len(graph.nodes)):
        freezing.follow(position)
    last = graph.nodes[-1]
    if len(graph.nodes) - 1 not in freezing.place:
        raise refusal(last, "gives one result for the whole image", "apply the network itself to the whole image")
    frozen = Graph(tuple(freezing.nodes), graph.size, graph.flat)
    return FrozenGraph(frozen, tuple(freezing.measured), tuple(freezing.derived), freezing.shapes)


class _Freezing:
    """Follows a graph node by node: features of cells stay steps, values per channel get names."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._turns: list[int] = []
        self._names: dict[int, str] = {}
        self.place: dict[int, int] = {}
        self.nodes: list[Node] = []
        self.measured: list[Measured] = []
        self.derived: list[Derived] = []
        self.shapes: dict[str, tuple[int, ...]] = {}

    def follow(self, position: int) -> None:
        """Decides what becomes of one node."""
        node = self._graph.nodes[position]
        self._turns.append(max((self._turns[each] for each in node.inputs), default=0))
        cells = [each for each in node.inputs if each in self.place]
        spread = spreads(node.step) and node.inputs[0] in self._names
        if isinstance(node.step, Image):
            self._keep(position, node.step, [])
        elif spread or not cells:
            self._derive(position)
        elif len(cells) < len(node.inputs):
            self._combine(position, cells)
        elif kind_of(node.step) in NORMS and isinstance(node.step, ImageWide):
            self._normalise(position)
        elif pools_everything(node, self._graph.nodes[node.inputs[0]]):
            self._pool(position)
        else:
            refuse_unbounded(node)
            self._keep(position, node.step, cells)

    def _keep(self, position: int, step: Step, cells: list[int]) -> None:
        node = self._graph.nodes[position]
        self.place[position] = len(self.nodes)
        self.nodes.append(Node(node.name, step, tuple(self.place[each] for each in cells), node.shape, node.line))

    def _value(self, *shape: int) -> str:
        name = f"image_wide_{len(self.shapes)}"
        self.shapes[name] = shape
        return name

    def _measure(
        self, position: int, kind: Literal["average", "max", "moments"], groups: int | None
    ) -> tuple[str, ...]:
        node = self._graph.nodes[position]
        channels = self._graph.nodes[node.inputs[0]].shape[0]
        if kind == "moments":
            names: tuple[str, ...] = self._value(channels), self._value(channels)
        else:
            names = (self._value(1, channels, 1, 1),)
        self._turns[position] += 1
        self.measured.append(Measured(node, self.place[node.inputs[0]], kind, groups, self._turns[position], names))
        return names

    def _pool(self, position: int) -> None:
        step = self._graph.nodes[position].step
        assert isinstance(step, Pooling), "only poolings pool everything"
        self._names[position] = self._measure(position, step.kind, None)[0]

    def _normalise(self, position: int) -> None:
        """A norm with its statistics known is a batch norm with stored ones."""
        node = self._graph.nodes[position]
        assert isinstance(node.step, ImageWide), "norms with stored statistics are pointwise"
        settings = bound(node.step)
        groups = groups_of(node, self._graph.nodes[node.inputs[0]].shape, settings)
        mean, variance = (Named(name) for name in self._measure(position, "moments", groups))
        weights = (None, None) if "normalized_shape" in settings else (settings["weight"], settings["bias"])
        arguments = (Slot(0), mean, variance, *weights, False, 0.0, settings["eps"])
        self._keep(position, Pointwise(F.batch_norm, arguments), [node.inputs[0]])

    def _combine(self, position: int, cells: list[int]) -> None:
        """Features of cells together with values per channel: elementwise or side by side."""
        node = self._graph.nodes[position]
        shapes = [self._graph.nodes[each].shape[1:] for each in node.inputs]
        places_match = all(shape in (node.shape[1:], SINGLE) for shape in shapes)
        step, kind = node.step, kind_of(node.step)
        known = kind in ELEMENTWISE or (kind == "cat" and isinstance(step, Pointwise))
        if not isinstance(step, Pointwise | ImageWide) or not known or not places_match or has_weights(step):
            raise refusal(node, "combines cells with values of the whole image in a way that is not followed", HINT)
        slots = iter(range(len(cells)))
        inputs = [Slot(next(slots)) if each in self.place else Named(self._names[each]) for each in node.inputs]
        if kind == "cat":
            joined = Pointwise(side_by_side, (inputs,))
        else:
            arguments = replaced(step.arguments, lambda each: inputs[each.number] if isinstance(each, Slot) else each)
            joined = Pointwise(step.operation, arguments, step.keywords)
        self._keep(position, joined, cells)

    def _derive(self, position: int) -> None:
        """A value per channel from others."""
        node = self._graph.nodes[position]
        before = self._graph.nodes[node.inputs[0]].shape
        # The size that a value is spread to may come from features, which are no source of it.
        named = [each for each in node.inputs if each in self._names]
        sources = tuple(self._names[each] for each in named)
        # A tensor of three axes, on its way from two to four, is traced without a shape.
        if stays_constant(node, before) and node.shape[0] in (0, self.shapes[sources[0]][1]):
            self._names[position] = sources[0]
            return
        if not computable_once(node, [self._graph.nodes[each].shape for each in named]):
            raise refusal(node, "makes a map of values of the whole image in a way that is not followed", HINT)
        name = self._names[position] = self._value(1, node.shape[0], 1, 1)
        self.derived.append(Derived(node, sources, name, self._turns[position]))

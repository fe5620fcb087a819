"""What becomes of one operation of an exported network: a step appended to a growing graph."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, fx

from pixelwise.dense.graph.steps import Computed, ImageWide, Named, Node, Pointwise, Slot, Step

Layout = Literal["NCHW", "NHWC", "flat"]

TORCH = Path(torch.__file__).parent
"""Lines in here are not the network's own."""


@dataclass(frozen=True)
class Features:
    """The features that a node of the graph gives, and in which order the exported tensor has them.

    "flat" is (B, C * h * w): the features are still those of h x w cells, until a fully-connected layer reads them.
    """

    node: int
    layout: Layout


@dataclass(frozen=True)
class Unknown:
    """A tensor of another form than features, such as a list of tokens, made by a node."""

    node: int


@dataclass(frozen=True)
class Parts:
    """The list that a split along the channels gives; its parts become steps when they are taken."""

    operation: Callable[..., Any]
    arguments: tuple[Any, ...]


class Translation:
    """Appends the steps of one exported operation to the nodes of a graph."""

    def __init__(self, node: fx.Node, nodes: list[Node]) -> None:
        self.nodes = nodes
        self._operands = node.args
        target: Any = node.target
        self.kind = str(getattr(target, "_opname", getattr(target, "__name__", target)))
        self.operation: Callable[..., Any] = target
        value = node.meta.get("val")
        self.result_shape: tuple[int, ...] = tuple(value.shape) if isinstance(value, Tensor) else ()
        stack = node.meta.get("nn_module_stack") or {}
        path = [entry[0] for entry in stack.values()][-1] if stack else ""
        kind = self.kind.removesuffix("_")
        self._name = f"{path} ({kind})" if path else kind
        self._line = source_line(node.meta.get("stack_trace") or "")

    def features_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the result, a tensor (B, C, H, W)."""
        return self.result_shape[1], self.result_shape[2], self.result_shape[3]

    def operand_shape(self, place: int) -> tuple[int, ...]:
        """The shape of a tensor among the arguments; () for numbers and lists."""
        operand = self._operands[place] if place < len(self._operands) else None
        value = operand.meta.get("val") if isinstance(operand, fx.Node) else None
        return tuple(value.shape) if isinstance(value, Tensor) else ()

    def shape(self, value: Features) -> tuple[int, int, int]:
        """(C, H, W) of features."""
        return self.nodes[value.node].shape

    def add(self, step: Step, source: Features, shape: tuple[int, int, int], layout: Layout = "NCHW") -> Features:
        """Appends a step with one input, and gives its features."""
        self.nodes.append(Node(self._name, step, (source.node,), shape, self._line))
        return Features(len(self.nodes) - 1, layout)

    def pointwise(
        self, arguments: tuple[Any, ...], keywords: dict[str, Any], channels: int | None = None, part: int | None = None
    ) -> Features | Unknown:
        """Appends an operation on each cell alone, on one or more features of equal size.

        Features of one cell, combined with those of many, make it image-wide: squeeze-and-excite and the like.

        Args:
            arguments: with features among them, also within lists.
            keywords: the operation's settings.
            channels: how many come out; None keeps their number.
            part: which of several results is meant.
        """
        sources = [each for each in leaves(arguments) if isinstance(each, Features)]
        shapes = [self.shape(source) for source in sources]
        if len({source.layout for source in sources}) != 1:
            return self.image_wide("combines features in different orders", arguments, keywords)
        if len({shape[1:] for shape in shapes}) != 1:
            return self.image_wide("combines every cell with values of other places", arguments, keywords)
        layout, numbers = sources[0].layout, iter(range(len(sources)))
        template = replaced(arguments, lambda value: Slot(next(numbers)) if isinstance(value, Features) else value)
        step = Pointwise(self.operation, template, tuple(keywords.items()), layout != "NCHW", part)
        width = max(shape[0] for shape in shapes) if channels is None else channels
        inputs = tuple(source.node for source in sources)
        self.nodes.append(Node(self._name, step, inputs, (width, *shapes[0][1:]), self._line))
        return Features(len(self.nodes) - 1, layout)

    def image_wide(self, reason: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Features | Unknown:
        """Appends an operation that looks at more than one place, or is unknown."""
        sources = [each.node for each in leaves((arguments, keywords)) if isinstance(each, Features | Unknown)]
        numbers = iter(range(len(sources)))
        template = replaced(
            arguments, lambda value: Slot(next(numbers)) if isinstance(value, Features | Unknown) else value
        )
        step = ImageWide(reason, self.operation, template, tuple(keywords.items()))
        shape = self.result_shape
        if len(shape) == 4:
            self.nodes.append(Node(self._name, step, tuple(sources), (shape[1], shape[2], shape[3]), self._line))
            return Features(len(self.nodes) - 1, "NCHW")
        if len(shape) == 2:
            self.nodes.append(Node(self._name, step, tuple(sources), (shape[1], 1, 1), self._line))
            return Features(len(self.nodes) - 1, "flat")
        self.nodes.append(Node(self._name, step, tuple(sources), (0, 0, 0), self._line))
        return Unknown(len(self.nodes) - 1)


def source_line(stack: str) -> str:
    """The last line of a network's own code in a stack that export recorded, as "file:line"."""
    found = re.findall(r'File "([^"]+)", line (\d+)', stack)
    own = [place for place in found if TORCH not in Path(place[0]).parents]
    return f"{own[-1][0]}:{own[-1][1]}" if own else ""


def leaves(value: Any) -> Iterator[Any]:
    """What stands in nested lists, tuples and dictionaries."""
    if isinstance(value, list | tuple):
        for each in value:
            yield from leaves(each)
    elif isinstance(value, dict):
        yield from leaves(list(value.values()))
    else:
        yield value


def replaced(value: Any, change: Callable[[Any], Any]) -> Any:
    """The same nesting with every leaf changed; lists become tuples' equals, lists."""
    if isinstance(value, list | tuple):
        return type(value)(replaced(each, change) for each in value)
    return change(value)


def weight_only(operation: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """The value of an operation on weights and numbers alone: later, where a weight is among them."""
    if any(isinstance(each, Named | Computed | Tensor) for each in leaves((arguments, keywords))):
        return Computed(operation, arguments, tuple(keywords.items()))
    return operation(*arguments, **keywords)

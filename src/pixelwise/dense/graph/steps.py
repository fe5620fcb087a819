"""What one node of a traced network does, in the few kinds that the dense engine tells apart.

Features are (B, C, H, W) everywhere; a fully-connected layer over C x h x w features is a convolution with an h x w
kernel. Pairs are (along the height, along the width).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

Pair = tuple[int, int]


@dataclass(frozen=True)
class Named:
    """A weight or buffer of the network, by its name: looked up when it is used, so that it may move and be trained."""

    name: str


@dataclass(frozen=True)
class Slot:
    """The place of an input's features among the arguments of a pointwise operation."""

    number: int


@dataclass(frozen=True)
class Computed:
    """What an operation makes of weights alone, such as a weight normalised before use."""

    operation: Callable[..., Any]
    arguments: tuple[Any, ...]
    keywords: tuple[tuple[str, Any], ...] = ()


Weight = Named | Computed | Tensor | None


@dataclass(frozen=True)
class Image:
    """The network's input."""


@dataclass(frozen=True)
class Convolution:
    """A convolution of any kind; `kernel` also tells the shape of a fully-connected layer's weight.

    `padding` is ((before, after), (before, after)).
    """

    weight: Weight
    bias: Weight
    kernel: Pair
    stride: Pair = (1, 1)
    padding: tuple[Pair, Pair] = ((0, 0), (0, 0))
    dilation: Pair = (1, 1)
    groups: int = 1


@dataclass(frozen=True)
class TransposedConvolution:
    """A transposed convolution: input cell i adds to output cells i * stride - padding + dilation * tap."""

    weight: Weight
    bias: Weight
    kernel: Pair
    stride: Pair
    padding: Pair
    output_padding: Pair
    dilation: Pair
    groups: int


@dataclass(frozen=True)
class Pooling:
    """A maximum or an average over windows.

    `whole` says that the window follows from the size of the features (global and adaptive pooling), so that it means
    another operation for another image size.
    """

    kind: Literal["max", "average"]
    kernel: Pair
    stride: Pair
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    ceil: bool = False
    count_padding: bool = True
    divisor: int | None = None
    whole: bool = False


@dataclass(frozen=True)
class Pointwise:
    """An operation on each cell alone, of one or more features of equal size.

    `arguments` hold `Slot` for features and `Named` for weights; with `channels_last` the operation sees (B, H, W, C).
    """

    operation: Callable[..., Any]
    arguments: tuple[Any, ...]
    keywords: tuple[tuple[str, Any], ...] = ()
    channels_last: bool = False
    part: int | None = None
    """Which of several results is meant, for operations that give a list."""


@dataclass(frozen=True)
class Border:
    """Padding by positive amounts, cropping by negative ones: ((top, bottom), (left, right))."""

    amounts: tuple[Pair, Pair]
    mode: str = "constant"
    value: float = 0.0


@dataclass(frozen=True)
class Subsampling:
    """Every n-th cell, from the first one on."""

    step: Pair


@dataclass(frozen=True)
class Upsampling:
    """Interpolation to a whole multiple of the size."""

    factor: Pair
    mode: Literal["nearest", "bilinear", "bicubic"]
    align_corners: bool = False


@dataclass(frozen=True)
class Shuffle:
    """Pixel shuffle (`factor` > 1 cells per cell and axis) or its inverse (`inverse`)."""

    factor: int
    inverse: bool = False


@dataclass(frozen=True)
class ImageWide:
    """An operation whose result at one cell depends on all cells, or that is unknown; `reason` continues "it ..."."""

    reason: str
    operation: Callable[..., Any]
    arguments: tuple[Any, ...]
    keywords: tuple[tuple[str, Any], ...] = ()


Step = (
    Image
    | Convolution
    | TransposedConvolution
    | Pooling
    | Pointwise
    | Border
    | Subsampling
    | Upsampling
    | Shuffle
    | ImageWide
)


@dataclass(frozen=True)
class Node:
    """One step of a traced network.

    `inputs` are positions in the graph; `shape` is (C, H, W) of its features for the traced image; `name` says where
    in the network it stands and what it is; `line` is the source line.
    """

    name: str
    step: Step
    inputs: tuple[int, ...]
    shape: tuple[int, int, int]
    line: str = ""


@dataclass(frozen=True)
class Graph:
    """The steps of a network in the order they run; the last one gives its result.

    `size` is the height and width of the traced image; `flat` says that the result has no height and width, (B, K).
    """

    nodes: tuple[Node, ...]
    size: Pair
    flat: bool

    @property
    def users(self) -> tuple[tuple[int, ...], ...]:
        """For each node, the positions of the nodes that read it."""
        readers: list[list[int]] = [[] for _ in self.nodes]
        for position, node in enumerate(self.nodes):
            for source in node.inputs:
                readers[source].append(position)
        return tuple(tuple(each) for each in readers)


def own_stride(node: Node) -> Pair:
    """Cells of a node's input between neighbouring cells of the node."""
    match node.step:
        case Pooling(whole=True) if node.shape[1:] == (1, 1):
            # One window covers all cells: there is no next one.
            return 1, 1
        case Convolution() | Pooling():
            return node.step.stride
        case Subsampling():
            return node.step.step
    return 1, 1

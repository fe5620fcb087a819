"""Which kinds of exactness a traced network has, and the first node that breaks each."""

from dataclasses import dataclass

from pixelwise.dense.graph.footprint import is_image_wide
from pixelwise.dense.graph.steps import (
    Border,
    Convolution,
    Graph,
    ImageWide,
    Node,
    Pooling,
    Shuffle,
    TransposedConvolution,
    Upsampling,
)


@dataclass(frozen=True)
class Obstacle:
    """The node that breaks a kind of exactness, what it does (a sentence without its subject), and what would help."""

    node: Node
    reason: str
    hint: str


def patch_obstacle(graph: Graph) -> Obstacle | None:
    """The first node that makes a dense map differ from the classifier on the patch alone.

    Padding is part of a patch and moves with it, so that no two patches share what it touches.
    """
    found = stride_obstacle(graph)
    position = len(graph.nodes) if found is None else graph.nodes.index(found.node)
    for node in graph.nodes[:position]:
        if pads(node):
            return Obstacle(
                node,
                "pads inside the patch, so that cells at its border see something else than the image",
                "train the classifier without padding" + (', or ask for exact="stride"' if found is None else ""),
            )
        if cuts_windows(graph, node):
            return Obstacle(
                node,
                "pools a last window that reaches beyond the patch (ceil_mode)",
                "use ceil_mode=False, or a patch size at which the windows end with the patch",
            )
    return found


def stride_obstacle(graph: Graph) -> Obstacle | None:
    """The first node that cannot be evaluated for shifted images without computing it anew."""
    for node in graph.nodes:
        if isinstance(node.step, ImageWide):
            return Obstacle(node, node.step.reason, "replace it by an operation on neighbourhoods, or slide the patch")
        if isinstance(node.step, Upsampling | TransposedConvolution | Shuffle):
            return Obstacle(
                node,
                "makes a finer map by itself",
                "the network is dense already: pixelwise.dense.tiled applies it to images of any size",
            )
    return None


def tile_obstacle(graph: Graph) -> Obstacle | None:
    """The first node that makes an image's scores depend on how it is cut into tiles.

    Global pooling in front of a classifier's scores looks at one patch, and its dense map can be tiled.
    """
    classifier = graph.nodes[-1].shape[1:] == (1, 1)
    for node in graph.nodes:
        if isinstance(node.step, ImageWide) or (is_image_wide(node) and not classifier):
            reason = node.step.reason if isinstance(node.step, ImageWide) else "pools the whole image"
            return Obstacle(node, reason, "freeze its statistics for this image with pixelwise.dense.freeze_statistics")
    return None


def pads(node: Node) -> bool:
    """Whether a node puts cells around its input."""
    match node.step:
        case Convolution():
            return any(map(any, node.step.padding))
        case Pooling():
            return any(node.step.padding)
        case Border():
            return any(amount > 0 for axis in node.step.amounts for amount in axis)
    return False


def cuts_windows(graph: Graph, node: Node) -> bool:
    """Whether the last window of a pooling reaches beyond its input and is cut."""
    step = node.step
    if not isinstance(step, Pooling) or not step.ceil:
        return False
    lengths = graph.nodes[node.inputs[0]].shape[1:]
    return any(
        (cells - 1) * step.stride[axis] + step.dilation[axis] * (step.kernel[axis] - 1) + 1
        > length + 2 * step.padding[axis]
        for axis, (cells, length) in enumerate(zip(node.shape[1:], lengths, strict=True))
    )

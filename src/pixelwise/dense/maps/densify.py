"""Any patch classifier as an exact dense predictor."""

from typing import Literal

import torch
from torch import Tensor, nn

from pixelwise.dense.graph.steps import Graph, Pair
from pixelwise.dense.graph.trace import trace
from pixelwise.dense.maps.dense_map import Arrangement, DenseMap
from pixelwise.dense.maps.exactness import Obstacle, patch_obstacle, stride_obstacle
from pixelwise.dense.maps.rates import rates
from pixelwise.dense.maps.slide import as_pair, slide
from pixelwise.dense.placement import placement
from pixelwise.dense.verdict import Finding, NotExact
from pixelwise.errors import InputError
from pixelwise.shapes import Size

Exact = Literal["patch", "stride"]

PROBED_PATCHES = 9
"""Patches per axis on which a deviation is measured."""


def densify(
    model: nn.Module,
    patch: int | Size,
    stride: int | Size = 1,
    exact: Exact = "patch",
    channels: int = 3,
    arrangement: Arrangement | None = None,
) -> DenseMap:
    """The classifier as a module from (B, C, H, W) to its scores for every patch, (B, K, rows, columns).

    With exact="patch" output (i, j) equals the classifier on the patch whose upper left corner lies at
    (i * stride, j * stride), and there are (H - patch) // stride + 1 rows. With exact="stride" the network may pad:
    the map at the network's stride equals the network's own coarse map; it is as large as that.

    Args:
        model: from (N, channels, patch, patch) to (N, K) or (N, K, 1, 1); its weights stay shared, and live.
        patch: height and width of the patches, or one number for both.
        stride: pixels between neighbouring outputs.
        exact: which equality is wanted.
        channels: channels of the image.
        arrangement: how strides are undone; None takes "rarefied", which was the faster one for every network of
            benchmarks/dense/arrangements.py and needs no copies.

    Raises:
        NotExact: the network is not exact in the sense asked for; names the first node that breaks it and what was
            measured.
        InputError: the network cannot be traced, or gives more than one vector per patch.
    """
    if exact not in ("patch", "stride"):
        raise InputError('exact="patch" or exact="stride"', f"exact = {exact!r}", 'leave it out for exact="patch"')
    size, hop = as_pair(patch, "patch"), as_pair(stride, "stride")
    graph = trace(model, size, channels)
    obstacle = patch_obstacle(graph) if exact == "patch" else stride_obstacle(graph)
    if obstacle is not None:
        raise NotExact(f"{exact}-exact", measured(model, graph, obstacle))
    if exact == "patch" and graph.nodes[-1].shape[1:] != (1, 1):
        _, rows, columns = graph.nodes[-1].shape
        raise InputError(
            "a patch for which the classifier gives one vector",
            f"a map of {rows}x{columns} for a patch of {size[0]}x{size[1]}",
            "pass the size of its receptive field as the patch; pixelwise.dense.receptive_field measures it",
        )
    padded = exact == "stride"
    return DenseMap(model, graph, hop, padded, arrangement or "rarefied")


def convolutionalize(model: nn.Module, patch: int | Size, channels: int = 3) -> DenseMap:
    """The classifier with its fully-connected layers as convolutions: its coarse map, for images of any size.

    The same weights and the same scores; one output per stride of the network.

    Raises:
        NotExact: an operation looks at the whole patch in a way that no convolution does.
        InputError: the network cannot be traced.
    """
    size = as_pair(patch, "patch")
    graph = trace(model, size, channels)
    obstacle = stride_obstacle(graph)
    if obstacle is not None:
        raise NotExact("stride-exact", measured(model, graph, obstacle))
    return DenseMap(model, graph, network_stride(graph), padded=True, arrangement="rarefied")


def network_stride(graph: Graph) -> Pair:
    """Pixels between neighbouring outputs of the network itself."""
    return rates(graph, (1, 1))[-1].cell


@torch.no_grad()
def measured(model: nn.Module, graph: Graph, obstacle: Obstacle) -> Finding:
    """The finding on an obstacle to patch-exactness, with its deviation on random pixels where there is a map.

    Args:
        model: the network.
        graph: its steps.
        obstacle: what breaks it.
    """
    plain = Finding(False, obstacle.node.name, obstacle.reason, obstacle.hint)
    if stride_obstacle(graph) is not None or graph.nodes[-1].shape[1:] != (1, 1):
        return plain
    pixels = random_pixels(model, graph, network_stride(graph), PROBED_PATCHES)
    difference, scale = deviation_from_patches(model, graph, pixels, batch_size=PROBED_PATCHES)
    return Finding(False, plain.node, plain.reason, plain.hint, difference, scale)


def random_pixels(model: nn.Module, graph: Graph, stride: Pair, positions: int) -> Tensor:
    """Random pixels (1, C, H, W) on which so many patches, one stride apart, fit along each axis."""
    device, dtype = placement(model)
    size = [side + step * (positions - 1) for side, step in zip(graph.size, stride, strict=True)]
    draws = torch.Generator().manual_seed(0)
    return torch.rand(1, graph.nodes[0].shape[0], *size, generator=draws).to(device, dtype)


def deviation_from_patches(model: nn.Module, graph: Graph, pixels: Tensor, batch_size: int) -> tuple[float, float]:
    """The largest difference of the network's dense map from the classifier on each patch alone, and its largest score.

    Args:
        model: the classifier.
        graph: its steps on one patch; without an obstacle to stride-exactness.
        pixels: (1, C, H, W), at least one patch.
        batch_size: patches per call.
    """
    stride = network_stride(graph)
    dense = DenseMap(model, graph, stride, padded=True, arrangement="rarefied")(pixels)
    alone = slide(model, pixels, graph.size, stride, batch_size=batch_size)
    difference = (dense[..., : alone.shape[-2], : alone.shape[-1]] - alone).abs().max()
    return float(difference), float(alone.abs().max())

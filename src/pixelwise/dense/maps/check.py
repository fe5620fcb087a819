"""The verdict on a network: which kinds of exactness hold, why not, and how large the difference is on an image."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.dense.graph.footprint import footprints
from pixelwise.dense.graph.steps import Graph, Pair
from pixelwise.dense.graph.trace import trace
from pixelwise.dense.maps.dense_map import DenseMap
from pixelwise.dense.maps.densify import deviation_from_patches, network_stride, random_pixels
from pixelwise.dense.maps.exactness import Obstacle, patch_obstacle, stride_obstacle, tile_obstacle
from pixelwise.dense.maps.slide import as_pair
from pixelwise.dense.placement import evaluating, placement
from pixelwise.dense.verdict import Finding, Verdict
from pixelwise.errors import InputError
from pixelwise.shapes import Size

STEPS = 5
"""Positions per axis at which maps are compared: they cover both borders and the middle."""


def check(
    model: nn.Module, patch: int | Size, image: Float[Tensor, "C H W"] | None = None, channels: int = 3
) -> Verdict:
    """Which kinds of exactness a network has: from its steps, and measured on an image.

    Args:
        model: a patch classifier, or any network from images to scores.
        patch: height and width of the patches, or of an image that the network accepts.
        image: pixels to measure on, at least one patch; None takes random ones, a few strides larger than the patch.
        channels: channels of the image.

    Raises:
        InputError: the network cannot be followed, or the image is smaller than the patch.
    """
    size = as_pair(patch, "patch")
    graph = trace(model, size, channels if image is None else image.shape[0])
    stepwise = stride_obstacle(graph) is None
    pixels = _pixels(model, graph, image, network_stride(graph) if stepwise else (1, 1))
    with torch.no_grad(), evaluating(model):
        return Verdict(
            size,
            patch_exact=_patch_finding(model, graph, pixels),
            stride_exact=_stride_finding(model, graph, pixels),
            tile_exact=_tile_finding(model, graph, pixels),
        )


def _pixels(model: nn.Module, graph: Graph, image: Tensor | None, stride: Pair) -> Tensor:
    """What is measured on, (1, C, H, W): a part of the image, so that sliding stays short."""
    if image is None:
        return random_pixels(model, graph, stride, STEPS)
    if image.shape[-2] < graph.size[0] or image.shape[-1] < graph.size[1]:
        raise InputError(
            f"an image of at least one patch, {graph.size[0]}x{graph.size[1]}",
            f"{image.shape[-2]}x{image.shape[-1]}",
            "pass a larger image or a smaller patch",
        )
    rows, columns = (side + step * (STEPS - 1) for side, step in zip(graph.size, stride, strict=True))
    device, dtype = placement(model)
    return image[None, :, :rows, :columns].to(device, dtype)


def _finding(obstacle: Obstacle | None, scores: Tensor | None, others: Tensor | None) -> Finding:
    if scores is None or others is None or not scores.numel():
        return _found(obstacle, None, None)
    return _found(obstacle, float((scores - others).abs().max()), float(others.abs().max()))


def _found(obstacle: Obstacle | None, deviation: float | None, scale: float | None) -> Finding:
    if obstacle is None:
        return Finding(True, deviation=deviation, scale=scale)
    return Finding(False, obstacle.node.name, obstacle.reason, obstacle.hint, deviation, scale)


def _patch_finding(model: nn.Module, graph: Graph, pixels: Tensor) -> Finding:
    """The dense map against the classifier on each patch alone."""
    obstacle = patch_obstacle(graph)
    if stride_obstacle(graph) is not None or graph.nodes[-1].shape[1:] != (1, 1):
        return _finding(obstacle or _no_classifier(graph), None, None)
    return _found(obstacle, *deviation_from_patches(model, graph, pixels, batch_size=STEPS))


def _no_classifier(graph: Graph) -> Obstacle:
    _, rows, columns = graph.nodes[-1].shape
    return Obstacle(
        graph.nodes[-1],
        f"gives a map of {rows}x{columns} for one patch",
        "pass the size of its receptive field as the patch",
    )


def _stride_finding(model: nn.Module, graph: Graph, pixels: Tensor) -> Finding:
    """The map of stride 1, subsampled, against the network's own coarse map."""
    obstacle = stride_obstacle(graph)
    if obstacle is not None:
        return _finding(obstacle, None, None)
    down, across = network_stride(graph)
    # One odd phase of the grid is enough: half the stride exercises every spread kernel at less cost than stride 1.
    half = max(1, down // 2), max(1, across // 2)
    finer = DenseMap(model, graph, half, padded=True, arrangement="rarefied")(pixels)
    coarse = DenseMap(model, graph, (down, across), padded=True, arrangement="rarefied")(pixels)
    return _finding(None, finer[..., :: down // half[0], :: across // half[1]], coarse)


def _tile_finding(model: nn.Module, graph: Graph, pixels: Tensor) -> Finding:
    """The scores of an image's left part alone against the whole image's, as far as they cannot see the cut.

    A classifier's dense map needs no measurement of its own: each output sees one patch.
    """
    obstacle = tile_obstacle(graph)
    seen = footprints(graph, axis=1)[-1]
    height, width = graph.size
    step = 1 if seen is None else seen.alignment
    cut = width // 2 // step * step
    if graph.nodes[-1].shape[1:] == (1, 1) or cut == 0:
        return _finding(obstacle, None, None)
    whole, part = model(pixels[..., :height, :width]), model(pixels[..., :height, :cut])
    clear = part.shape[-1] // 2 if seen is None else math.floor((cut - seen.last - 1) / seen.stride) + 1
    return _finding(obstacle, part[..., : max(0, clear)], whole[..., : max(0, clear)])

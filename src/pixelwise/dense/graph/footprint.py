"""Which pixels of the image each cell of a traced network can see, along one axis."""

import math
from dataclasses import dataclass
from fractions import Fraction

from pixelwise.dense.graph.steps import (
    Border,
    Convolution,
    Graph,
    Image,
    ImageWide,
    Node,
    Pointwise,
    Pooling,
    Shuffle,
    Subsampling,
    TransposedConvolution,
    Upsampling,
)

TAPS = {"nearest": (0, 0), "bilinear": (0, 1), "bicubic": (-1, 2)}
"""Cells read around the source position's lower neighbour (Keys 1981 for the cubic)."""


@dataclass(frozen=True)
class Footprint:
    """Cell i sees pixels `first` + i * `stride` to `last` + i * `stride`, at most, both included.

    After an upsampling neighbouring cells see different spans; the footprint covers them all. `alignment` is the
    smallest shift of the image, in whole pixels, that shifts the cells by whole cells and changes nothing else.
    """

    stride: Fraction
    first: Fraction
    last: Fraction
    alignment: int

    @property
    def size(self) -> int:
        """Number of pixels seen."""
        return math.floor(self.last) - math.ceil(self.first) + 1


def footprints(graph: Graph, axis: int) -> tuple[Footprint | None, ...]:
    """For each node what its cells see along an axis; None where they depend on the whole image.

    Args:
        graph: a traced network.
        axis: 0 along the height, 1 along the width.
    """
    found: list[Footprint | None] = []
    for node in graph.nodes:
        sources = [found[each] for each in node.inputs]
        known = [each for each in sources if each is not None]
        if isinstance(node.step, Image):
            found.append(Footprint(Fraction(1), Fraction(0), Fraction(0), 1))
        elif len(known) < len(sources) or is_image_wide(node):
            found.append(None)
        else:
            found.append(_spread(node, _joined(known), axis))
    return tuple(found)


def is_image_wide(node: Node) -> bool:
    """Whether a node's cells depend on the whole image, or on its size."""
    if isinstance(node.step, Pooling):
        return node.step.whole and node.step.kernel != (1, 1)
    return isinstance(node.step, ImageWide)


def _joined(parts: list[Footprint]) -> Footprint:
    """What a cell sees that combines the same cell of several features."""
    assert len({each.stride for each in parts}) == 1, "features of equal size from one image have equal strides"
    alignment = math.lcm(*(each.alignment for each in parts))
    first, last = min(each.first for each in parts), max(each.last for each in parts)
    return Footprint(parts[0].stride, first, last, alignment)


def _spread(node: Node, seen: Footprint, axis: int) -> Footprint:
    """The footprint of a node that reads these cells."""
    match node.step:
        case Upsampling() as step:
            return _phases(seen, _interpolated(step, axis))
        case TransposedConvolution() as step:
            return _phases(seen, _scattered(step, axis))
        case Shuffle(factor=factor, inverse=False):
            return _phases(seen, [(0, 0)] * factor)
    start, reach, stride = _reads(node, axis)
    return _window(seen, start, reach, stride)


def _reads(node: Node, axis: int) -> tuple[int, int, int]:
    """Cell i of a node reads `reach` + 1 cells from i * `stride` + `start` on: (start, reach, stride)."""
    match node.step:
        case Convolution() as step:
            return -step.padding[axis][0], step.dilation[axis] * (step.kernel[axis] - 1), step.stride[axis]
        case Pooling() as step:
            return -step.padding[axis], step.dilation[axis] * (step.kernel[axis] - 1), step.stride[axis]
        case Border() as step:
            return -step.amounts[axis][0], 0, 1
        case Subsampling() as step:
            return 0, 0, step.step[axis]
        case Shuffle(factor=factor):
            return 0, factor - 1, factor
    assert isinstance(node.step, Pointwise), f"a step without a footprint: {node.step}"
    return 0, 0, 1


def _window(seen: Footprint, start: int, reach: int, stride: int) -> Footprint:
    """Cell i reads cells i * stride + start to i * stride + start + reach."""
    wider = seen.stride * stride
    first = seen.first + seen.stride * start
    return Footprint(wider, first, seen.last + seen.stride * (start + reach), _common(seen.alignment, wider))


def _phases(seen: Footprint, reads: list[tuple[int, int]]) -> Footprint:
    """Cell i * len(reads) + phase reads cells i + first to i + last of its phase's entry."""
    finer = seen.stride / len(reads)
    first = min(seen.first + start * seen.stride - phase * finer for phase, (start, _) in enumerate(reads))
    last = max(seen.last + stop * seen.stride - phase * finer for phase, (_, stop) in enumerate(reads))
    return Footprint(finer, first, last, _common(seen.alignment, seen.stride))


def _common(alignment: int, stride: Fraction) -> int:
    """The smallest whole number that both divide."""
    return math.lcm(alignment, stride.numerator)


def _interpolated(step: Upsampling, axis: int) -> list[tuple[int, int]]:
    """The cells that each phase of an upsampling reads, relative to the cell it lies in."""
    factor = step.factor[axis]
    before, after = TAPS[step.mode]
    reads = []
    for phase in range(factor):
        source = Fraction(2 * phase + 1, 2 * factor) - Fraction(1, 2)
        base = 0 if step.mode == "nearest" else math.floor(source)
        exact = step.mode == "nearest" or source == base
        reads.append((base, base) if exact else (base + before, base + after))
    return reads


def _scattered(step: TransposedConvolution, axis: int) -> list[tuple[int, int]]:
    """The cells that add to each phase of a transposed convolution, relative to the cell it starts from."""
    stride, dilation = step.stride[axis], step.dilation[axis]
    reads = []
    for phase in range(stride):
        position = phase + step.padding[axis]
        sources = [
            (position - dilation * tap) // stride
            for tap in range(step.kernel[axis])
            if (position - dilation * tap) % stride == 0
        ]
        # A phase that no tap reaches holds the bias alone.
        reads.append((min(sources, default=0), max(sources, default=0)))
    return reads

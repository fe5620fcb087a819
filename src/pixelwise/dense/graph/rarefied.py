"""The steps of a traced network on dense features, with every kernel spread out by the strides before it.

Samples lie on a grid finer than the cells of one patch; a kernel reads every `dilation`-th of them. Padding belongs to
the image's border and grows by the same factor.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from pixelwise.dense.graph.steps import (
    Border,
    Computed,
    Convolution,
    Named,
    Node,
    Pair,
    Pointwise,
    Pooling,
    Slot,
    Subsampling,
    Weight,
)
from pixelwise.dense.graph.translation import replaced
from pixelwise.ops.mirror import reflect_index


def weight_of(weight: Weight, tensors: Mapping[str, Tensor]) -> Tensor | None:
    """A weight as it is now.

    Args:
        weight: a name, a computation on names, or a tensor itself.
        tensors: the network's weights and buffers by name.
    """
    if isinstance(weight, Named):
        return tensors[weight.name]
    if isinstance(weight, Computed):
        arguments = replaced(weight.arguments, lambda each: resolved(each, tensors))
        keywords = {name: resolved(value, tensors) for name, value in weight.keywords}
        result: Tensor = weight.operation(*arguments, **keywords)
        return result
    return weight


def resolved(value: object, tensors: Mapping[str, Tensor]) -> object:
    """The tensor that a name stands for; anything else as it is."""
    return weight_of(value, tensors) if isinstance(value, Named | Computed) else value


def moved(x: Tensor, node: Node, tensors: Mapping[str, Tensor], hop: Pair, dilation: Pair = (1, 1)) -> Tensor:
    """The features of a node that reads neighbourhoods.

    Args:
        x: the features of its input.
        node: a convolution, pooling, border or subsampling.
        tensors: the network's weights by name.
        hop: input samples between neighbouring results.
        dilation: input samples between neighbouring cells of one patch.
    """
    match node.step:
        case Convolution():
            return convolved(x, node.step, tensors, hop, dilation)
        case Pooling():
            return pooled(x, node.step, hop, dilation)
        case Border():
            return bordered(x, node.step, dilation)
        case Subsampling():
            return x[..., :: hop[0], :: hop[1]]
    raise AssertionError(f"a step that reads no neighbourhood: {node.name}")


def convolved(
    x: Tensor, step: Convolution, tensors: Mapping[str, Tensor], stride: Pair = (1, 1), dilation: Pair = (1, 1)
) -> Tensor:
    """A convolution; a fully-connected layer's weight gets the shape of a kernel.

    Args:
        x: dense features (B, C, H, W).
        step: the convolution as the network has it.
        tensors: the network's weights by name.
        stride: samples between neighbouring results.
        dilation: samples between neighbouring cells of one patch.
    """
    weight, bias = weight_of(step.weight, tensors), weight_of(step.bias, tensors)
    assert weight is not None, "a convolution has a weight"
    if weight.ndim == 2:
        weight = weight.reshape(weight.shape[0], -1, *step.kernel)
    # Channels last is the layout in which convolutions are faster on CPUs: twice here, benchmarks/dense/densify.py. A
    # gray image has no layout of its own; the weight decides.
    weight, x = (each.contiguous(memory_format=torch.channels_last) for each in (weight, x))
    spread = step.dilation[0] * dilation[0], step.dilation[1] * dilation[1]
    (top, bottom), (left, right) = step.padding
    if top == bottom and left == right:
        padding = (top * dilation[0], left * dilation[1])
        return F.conv2d(x, weight, bias, stride, padding, spread, step.groups)
    x = F.pad(x, (left * dilation[1], right * dilation[1], top * dilation[0], bottom * dilation[0]))
    return F.conv2d(x, weight, bias, stride, 0, spread, step.groups)


def pooled(x: Tensor, step: Pooling, stride: Pair = (1, 1), dilation: Pair = (1, 1)) -> Tensor:
    """A maximum or average over windows.

    Args:
        x: dense features (B, C, H, W).
        step: the pooling as the network has it.
        stride: samples between neighbouring results.
        dilation: samples between neighbouring cells of one patch.
    """
    spread = step.dilation[0] * dilation[0], step.dilation[1] * dilation[1]
    length = x.shape[-2:]
    outside = -torch.inf if step.kind == "max" else 0.0
    amounts = [
        (pad * rate, pad * rate + (hop - 1) * rate * step.ceil)
        for pad, rate, hop in zip(step.padding, dilation, step.stride, strict=True)
    ]
    padded = x if not any(map(any, amounts)) else F.pad(x, (*amounts[1], *amounts[0]), value=outside)
    if step.kind == "max":
        result = F.max_pool2d(padded, step.kernel, stride, 0, spread)
    else:
        result = _window_sum(padded, step.kernel, stride, spread) / _divisor(x, step, amounts, stride, spread)
    if step.ceil:
        # A window that would start behind the image and its padding does not exist.
        rows, columns = (
            -(-(size + pad * rate) // hop)
            for size, pad, rate, hop in zip(length, step.padding, dilation, stride, strict=True)
        )
        result = result[..., :rows, :columns]
    return result


def _window_sum(x: Tensor, kernel: Pair, stride: Pair, dilation: Pair) -> Tensor:
    """Sums over windows: torch's average pooling has no dilation."""
    if dilation == (1, 1):
        return F.avg_pool2d(x, kernel, stride, divisor_override=1)
    x = _sums_along(x, -2, kernel[0], dilation[0])
    return _sums_along(x, -1, kernel[1], dilation[1])[..., :: stride[0], :: stride[1]]


def _sums_along(x: Tensor, axis: int, taps: int, gap: int) -> Tensor:
    """Sums of `taps` samples, `gap` apart: of sums of 1, 2, 4, ... samples, whose number is the logarithm."""
    count = x.shape[axis] - gap * (taps - 1)
    total, summed, width = None, 0, 1
    while True:
        if taps & width:
            part = x.narrow(axis, summed * gap, count)
            total = part if total is None else total + part
            summed += width
        if summed == taps:
            assert total is not None, "a window has at least one sample"
            return total
        length = x.shape[axis] - width * gap
        x = x.narrow(axis, 0, length) + x.narrow(axis, width * gap, length)
        width *= 2


def _divisor(x: Tensor, step: Pooling, amounts: list[Pair], stride: Pair, dilation: Pair) -> Tensor | int:
    """What the sum over each window is divided by."""
    if step.divisor is not None:
        return step.divisor
    plain = not any(map(any, amounts))
    if plain:
        return step.kernel[0] * step.kernel[1]
    ones = x.new_ones(1, 1, *x.shape[-2:])
    # The rows that ceil mode adds are no padding: torch never counts them.
    counted = [(before, before) if step.count_padding else (0, 0) for before, _ in amounts]
    ones = F.pad(ones, (*counted[1], *counted[0]), value=1.0)
    rest = [(all_[0] - c[0], all_[1] - c[1]) for all_, c in zip(amounts, counted, strict=True)]
    return _window_sum(F.pad(ones, (*rest[1], *rest[0])), step.kernel, stride, dilation)


def bordered(x: Tensor, step: Border, dilation: Pair = (1, 1)) -> Tensor:
    """Padding and cropping; mirrored and repeated cells are taken from the same phase of the grid.

    Args:
        x: dense features (B, C, H, W).
        step: the border as the network has it.
        dilation: samples between neighbouring cells of one patch.
    """
    (top, bottom), (left, right) = step.amounts
    down, across = dilation
    if step.mode == "constant" or max(top, bottom, left, right) <= 0:
        return F.pad(x, (left * across, right * across, top * down, bottom * down), value=step.value)
    for axis, (before, after), rate in ((-2, step.amounts[0], down), (-1, step.amounts[1], across)):
        x = x.index_select(axis, _continued(x.shape[axis], before, after, rate, step.mode).to(x.device))
    return x


def _continued(length: int, before: int, after: int, rate: int, mode: str) -> Tensor:
    """Where the samples of a padded axis come from."""
    positions = torch.arange(-before * rate, length + after * rate)
    source = torch.empty_like(positions)
    for phase in range(rate):
        own = positions % rate == phase
        cell, cells = positions[own].div(rate, rounding_mode="floor"), len(range(phase, length, rate))
        source[own] = _inside(cell, cells, mode) * rate + phase
    return source


def _inside(cell: Tensor, cells: int, mode: str) -> Tensor:
    if mode == "reflect":
        return reflect_index(cell, cells)
    return cell % cells if mode == "circular" else cell.clamp(0, cells - 1)


def pointwise(parts: list[Tensor], step: Pointwise, tensors: Mapping[str, Tensor]) -> Tensor:
    """An operation on each sample alone; features of unlike length are cut to the shortest, from the end.

    Args:
        parts: dense features, each (B, C, H, W).
        step: the operation.
        tensors: the network's weights by name.
    """
    rows, columns = min(part.shape[-2] for part in parts), min(part.shape[-1] for part in parts)
    cut = [part[..., :rows, :columns] for part in parts]
    if step.channels_last:
        cut = [part.permute(0, 2, 3, 1) for part in cut]

    def filled(value: object) -> object:
        return cut[value.number] if isinstance(value, Slot) else resolved(value, tensors)

    result = step.operation(*replaced(step.arguments, filled), **{name: filled(value) for name, value in step.keywords})
    chosen: Tensor = result if step.part is None else result[step.part]
    return chosen.permute(0, 3, 1, 2) if step.channels_last else chosen

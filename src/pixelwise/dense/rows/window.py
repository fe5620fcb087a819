"""Some rows of one node's features, computed from the rows of its inputs that are at hand, as the whole image has them.

The network's padding above and below is put in where the image really ends, and nowhere else; to the left and right
every step sees the full width.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from pixelwise.dense.graph.rarefied import bordered, convolved, pointwise, pooled
from pixelwise.dense.graph.replay import applied
from pixelwise.dense.graph.steps import (
    Border,
    Convolution,
    Node,
    Pointwise,
    Pooling,
    Shuffle,
    Subsampling,
    TransposedConvolution,
    Upsampling,
)
from pixelwise.dense.rows.reads import Rows, rows_read
from pixelwise.ops.mirror import reflect_index


@dataclass(frozen=True)
class Held:
    """Neighbouring rows of a node's features (B, C, n, W), the first of which is row `first` of all."""

    values: Tensor
    first: int

    @property
    def stop(self) -> int:
        """The row after the last one held."""
        return self.first + self.values.shape[-2]

    def part(self, rows: Rows) -> Tensor:
        """Some of the rows, without a copy."""
        assert self.first <= rows[0] and rows[1] <= self.stop, f"rows {rows} of {self.first, self.stop}"
        return self.values[..., rows[0] - self.first : rows[1] - self.first, :]

    def since(self, row: int) -> "Held":
        """What is left when the rows above `row` are dropped; their memory is given back."""
        row = min(row, self.stop)
        return self if row <= self.first else Held(self.part((row, self.stop)).clone(), row)

    def followed_by(self, values: Tensor) -> "Held":
        """These rows and the ones below them."""
        return Held(torch.cat([self.values, values], dim=-2) if self.values.shape[-2] else values, self.first)


def computed_rows(node: Node, inputs: list[Held], height: int, rows: Rows, tensors: Mapping[str, Tensor]) -> Tensor:
    """Rows of a node's features.

    Args:
        node: a step that is neither image-wide nor the image.
        inputs: rows of its inputs, which cover what `rows_read` names.
        height: rows of all of each input.
        rows: which ones.
        tensors: the network's weights by name.
    """
    match node.step:
        case Pointwise() as step:
            return pointwise([each.part(rows) for each in inputs], step, tensors)
        case Upsampling() | Shuffle() | TransposedConvolution():
            return _finer(node, inputs[0], height, rows, tensors)
        case Border(mode=mode) as step if mode != "constant":
            return _continued(inputs[0], step, height, rows)
    return _windows(
        node, _padded(inputs[0], rows_read(node, rows, height), height, _outside(node)), height, rows, tensors
    )


def _windows(node: Node, x: Tensor, height: int, rows: Rows, tensors: Mapping[str, Tensor]) -> Tensor:
    """Rows of a step that reads windows, from the rows that these reach over."""
    match node.step:
        case Convolution() as step:
            return convolved(x, replace(step, padding=((0, 0), step.padding[1])), tensors, step.stride)
        case Pooling() as step:
            return _pooled(x, step, height, rows)
        case Border() as step:
            return bordered(x, replace(step, amounts=((0, 0), step.amounts[1])))
        case Subsampling() as step:
            return x[..., :: step.step[0], :: step.step[1]]
    raise AssertionError(f"a step without rows: {node.step}")


def _outside(node: Node) -> float:
    """What stands above and below the image."""
    match node.step:
        case Border(value=value):
            return value
        case Pooling(kind="max"):
            return -torch.inf
    return 0.0


def _padded(held: Held, wanted: Rows, height: int, value: float) -> Tensor:
    """The wanted rows; those outside the image have one value."""
    first, stop = wanted
    inside = min(max(first, 0), height), max(min(stop, height), 0)
    above, below = max(0, min(stop, 0) - first), max(0, stop - max(first, height))
    x = held.part(inside)
    return F.pad(x, (0, 0, above, below), value=value) if above or below else x


def _finer(node: Node, held: Held, height: int, rows: Rows, tensors: Mapping[str, Tensor]) -> Tensor:
    """Rows of an upsampling, pixel shuffle or transposed convolution.

    The rows at hand are enlarged by themselves; at their ends, where others would add, the result is cut off.
    """
    first, stop = rows_read(node, rows, height)
    first, stop = max(first, 0), min(stop, height)
    x = held.part((first, stop))
    match node.step:
        case TransposedConvolution() as step:
            start = first * step.stride[0] - step.padding[0]
            node = replace(node, step=replace(step, padding=(0, step.padding[1])))
        case Upsampling(factor=(factor, _)) | Shuffle(factor=factor, inverse=False):
            start = first * factor
        case _:
            start = rows[0]
    return applied(node, [x], tensors).narrow(-2, rows[0] - start, rows[1] - rows[0])


def _continued(held: Held, step: Border, height: int, rows: Rows) -> Tensor:
    """Rows of a border that mirrors or repeats the image's."""
    positions = torch.arange(*rows) - step.amounts[0][0]
    source = reflect_index(positions, height) if step.mode == "reflect" else positions.clamp(0, height - 1)
    x = held.values.index_select(-2, (source - held.first).to(held.values.device))
    return bordered(x, replace(step, amounts=((0, 0), step.amounts[1])))


def _pooled(x: Tensor, step: Pooling, height: int, rows: Rows) -> Tensor:
    """Rows of a pooling."""
    result = pooled(x, replace(step, padding=(0, step.padding[1])), step.stride)
    if step.kind == "max" or step.divisor is not None:
        return result
    padding, kernel = step.padding[0], step.kernel[0]
    counted = padding if step.count_padding else 0
    first = torch.arange(*rows) * step.stride[0] - padding
    # Rows that ceil mode adds below the padding are never counted.
    count = (first + kernel).clamp(max=height + counted) - first.clamp(min=-counted)
    whole = bool((count == kernel).all())
    return result if whole else result * (kernel / count.to(result))[:, None]

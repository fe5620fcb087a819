"""Which rows of its input a node of a traced network reads for some rows of its own."""

from pixelwise.dense.graph.footprint import TAPS
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

Rows = tuple[int, int]
"""First row, and the row after the last one."""


def rows_read(node: Node, rows: Rows, height: int) -> Rows:
    """The input rows that a node's rows depend on; both ends grow with the node's rows.

    Rows outside 0..height are the node's padding. A few more rows than needed may be named where the exact answer
    differs from row to row (upsampling) or lies at a mirrored border.

    Args:
        node: a step that is not image-wide.
        rows: rows of its features, at least one.
        height: rows of its input.
    """
    first, last = rows[0], rows[1] - 1
    match node.step:
        case Upsampling(factor=(factor, _), mode=mode):
            before, after = TAPS[mode]
            return _below(first, factor, mode) + before, _below(last, factor, mode) + after + 1
        case TransposedConvolution() as step:
            return _scattering(step, first)[0], _scattering(step, last)[1] + 1
        case Shuffle(factor=factor, inverse=False):
            return first // factor, last // factor + 1
        case Border(mode=mode, amounts=((top, bottom), _)) if mode != "constant":
            # The mirrored rows below the image are read last and lie farthest back.
            return min(first - top, height - 1 - max(bottom, 0)), max(last - top, top) + 1
    start, stride, reach = window(node)
    return first * stride + start, last * stride + start + reach + 1


def window(node: Node) -> tuple[int, int, int]:
    """Row r of a node reads rows r * stride + start to r * stride + start + reach: (start, stride, reach)."""
    match node.step:
        case Convolution() as step:
            return -step.padding[0][0], step.stride[0], step.dilation[0] * (step.kernel[0] - 1)
        case Pooling() as step:
            return -step.padding[0], step.stride[0], step.dilation[0] * (step.kernel[0] - 1)
        case Border() as step:
            return -step.amounts[0][0], 1, 0
        case Subsampling() as step:
            return 0, step.step[0], 0
        case Shuffle(factor=factor):
            return 0, factor, factor - 1
    assert isinstance(node.step, Pointwise), f"a step without rows: {node.step}"
    return 0, 1, 0


def _below(row: int, factor: int, mode: str) -> int:
    """The input row at whose centre, or next below it, the centre of an upsampled row lies."""
    return row // factor if mode == "nearest" else (2 * row + 1 - factor) // (2 * factor)


def _scattering(step: TransposedConvolution, row: int) -> Rows:
    """The first and last input row that add to a row; rows that none adds to count as between their neighbours."""
    stride, reach = step.stride[0], step.dilation[0] * (step.kernel[0] - 1)
    position = row + step.padding[0]
    least, most = -((reach - position) // stride), position // stride
    return min(least, most), max(least, most)

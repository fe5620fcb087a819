"""Which pixels of a row each output of a stack of layers reads, by following sets of indices."""

from collections.abc import Sequence

Layer = tuple[str, int, int, int]
"""(kind, kernel, stride, dilation); kinds: conv (also pooling), up (transposed convolution), copy (nearest upsampling).

Convolutions are centred: the first tap of output i lies at i * stride - before, before = (kernel - 1) * dilation // 2.
"""


def sources(layers: Sequence[Layer], position: int) -> set[int]:
    """The input positions, negative ones included, that the output at this position depends on."""
    wanted = {position}
    for kind, kernel, stride, dilation in reversed(layers):
        if kind == "conv":
            before = (kernel - 1) * dilation // 2
            wanted = {i * stride - before + tap * dilation for i in wanted for tap in range(kernel)}
        elif kind == "pool":
            wanted = {i * stride + tap for i in wanted for tap in range(kernel)}
        elif kind == "up":  # out[i * stride + tap - before] += in[i]
            before = (kernel - stride) // 2
            wanted = {
                (o + before - tap) // stride
                for o in wanted
                for tap in range(kernel)
                if (o + before - tap) % stride == 0
            }
        else:
            assert kind == "copy"
            wanted = {o // stride for o in wanted}
    return wanted


def needed_halo(layers: Sequence[Layer], alignment: int) -> int:
    """The pixels that a region of outputs, cut at multiples of the alignment, reads beyond itself; the wider side.

    Rounded up to a multiple of the alignment.
    """
    reads = [sources(layers, position) for position in range(alignment)]
    left = max(-min(each) for each in reads)
    right = max(max(each) - (alignment - 1) for each in reads)
    reach = max(left, right, 0)
    return -(-reach // alignment) * alignment

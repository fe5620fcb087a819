"""The padding with which a convolution, dilated or not, keeps the size of its input."""

from pixelwise.ops.pairs import Pair, pair_of


def same_padding(kernel_size: Pair, dilation: Pair = 1) -> tuple[tuple[int, int], tuple[int, int]]:
    """The padding ((above, below), (left, right)) with which a convolution of stride 1 keeps the size.

    Together dilation * (kernel - 1) pixels along each axis. Where that is even (an odd kernel, or an even dilation)
    both sides get half, and each output is centred on its pixel. Where it is odd, the odd pixel goes below and to the
    right, as in torch's padding="same" and TensorFlow's SAME; the outputs are then centred half a pixel further
    down and right.

    With a stride the same padding gives ceil(length / stride), output i centred on pixel i * stride, for every input
    length; TensorFlow's SAME makes it depend on the length there.

    `F.pad` takes (left, right, above, below).

    >>> same_padding(3, dilation=4)
    ((4, 4), (4, 4))
    >>> same_padding((2, 5))
    ((0, 1), (2, 2))

    Raises:
        InputError: a number is below 1.
    """
    kernel, spread = pair_of(kernel_size, "kernel_size", 1), pair_of(dilation, "dilation", 1)
    down, right = spread[0] * (kernel[0] - 1), spread[1] * (kernel[1] - 1)
    return (down // 2, down - down // 2), (right // 2, right - right // 2)

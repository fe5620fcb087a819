"""Transposed convolutions: how large they make a map, whether they shift it, and weights that interpolate."""

import torch
from jaxtyping import Float
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.ops.pairs import Pair, pair_of
from pixelwise.shapes import Size


def transposed_output_size(
    size: Size,
    kernel_size: Pair,
    stride: Pair = 1,
    padding: Pair = 0,
    output_padding: Pair = 0,
    dilation: Pair = 1,
) -> Size:
    """The height and width that `F.conv_transpose2d` makes of a map of the given size.

    (length - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1 along each axis (Dumoulin and
    Visin 2016, relationship 14). It is the inverse of the convolution with the same arguments, which maps `stride`
    sizes to one: `output_padding` says which of them is meant.

    >>> transposed_output_size((8, 8), kernel_size=4, stride=2, padding=1)
    (16, 16)

    Raises:
        InputError: a number is too small, output_padding is not below stride or dilation (then no convolution has
            this inverse, and torch refuses), or nothing would be left.
    """
    kernel, step = pair_of(kernel_size, "kernel_size", 1), pair_of(stride, "stride", 1)
    cut, extra = pair_of(padding, "padding", 0), pair_of(output_padding, "output_padding", 0)
    spread = pair_of(dilation, "dilation", 1)
    if any(extra[axis] >= max(step[axis], spread[axis]) for axis in (0, 1)):
        raise InputError(
            "an output_padding below the stride or the dilation",
            f"output_padding={output_padding}, stride={stride}, dilation={dilation}",
            hint="output_padding is at most stride - 1",
        )
    height, width = (
        (size[axis] - 1) * step[axis] - 2 * cut[axis] + spread[axis] * (kernel[axis] - 1) + extra[axis] + 1
        for axis in (0, 1)
    )
    if min(*size, height, width) < 1:
        raise InputError(
            "a map and a result with at least one pixel",
            f"a map of {size[0]}x{size[1]} that becomes {height}x{width}",
            hint="lower the padding",
        )
    return height, width


def transposed_shift(kernel_size: Pair, stride: Pair = 1, padding: Pair = 0, dilation: Pair = 1) -> tuple[float, float]:
    """By how many output pixels a transposed convolution moves the picture down and to the right; 0 is aligned.

    Aligned means that an input pixel spreads evenly around the `stride` x `stride` output pixels that cover the same
    area: (dilation * (kernel - 1) + 1 - stride) / 2 - padding is 0. Half a pixel remains where the dilated kernel and
    the stride are not both even or both odd. Input pixel i is centred on output index
    i * stride + (stride - 1) / 2 + shift. Crop the result by the shift, as FCN does, or raise the padding by it.

    >>> transposed_shift(kernel_size=4, stride=2, padding=1)
    (0.0, 0.0)
    >>> transposed_shift(kernel_size=64, stride=32)  # the last layer of FCN-32s
    (16.0, 16.0)

    Raises:
        InputError: a number is too small.
    """
    kernel, step = pair_of(kernel_size, "kernel_size", 1), pair_of(stride, "stride", 1)
    cut, spread = pair_of(padding, "padding", 0), pair_of(dilation, "dilation", 1)
    down, right = ((spread[axis] * (kernel[axis] - 1) + 1 - step[axis]) / 2 - cut[axis] for axis in (0, 1))
    return down, right


def bilinear_kernel(
    stride: Pair, channels: int = 1, dtype: torch.dtype | None = None, device: torch.device | str | None = None
) -> Float[Tensor, "C 1 kh kw"]:
    """Weights with which `F.conv_transpose2d` interpolates bilinearly to `stride` times the size.

    The kernel has 2 * stride - stride % 2 pixels per axis, a tent whose peak is at its middle (Long et al. 2015, FCN;
    there `upsample_filt`). With padding stride // 2 the result is exactly `stride` times as large and equals
    `F.interpolate(scale_factor=stride, mode="bilinear", align_corners=False)`, except within stride // 2 pixels of
    the border, where this one fades towards 0 and that one repeats the edge.

    Differs from FCN's weights, a full (C, C, k, k) with zeros between different channels: here one kernel per
    channel, for groups=channels, with C times fewer multiplications.

    >>> maps = torch.ones(1, 3, 5, 5)
    >>> torch.nn.functional.conv_transpose2d(maps, bilinear_kernel(2, 3), stride=2, padding=1, groups=3).shape
    torch.Size([1, 3, 10, 10])

    Args:
        stride: how many times as large the result is.
        channels: C, of the maps.
        dtype: torch's default without one.
        device: where the weights lie.

    Raises:
        InputError: `stride` or `channels` is below 1.
    """
    if channels < 1:
        raise InputError("at least one channel", f"channels={channels}", hint="pass channels=maps.shape[1]")
    vertical, horizontal = (_tent(step) for step in pair_of(stride, "stride", 1))
    kernel = torch.outer(vertical, horizontal).to(device=device, dtype=dtype or torch.get_default_dtype())
    return kernel.repeat(channels, 1, 1, 1)


def _tent(stride: int) -> Float[Tensor, " k"]:
    size = 2 * stride - stride % 2
    distance = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    return 1 - distance.abs() / stride

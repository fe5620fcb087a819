"""Deformable convolution, one tap at a time, straight from its definition.

Dai et al. 2017, equation 2; with a mask, Zhu et al. 2019, equation 1.
"""

from math import floor, isfinite

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def pixel(channel: Array, row: int, column: int) -> float:
    """Outside the image there is nothing."""
    height, width = channel.shape
    return float(channel[row, column]) if 0 <= row < height and 0 <= column < width else 0.0


def between_pixels(channel: Array, y: float, x: float) -> float:
    if not (isfinite(y) and isfinite(x)):
        return 0.0
    top, left = floor(y), floor(x)
    upper = (left + 1 - x) * pixel(channel, top, left) + (x - left) * pixel(channel, top, left + 1)
    lower = (left + 1 - x) * pixel(channel, top + 1, left) + (x - left) * pixel(channel, top + 1, left + 1)
    return (top + 1 - y) * upper + (y - top) * lower


def deform_conv_by_hand(
    images: Array,
    offset: Array,
    weight: Array,
    bias: Array | None,
    mask: Array | None,
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
) -> Array:
    outputs, part, kernel_rows, kernel_columns = weight.shape
    kernel = kernel_rows * kernel_columns
    batch, channels = images.shape[:2]
    rows, columns = offset.shape[2:]
    offset_groups = offset.shape[1] // (2 * kernel)
    outputs_per_group = outputs // (channels // part)
    result = np.zeros((batch, outputs, rows, columns))
    for b, o, row, column in np.ndindex(*result.shape):
        total = 0.0 if bias is None else float(bias[o])
        for i, ky, kx in np.ndindex(part, kernel_rows, kernel_columns):
            channel = (o // outputs_per_group) * part + i
            entry = (channel // (channels // offset_groups)) * kernel + ky * kernel_columns + kx
            dy, dx = offset[b, 2 * entry : 2 * entry + 2, row, column]
            y = row * stride[0] - padding[0] + ky * dilation[0] + dy
            x = column * stride[1] - padding[1] + kx * dilation[1] + dx
            strength = 1.0 if mask is None else float(mask[b, entry, row, column])
            total += weight[o, i, ky, kx] * strength * between_pixels(images[b, channel], y, x)
        result[b, o, row, column] = total
    return result

"""Correlations from their definitions, one scalar product at a time."""

from math import ceil, floor

import torch
from torch import Tensor


def correlate_by_hand(
    first: Tensor,
    second: Tensor,
    max_displacement: int,
    stride: int,
    kernel_size: int = 1,
    position_stride: int = 1,
    reduction: str = "mean",
) -> Tensor:
    batch, channels, height, width = first.shape
    radius, half = max_displacement // stride, kernel_size // 2
    steps = range(-radius, radius + 1)
    rows, columns = ceil(height / position_stride), ceil(width / position_stride)
    result = first.new_zeros(batch, len(steps) ** 2, rows, columns)

    def features(maps: Tensor, y: int, x: int) -> Tensor:
        inside = 0 <= y < height and 0 <= x < width
        return maps[:, :, y, x] if inside else maps.new_zeros(batch, channels)

    window = range(-half, half + 1)
    for channel, (dy, dx) in enumerate((dy * stride, dx * stride) for dy in steps for dx in steps):
        for row in range(rows):
            for column in range(columns):
                for y in (row * position_stride + j for j in window):
                    for x in (column * position_stride + i for i in window):
                        products = features(first, y, x) * features(second, y + dy, x + dx)
                        result[:, channel, row, column] += products.sum(1)
    return result / (channels * kernel_size**2) if reduction == "mean" else result


def look_up_by_hand(first: Tensor, second: Tensor, coordinates: Tensor, radius: int, levels: int) -> Tensor:
    """RAFT's lookup without a volume: `second` is averaged and sampled, then multiplied with `first`."""
    batch, channels = first.shape[:2]
    side = 2 * radius + 1
    result = first.new_zeros(batch, levels * side**2, *coordinates.shape[2:])
    for level in range(levels):
        for b in range(batch):
            for row in range(coordinates.shape[2]):
                for column in range(coordinates.shape[3]):
                    x, y = (coordinates[b, :, row, column] / 2**level).tolist()
                    for channel in range(side**2):
                        dy, dx = channel // side - radius, channel % side - radius
                        features = blended(second[b], y + dy, x + dx)
                        value = (first[b, :, row, column] * features).sum() / channels**0.5
                        result[b, level * side**2 + channel, row, column] = value
        second = halved(second)
    return result


def halved(maps: Tensor) -> Tensor:
    """Averages over cells of 2x2 pixels; a cell at the edge holds the pixels that exist."""
    rows, columns = ceil(maps.shape[2] / 2), ceil(maps.shape[3] / 2)
    cells = [
        maps[:, :, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].mean((2, 3))
        for row in range(rows)
        for column in range(columns)
    ]
    return torch.stack(cells, 2).unflatten(2, (rows, columns))


def blended(features: Tensor, y: float, x: float) -> Tensor:
    """Bilinear features between pixel centres at +0.5, zeros outside."""
    height, width = features.shape[1:]
    top, left = floor(y - 0.5), floor(x - 0.5)
    total = features.new_zeros(features.shape[0])
    for row in (top, top + 1):
        for column in (left, left + 1):
            weight = (1 - abs(y - 0.5 - row)) * (1 - abs(x - 0.5 - column))
            if 0 <= row < height and 0 <= column < width:
                total += weight * features[:, row, column]
    return total

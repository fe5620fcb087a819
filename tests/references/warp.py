"""Values between pixels, one position at a time, straight from the definition."""

from math import floor, isfinite

import torch
from torch import Tensor


def mirrored_index(index: int, length: int) -> int:
    """Walks from the border step by step, turning at the outermost pixels."""
    if length == 1:
        return 0
    while not 0 <= index < length:
        index = -index if index < 0 else 2 * (length - 1) - index
    return index


def value_at(channel: Tensor, x: float, y: float, mode: str, border: str, value: float) -> tuple[float, bool]:
    height, width = channel.shape
    inside = isfinite(x) and isfinite(y) and 0 <= x < width and 0 <= y < height
    if border == "constant" and not inside:
        return value, False

    def pixel(row: int, column: int) -> float:
        if border == "constant":  # the edge value holds in the half pixel at the rim
            return float(channel[min(max(row, 0), height - 1), min(max(column, 0), width - 1)])
        return float(channel[mirrored_index(row, height), mirrored_index(column, width)])

    if mode == "nearest":
        return pixel(floor(y), floor(x)), inside
    left, top = floor(x - 0.5), floor(y - 0.5)
    share_x, share_y = x - 0.5 - left, y - 0.5 - top
    upper = (1 - share_x) * pixel(top, left) + share_x * pixel(top, left + 1)
    lower = (1 - share_x) * pixel(top + 1, left) + share_x * pixel(top + 1, left + 1)
    return (1 - share_y) * upper + share_y * lower, inside


def sample_by_hand(
    images: Tensor, coordinates: Tensor, mode: str, border: str, value: float = 0
) -> tuple[Tensor, Tensor]:
    batch, channels = images.shape[:2]
    values = images.new_zeros(batch, channels, *coordinates.shape[2:])
    inside = torch.zeros(batch, *coordinates.shape[2:], dtype=torch.bool)
    for b in range(batch):
        for row in range(coordinates.shape[2]):
            for column in range(coordinates.shape[3]):
                x, y = coordinates[b, :, row, column].tolist()
                for c in range(channels):
                    values[b, c, row, column], inside[b, row, column] = value_at(
                        images[b, c], x, y, mode, border, value
                    )
    return values, inside

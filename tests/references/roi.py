"""Pooling of regions, one bin, one sample and one pixel at a time, straight from the definitions."""

from math import ceil, floor, isfinite

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def value_between(channel: Array, y: float, x: float) -> float:
    """A bilinear value; 0 further than a pixel outside, the border's value less far outside."""
    height, width = channel.shape
    if not (-1 <= y <= height and -1 <= x <= width):
        return 0.0
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = min(floor(y), height - 1), min(floor(x), width - 1)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    above = (1 - (x - left)) * channel[top, left] + (x - left) * channel[top, right]
    below = (1 - (x - left)) * channel[bottom, left] + (x - left) * channel[bottom, right]
    return float((1 - (y - top)) * above + (y - top) * below)


def bin_mean(channel: Array, start: tuple[float, float], side: tuple[float, float], ratio: int) -> float:
    """The mean of a grid of samples in one bin; `side` is the bin's height and width."""
    rows, columns = (ratio if ratio > 0 else ceil(length) for length in side)
    total = 0.0
    for row in range(rows):
        for column in range(columns):
            y = start[0] + (row + 0.5) * side[0] / rows
            x = start[1] + (column + 0.5) * side[1] / columns
            total += value_between(channel, y, x)
    return total / max(rows * columns, 1)


def roi_align_by_hand(
    features: Array, rois: Array, size: tuple[int, int], scale: float, ratio: int, aligned: bool
) -> Array:
    out = np.zeros((len(rois), features.shape[1], *size))
    for number, (image, *corners) in enumerate(rois):
        if not all(isfinite(corner) for corner in corners):
            continue
        x0, y0, x1, y1 = (corner * scale - (0.5 if aligned else 0) for corner in corners)
        height, width = (y1 - y0, x1 - x0) if aligned else (max(y1 - y0, 1), max(x1 - x0, 1))
        side = (height / size[0], width / size[1])
        for k, i, j in np.ndindex(*out.shape[1:]):
            start = (y0 + i * side[0], x0 + j * side[1])
            out[number, k, i, j] = bin_mean(features[int(image), k], start, side, ratio)
    return out


def ps_roi_align_by_hand(features: Array, rois: Array, size: tuple[int, int], scale: float, ratio: int) -> Array:
    everything = roi_align_by_hand(features, rois, size, scale, ratio, aligned=True)
    out = np.zeros((len(rois), features.shape[1] // (size[0] * size[1]), *size))
    for number, k, i, j in np.ndindex(*out.shape):
        out[number, k, i, j] = everything[number, (k * size[0] + i) * size[1] + j, i, j]
    return out


def rounded(value: float) -> int:
    return floor(value + 0.5) if value >= 0 else ceil(value - 0.5)


def roi_pool_by_hand(features: Array, rois: Array, size: tuple[int, int], scale: float) -> Array:
    out = np.zeros((len(rois), features.shape[1], *size))
    for number, (image, *corners) in enumerate(rois):
        if not all(isfinite(corner) for corner in corners):
            continue
        x0, y0, x1, y1 = (rounded(corner * scale) for corner in corners)
        height, width = max(y1 - y0 + 1, 1), max(x1 - x0 + 1, 1)
        for k, i, j in np.ndindex(*out.shape[1:]):
            channel = features[int(image), k]
            rows = range(y0 + i * height // size[0], y0 + -(-(i + 1) * height // size[0]))
            columns = range(x0 + j * width // size[1], x0 + -(-(j + 1) * width // size[1]))
            inside = [
                channel[row, column]
                for row in rows
                for column in columns
                if 0 <= row < channel.shape[0] and 0 <= column < channel.shape[1]
            ]
            out[number, k, i, j] = max(inside, default=0.0)
    return out

"""Masks pixel by pixel: boxes, overlaps, and pasting as a formula at each pixel."""

import math

import numpy as np


def mask_box(mask: np.ndarray) -> list[int]:
    """x0 y0 x1 y1, ends exclusive; zeros for an empty mask."""
    inside = [(x, y) for y in range(mask.shape[0]) for x in range(mask.shape[1]) if mask[y, x]]
    if not inside:
        return [0, 0, 0, 0]
    xs, ys = [x for x, _ in inside], [y for _, y in inside]
    return [min(xs), min(ys), max(xs) + 1, max(ys) + 1]


def mask_iou(mask: np.ndarray, other: np.ndarray, crowd: bool = False) -> float:
    common = sum(bool(a and b) for a, b in zip(mask.flat, other.flat, strict=True))
    union = int(mask.sum()) if crowd else int(mask.sum()) + int(other.sum()) - common
    return common / union if union else 0.0


def pasted(mask: np.ndarray, box: list[float], size: tuple[int, int], padding: int = 1) -> np.ndarray:
    """The soft values in the whole image.

    The mask is framed with zeros, the box grown alike and cut to whole pixels, then the frame resized to it (bilinear,
    pixel centres at +0.5, edges repeated).
    """
    rows, columns = mask.shape
    framed = np.pad(mask.astype(np.float64), padding)
    x0, x1 = _grown(box[0], box[2], (columns + 2 * padding) / columns)
    y0, y1 = _grown(box[1], box[3], (rows + 2 * padding) / rows)
    image = np.zeros(size)
    for y in range(max(y0, 0), min(y1 + 1, size[0])):
        for x in range(max(x0, 0), min(x1 + 1, size[1])):
            down = (y - y0 + 0.5) * framed.shape[0] / (y1 - y0 + 1) - 0.5
            across = (x - x0 + 0.5) * framed.shape[1] / (x1 - x0 + 1) - 0.5
            image[y, x] = _bilinear(framed, down, across)
    return image


def _grown(start: float, end: float, scale: float) -> tuple[int, int]:
    middle, half = (start + end) / 2, (end - start) / 2 * scale
    return math.trunc(middle - half), math.trunc(middle + half)


def _bilinear(values: np.ndarray, row: float, column: float) -> float:
    row, column = min(max(row, 0.0), values.shape[0] - 1), min(max(column, 0.0), values.shape[1] - 1)
    y, x = int(row), int(column)
    below, right = min(y + 1, values.shape[0] - 1), min(x + 1, values.shape[1] - 1)
    upper = values[y, x] * (1 - column + x) + values[y, right] * (column - x)
    lower = values[below, x] * (1 - column + x) + values[below, right] * (column - x)
    return upper * (1 - row + y) + lower * (row - y)

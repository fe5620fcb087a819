"""Which pixels lie in a polygon, asked one pixel and one edge at a time."""

from collections.abc import Sequence

import numpy as np


def polygon_pixels(polygons: Sequence[Sequence[float]], height: int, width: int) -> np.ndarray:
    """True where an odd number of a polygon's edges lies above the pixel's centre, for any of the polygons."""
    mask = np.zeros((height, width), dtype=np.bool_)
    for row in range(height):
        for column in range(width):
            mask[row, column] = any(_inside(polygon, column + 0.5, row + 0.5) for polygon in polygons)
    return mask


def _inside(polygon: Sequence[float], x: float, y: float) -> bool:
    points = list(zip(polygon[0::2], polygon[1::2], strict=True))
    above = 0
    for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1], strict=True):
        if min(x0, x1) <= x < max(x0, x1) and y0 + (x - x0) * (y1 - y0) / (x1 - x0) <= y:
            above += 1
    return above % 2 == 1

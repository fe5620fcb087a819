"""Slow, obvious definitions of corruptions: loops over pixels, one value at a time."""

import math

import numpy as np
from numpy.typing import NDArray

Planes = NDArray[np.float64]


def mirrored(place: int, length: int) -> int:
    """The pixel that a mirror standing on the outermost pixels shows at a place outside."""
    while length > 1 and not 0 <= place < length:
        place = -place if place < 0 else 2 * (length - 1) - place
    return 0 if length == 1 else place


def averaged(image: Planes, weights: dict[tuple[int, int], float]) -> Planes:
    """Each pixel the weighted sum of those at (row, column) steps from it."""
    channels, height, width = image.shape
    out = np.zeros_like(image)
    for channel in range(channels):
        for row in range(height):
            for column in range(width):
                out[channel, row, column] = sum(
                    weight * image[channel, mirrored(row + down, height), mirrored(column + across, width)]
                    for (down, across), weight in weights.items()
                )
    return out


def smear(image: Planes, radius: int, sigma: float, angle: float) -> Planes:
    """A line of 2 radius + 1 steps with half a Gaussian's weights, moved so that its mean lies on the pixel."""
    raw = [math.exp(-(step**2) / (2 * sigma**2)) for step in range(2 * radius + 1)]
    shares = [each / sum(raw) for each in raw]
    mean = sum(step * share for step, share in enumerate(shares))
    weights: dict[tuple[int, int], float] = {}
    for step, share in enumerate(shares):
        turn = math.radians(angle)
        place = (round((step - mean) * math.sin(turn)), round((step - mean) * math.cos(turn)))
        weights[place] = weights.get(place, 0.0) + share
    return averaged(image, weights)


def swapped(image: Planes, reach: int, moves: NDArray[np.int64]) -> Planes:
    """One pass of glass: from the lower right, each pixel swapped with the one `moves` (x, y) away."""
    out = image.copy()
    _, height, width = image.shape
    for i, row in enumerate(range(height - reach, reach, -1)):
        for j, column in enumerate(range(width - reach, reach, -1)):
            across, down = moves[i, j]
            kept = out[:, row, column].copy()
            out[:, row, column] = out[:, row + down, column + across]
            out[:, row + down, column + across] = kept
    return out


def diamond_square(side: int, decay: float, generator: np.random.Generator) -> NDArray[np.float64]:
    """The height map on a grid that wraps around, point by point, its chance drawn in rows."""
    heights = np.zeros((side, side))
    step, spread = side, 1.0
    while step > 1:
        half, count = step // 2, side // step
        for chance, (top, left) in ((generator.uniform(-1, 1, (count, count)), (half, half)),):
            for i in range(count):
                for j in range(count):
                    row, column = top + i * step, left + j * step
                    corners = [
                        heights[(row + a) % side, (column + b) % side] for a in (-half, half) for b in (-half, half)
                    ]
                    heights[row, column] = sum(corners) / 4 + spread * chance[i, j]
        for top, left in ((0, half), (half, 0)):
            chance = generator.uniform(-1, 1, (count, count))
            for i in range(count):
                for j in range(count):
                    row, column = top + i * step, left + j * step
                    sides = [
                        heights[(row + a) % side, (column + b) % side]
                        for a, b in ((-half, 0), (half, 0), (0, -half), (0, half))
                    ]
                    heights[row, column] = sum(sides) / 4 + spread * chance[i, j]
        step, spread = half, spread / decay**2
    heights -= heights.min()
    return heights / heights.max()

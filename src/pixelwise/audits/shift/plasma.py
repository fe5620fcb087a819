"""Clouds: a random height map, rough at every scale, by the diamond-square algorithm."""

import numpy as np
from jaxtyping import Float32

from pixelwise.shapes import Size


def plasma(size: Size, decay: float, generator: np.random.Generator) -> Float32[np.ndarray, "H W"]:
    """A cloudy map of values 0..1, both of which occur where it has more than one value.

    On a grid that wraps around, whose side is the next power of two: the middle of each square is the mean of its
    corners plus chance, then the middle of each side is the mean of its four neighbours plus chance, at half the
    distance again and again. The chance falls by `decay` squared with each halving (the published program multiplies
    by its "wibble" twice). The size is cut from the grid's corner.

    Args:
        size: height and width.
        decay: above 1; larger is smoother.
        generator: where the chance comes from.
    """
    side = 1 << max(1, (max(size) - 1).bit_length())
    heights = np.zeros((side, side))
    step, spread = side, 1.0
    while step > 1:
        half = step // 2
        corners = heights[::step, ::step]
        below = np.roll(corners, -1, 0)
        squares = (corners + below + np.roll(corners, -1, 1) + np.roll(below, -1, 1)) / 4
        squares += spread * generator.uniform(-1, 1, squares.shape)
        heights[half::step, half::step] = squares
        upper = (corners + np.roll(corners, -1, 1) + squares + np.roll(squares, 1, 0)) / 4
        heights[::step, half::step] = upper + spread * generator.uniform(-1, 1, upper.shape)
        left = (corners + below + squares + np.roll(squares, 1, 1)) / 4
        heights[half::step, ::step] = left + spread * generator.uniform(-1, 1, left.shape)
        step, spread = half, spread / decay**2
    cut = heights[: size[0], : size[1]]
    cut = cut - cut.min()
    highest = cut.max()
    return np.asarray(cut / highest if highest > 0 else cut, dtype=np.float32)

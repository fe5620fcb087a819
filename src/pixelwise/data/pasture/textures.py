"""Smooth noise without seams, made once per process and looked up by everything that has a surface."""

from functools import lru_cache

import numpy as np
from jaxtyping import Float32, Int64

TILE = 512
"""Side of a tile in texels: a scene of 128 px shows a quarter of it, and making one takes about 20 ms."""

Tile = Float32[np.ndarray, "S S"]
Grid = Float32[np.ndarray, "H W"]
Line = Float32[np.ndarray, " N"]


@lru_cache(maxsize=32)
def noise_tile(seed: int, rows: float, columns: float) -> Tile:
    """A square of Gaussian noise, 512 texels wide, that repeats without a seam; mean 0, standard deviation 1.

    White noise is blurred with a Gaussian of these standard deviations (in texels) by a Fourier transform, which
    makes it periodic. Elongated noise (rows > columns) reads as grass, flat noise as waves. Callers must not write
    into it.

    Args:
        seed: number of the tile; one number is always the same tile.
        rows: blur along the height.
        columns: blur along the width.
    """
    white = np.random.default_rng(seed).standard_normal((TILE, TILE))
    high = np.fft.fftfreq(TILE)[:, None]
    wide = np.fft.rfftfreq(TILE)[None, :]
    # The transform of a Gaussian blur of deviation s is exp(-2 (pi s f)^2).
    blur = np.exp(-2 * np.pi**2 * ((rows * high) ** 2 + (columns * wide) ** 2))
    tile = np.fft.irfft2(np.fft.rfft2(white) * blur, s=(TILE, TILE))
    even: Tile = ((tile - tile.mean()) / tile.std()).astype(np.float32)
    even.setflags(write=False)
    return even


def look_up_grid(tile: Tile, rows: Float32[np.ndarray, " H"], columns: Float32[np.ndarray, " W"]) -> Grid:
    """The tile at each crossing of rows and columns (in texels, any value: it repeats), interpolated linearly."""
    top, down = _split(rows)
    left, right = _split(columns)
    # Rows first: large pictures come in bands of few rows.
    across = tile.take(top, axis=0)
    across += (tile.take((top + 1) % TILE, axis=0) - across) * down[:, None]
    grid: Grid = across.take(left, axis=1)
    grid += (across.take((left + 1) % TILE, axis=1) - grid) * right
    return grid


def look_up(tile: Tile, rows: Line, columns: Line) -> Line:
    """The tile at each of these points (in texels, any value: the tile repeats), interpolated linearly."""
    top, down = _split(rows)
    left, right = _split(columns)
    flat = tile.ravel()
    upper, lower = top * TILE, (top + 1) % TILE * TILE
    beside = (left + 1) % TILE
    above: Line = flat[upper + left]
    above += (flat[upper + beside] - above) * right
    below = flat[lower + left]
    below += (flat[lower + beside] - below) * right
    above += (below - above) * down
    return above


def _split(place: Line) -> tuple[Int64[np.ndarray, " N"], Line]:
    """Whole texel (wrapped into the tile) and the part beyond it."""
    whole = np.floor(place)
    return whole.astype(np.int64) % TILE, place - whole

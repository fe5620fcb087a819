"""The bank of textures: square tiles that repeat without a seam, each made once.

A tile has three values a texel, each of mean 0 and standard deviation 1, and is bilinear between texels by definition.
All are made smooth at the scale of a texel, so that reading them between texels, as every frame does, blurs little.
"""

import math
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Float64, Int16
from torch import Tensor

LARGE, SMALL = 16, 72
"""How many tiles of each side there are; the large ones, with numbers from 0, are for backgrounds."""

LARGE_SIDE, SMALL_SIDE = 512, 192
"""Texels: a background shows each texel of its tile about once; objects are smaller."""

SMOOTH = 0.7
"""Sigma in texels of the last blur: what is left of a wave of two texels is 9 %."""

Field = Float64[np.ndarray, "S S"]
Fields = Float64[np.ndarray, "3 S S"]


@lru_cache(maxsize=LARGE + SMALL)
def surface(number: int) -> Float[Tensor, "1 3 P P"]:
    """A tile with its first row and column repeated at the end, and its last at the start: P = side + 2.

    One number is always the same tile.
    """
    source = np.random.default_rng([number, 2])
    if number < LARGE:
        fields = (_leaves, _leaves, _clouds, _patches)[number % 4](source, LARGE_SIDE)
    else:
        makers = (_clouds, _stripes, _checks, _dots, _leaves, _patches)
        fields = makers[number % len(makers)](source, SMALL_SIDE)
    fields = _filtered(fields, SMOOTH)
    fields = fields - fields.mean(axis=(1, 2), keepdims=True)
    fields = fields / np.maximum(fields.std(axis=(1, 2), keepdims=True), 1e-6)
    return torch.from_numpy(np.pad(fields, ((0, 0), (1, 1), (1, 1)), mode="wrap").astype(np.float32))[None]


def _frequencies(side: int) -> Float64[np.ndarray, "S F"]:
    """Waves a texel, as the transform of real fields orders them."""
    waves: Float64[np.ndarray, "S F"] = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    return waves


def _filtered(fields: Fields, sigma: float) -> Fields:
    """Blurred by a Gaussian, without seams: its transform is exp(-2 (pi sigma f)**2)."""
    side = fields.shape[-1]
    blur = np.exp(-2 * (math.pi * sigma * _frequencies(side)) ** 2)
    return np.fft.irfft2(np.fft.rfft2(fields) * blur, s=(side, side))


def _clouds(source: np.random.Generator, side: int, steep: float | None = None) -> Fields:
    """Noise whose amplitude falls as a power of the frequency, as photographs' does with a power of about 1."""
    power = source.uniform(0.7, 1.5) if steep is None else steep
    falling = np.maximum(_frequencies(side), 1 / side) ** -power
    falling[0, 0] = 0
    noise = np.fft.irfft2(np.fft.rfft2(source.standard_normal((3, side, side))) * falling, s=(side, side))
    fields: Fields = noise / noise.std()
    return fields


def _warped(source: np.random.Generator, side: int, strength: float) -> tuple[Field, Field]:
    """Coordinates of a tile, 0..1 in both axes, pushed about by soft noise."""
    line = np.arange(side) / side
    x, y = np.meshgrid(line, line)
    push = _clouds(source, side, 2.5) * strength
    return x + push[0], y + push[1]


def _soft(waves: Field, sharp: float) -> Field:
    """Waves with flattened tops: the larger `sharp`, the more like a step."""
    return np.tanh(sharp * waves)


def _coloured(source: np.random.Generator, patterns: tuple[Field, ...]) -> Fields:
    """Patterns in random colours over each other, with a little fine noise."""
    fields = 0.25 * _clouds(source, patterns[0].shape[0])
    for pattern in patterns:
        fields = fields + source.normal(0, 1, 3)[:, None, None] * pattern
    return fields


def _stripes(source: np.random.Generator, side: int) -> Fields:
    """Stripes of any direction, straight or wavy, soft or sharp."""
    x, y = _warped(source, side, source.uniform(0, 0.03))
    across, down = source.integers(-14, 15, 2)
    waves = np.sin(2 * math.pi * (across * x + (down or 5) * y))
    return _coloured(source, (_soft(waves, source.uniform(0.5, 4)),))


def _checks(source: np.random.Generator, side: int) -> Fields:
    """Squares or bricks."""
    x, y = _warped(source, side, source.uniform(0, 0.012))
    across, down = source.integers(3, 13, 2)
    sharp = source.uniform(1, 5)
    columns = _soft(np.sin(2 * math.pi * across * x), sharp)
    rows = _soft(np.sin(2 * math.pi * down * y), sharp)
    return _coloured(source, (columns * rows, columns + rows))


def _dots(source: np.random.Generator, side: int) -> Fields:
    """Dots on a grid that is pushed about."""
    x, y = _warped(source, side, source.uniform(0, 0.02))
    across, down = source.integers(4, 16, 2)
    waves = np.cos(2 * math.pi * across * x) + np.cos(2 * math.pi * down * y)
    return _coloured(source, (_soft(waves - source.uniform(0, 1), source.uniform(1, 4)),))


def _patches(source: np.random.Generator, side: int) -> Fields:
    """Camouflage: at each place the strongest of a few soft noises gives the colour; some grain over it."""
    count = int(source.integers(3, 7))
    steep = source.uniform(1.4, 2.2)
    fields = np.concatenate([_clouds(source, side, steep) for _ in range((count + 2) // 3)])[:count]
    strongest = fields.argmax(axis=0)
    colours = source.normal(0, 1, (3, count))
    return colours[:, strongest] + source.uniform(0.1, 0.5) * _clouds(source, side)


def _leaves(source: np.random.Generator, side: int) -> Fields:
    """Dead leaves: discs and rectangles of all sizes over each other, which has the statistics of photographs.

    Source: Lee, Mumford and Huang, "Occlusion models for natural images", 2001: sizes fall with the third power.
    """
    smallest, largest = 3.0, side / 4
    count = 500 if side == LARGE_SIDE else 150
    shares = source.random(count)
    # The inverse of the distribution function of a density ~ size**-3 between the two limits; some are any size.
    sizes = (smallest**-2 + shares * (largest**-2 - smallest**-2)) ** -0.5
    sizes = np.where(source.random(count) < 0.3, source.uniform(smallest, largest / 2, count), sizes)
    shown = np.zeros((side, side), dtype=np.int16)  # which leaf lies on top; 0 is the ground
    for number, size in enumerate(sizes.tolist(), start=1):
        _add_leaf(shown, number, source, size)
    colours, grain = source.normal(0, 1, (3, count + 1)), source.uniform(0, 0.5, count + 1)
    fields: Fields = colours[:, shown] + grain[shown] * _clouds(source, side)
    return fields


def _add_leaf(shown: Int16[np.ndarray, "S S"], number: int, source: np.random.Generator, size: float) -> None:
    """Lays a leaf over the tile, around its border where it reaches over."""
    side = len(shown)
    reach = min(math.ceil(size), side // 2 - 1)
    line = np.arange(-reach, reach + 1)
    rows, columns = (line + int(source.integers(side))) % side, (line + int(source.integers(side))) % side
    turn, slim = source.uniform(0, math.pi), source.uniform(0.4, 1)
    cosine, sine = math.cos(turn), math.sin(turn)
    x = np.abs(cosine * line + (sine * line)[:, None])
    y = np.abs((cosine * line)[:, None] - sine * line) / slim
    inside = x**2 + y**2 < size**2 if source.random() < 0.6 else np.maximum(x, y) < 0.7 * size
    place = rows[:, None], columns
    shown[place] = np.where(inside, number, shown[place])

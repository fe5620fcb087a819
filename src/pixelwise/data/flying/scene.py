"""What flies where: one scene drawn as plain numbers, before any pixel."""

import cmath
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Complex128, Float64

from pixelwise.data.flying.laws import BACKGROUND, OBJECT, REFERENCE, Motion
from pixelwise.data.flying.outlines import OUTLINES
from pixelwise.data.flying.recipe import Recipe
from pixelwise.data.flying.similarity import STILL, Similarity, moved_about
from pixelwise.data.flying.surfaces import LARGE, SMALL

DIAMETER = (0.38, 0.26, 0.12, 1.40)
"""Of objects, as shares of the shorter side: mean and spread of a Gaussian, cut at the last two."""

SMALLEST = 8.0
"""Pixels across in either frame: smaller things are specks, and `outlines.REACH` relies on it."""

BEYOND = 0.15
"""Centres lie anywhere in the picture and this share of its sides around it, so that objects enter and leave."""


class Coat(NamedTuple):
    """One texture over a surface."""

    tile: int
    """Number of the tile in `surfaces`."""
    texels: Similarity
    """From the surface's own coordinates to texels."""
    mix: Float64[np.ndarray, "3 3"]
    """From the tile's three values to what is added to red, green and blue."""


class Skin(NamedTuple):
    """Colours of a surface: the base and what the coats add, cut to 0..1."""

    base: Float64[np.ndarray, "3"]
    coats: tuple[Coat, ...]


@dataclass(frozen=True)
class Layer:
    """One thing: the background, which is everywhere, or an object.

    `first` and `second` say where its own coordinates lie in the two frames, in pixels. Objects fit into the unit disc
    of their coordinates; those of the background are the pixels of frame 1.
    """

    outline: int | None
    """Number in `outlines`; None for the background."""
    mirrored: bool
    first: Similarity
    second: Similarity
    skin: Skin

    @property
    def motion(self) -> Similarity:
        """From a place in frame 1 to the place in frame 2 that shows the same point."""
        return self.second.after(self.first.inverse)


Scene = tuple[Layer, ...]
"""From back to front, the background first."""


def draw_scene(recipe: Recipe, source: np.random.Generator) -> Scene:
    """One scene of this recipe, every number from `source`."""
    height, width = recipe.size
    count = int(source.integers(recipe.objects[0], recipe.objects[1] + 1))
    whole = _motions(BACKGROUND, recipe, source, np.array([complex(width, height) / 2]))[0]
    layers = [Layer(None, False, STILL, whole, _background_skin(source))]
    mean, spread, low, high = DIAMETER
    radii = np.clip(source.normal(mean, spread, count), low, high) * recipe.unit / 2
    places = source.uniform(-BEYOND, 1 + BEYOND, (count, 2)) * (width, height)
    centres = places[:, 0] + 1j * places[:, 1]
    turns = source.uniform(0, 2 * math.pi, count)
    shapes = source.integers(0, OUTLINES, count)
    mirrored = source.random(count) < 0.5
    own = _motions(OBJECT, recipe, source, centres)
    shrunk = np.array([min(1.0, whole.zoom * motion.zoom) for motion in own])
    radii = np.maximum(radii, SMALLEST / 2 / shrunk)
    for number in range(count):
        first = Similarity(cmath.rect(float(radii[number]), float(turns[number])), complex(centres[number]))
        skin = _object_skin(source, float(radii[number]))
        second = whole.after(own[number]).after(first)
        layers.append(Layer(int(shapes[number]), bool(mirrored[number]), first, second, skin))
    return tuple(layers)


def _motions(
    law: Motion, recipe: Recipe, source: np.random.Generator, centres: Complex128[np.ndarray, " N"]
) -> list[Similarity]:
    """A motion for each centre, about it."""
    count = len(centres)
    reach = recipe.motion * recipe.unit / REFERENCE
    x, y = law.way.draw(source, count) * reach, law.way.draw(source, count) * reach
    turns = law.turn.draw(source, count) * recipe.motion
    zooms = law.zoom.draw(source, count) ** recipe.motion
    return [
        moved_about(complex(centres[i]), complex(x[i], y[i]), float(turns[i]), float(zooms[i])) for i in range(count)
    ]


def _background_skin(source: np.random.Generator) -> Skin:
    """A picture-like tile at about its own size, and large soft patches of light and colour over it."""
    fine = _coat(source, source.integers(0, LARGE), (0.5, 1.0), 1.0, source.uniform(0.06, 0.18))
    soft = _coat(source, source.integers(0, LARGE), (0.03, 0.12), 1.0, source.uniform(0.02, 0.10))
    return Skin(source.uniform(0.2, 0.7) + source.normal(0, 0.07, 3), (fine, soft))


def _object_skin(source: np.random.Generator, radius: float) -> Skin:
    """One tile, from faint to strong; the base colour is any."""
    contrast = math.exp(source.uniform(math.log(0.03), math.log(0.3)))
    coat = _coat(source, LARGE + source.integers(0, SMALL), (0.25, 1.0), radius, contrast)
    return Skin(source.uniform(0.05, 0.9) + source.normal(0, 0.18, 3), (coat,))


def _coat(
    source: np.random.Generator, tile: np.integer | int, densities: tuple[float, float], radius: float, contrast: float
) -> Coat:
    """A tile laid anywhere and anyhow; `densities` are texels for each pixel of frame 1, drawn evenly in the logarithm.

    At most one texel falls on a pixel, since more would flicker between frames.
    """
    low, high = np.log(densities)
    density = math.exp(source.uniform(low, high))
    factor = cmath.rect(density * radius, source.uniform(0, 2 * math.pi))
    shift = complex(*source.uniform(0, 512, 2))
    grey = np.full((3, 3), 1 / 3)  # pictures differ in lightness more than in colour
    colour = source.normal(0, 0.2, (3, 3))
    # The three values of a tile are nearly independent, so their mean has 1/sqrt(3) of the deviation of each.
    return Coat(int(tile), Similarity(factor, shift), contrast * (math.sqrt(3) * grey + colour))

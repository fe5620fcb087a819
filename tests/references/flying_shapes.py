"""Flying shapes pixel by pixel in double precision, from back to front: the definition, written anew and slowly."""

import cmath
import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pixelwise.data.flying.outlines import outline
from pixelwise.data.flying.scene import Layer, Scene, Skin
from pixelwise.data.flying.surfaces import surface


@lru_cache
def _grid(number: int) -> NDArray[np.float64]:
    return outline(number)[0, 0].numpy().astype(np.float64)


@lru_cache
def _tile(number: int) -> NDArray[np.float64]:
    """Without the repeated rows and columns at its rim."""
    return surface(number)[0].numpy().astype(np.float64)[:, 1:-1, 1:-1]


def distance_at(layer: Layer, factor: complex, shift: complex, x: float, y: float) -> float:
    """Pixels to the outline of an object at a point of a frame, negative inside."""
    own = (complex(x, y) - shift) / factor
    across = -own.real if layer.mirrored else own.real
    grid = _grid(layer.outline)
    side = len(grid)
    column, row = (across + 1) / 2 * side - 0.5, (own.imag + 1) / 2 * side - 0.5
    column, row = min(max(column, 0.0), side - 1.0), min(max(row, 0.0), side - 1.0)
    return abs(factor) * _bilinear(grid, row, column)


def colour_at(skin: Skin, factor: complex, shift: complex, x: float, y: float) -> NDArray[np.float64]:
    """Red, green and blue of a surface at a point of a frame."""
    own = (complex(x, y) - shift) / factor
    colour = skin.base.copy()
    for coat in skin.coats:
        place = coat.texels.factor * own + coat.texels.shift
        tile = _tile(coat.tile)
        side = tile.shape[1]
        # A texel's middle is half a texel from its edge; the tile repeats in all directions.
        column, row = place.real % side - 0.5, place.imag % side - 0.5
        left, top = math.floor(column), math.floor(row)
        right_share, down_share = column - left, row - top
        texel = np.zeros(3)
        for down, share_down in ((0, 1 - down_share), (1, down_share)):
            for right, share_right in ((0, 1 - right_share), (1, right_share)):
                texel += share_down * share_right * tile[:, (top + down) % side, (left + right) % side]
        colour = colour + coat.mix @ texel
    return np.clip(colour, 0, 1)


def frame(scene: Scene, second: bool, size: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The picture (H W 3) and what is seen at each pixel centre: each layer is laid over what lies behind it."""
    picture, order = np.zeros((*size, 3)), np.zeros(size, dtype=np.int64)
    for row in range(size[0]):
        for column in range(size[1]):
            x, y = column + 0.5, row + 0.5
            for number, layer in enumerate(scene):
                factor, shift = layer.second if second else layer.first
                colour = colour_at(layer.skin, factor, shift, x, y)
                if number == 0:
                    picture[row, column] = colour
                    continue
                distance = distance_at(layer, factor, shift, x, y)
                cover = min(max(0.5 - distance, 0.0), 1.0)
                picture[row, column] += cover * (colour - picture[row, column])
                if distance < 0:
                    order[row, column] = number
    return picture, order


def motion_of(layer: Layer, x: float, y: float) -> tuple[float, float]:
    """Where the point of a layer that is seen here in frame 1 goes, by zoom and turn spelled out."""
    zoom, turn = cmath.polar(layer.second.factor / layer.first.factor)
    from_x, from_y = x - layer.first.shift.real, y - layer.first.shift.imag
    to_x = zoom * (math.cos(turn) * from_x - math.sin(turn) * from_y) + layer.second.shift.real
    to_y = zoom * (math.sin(turn) * from_x + math.cos(turn) * from_y) + layer.second.shift.imag
    return to_x - x, to_y - y


def hidden_at(scene: Scene, number: int, x: float, y: float, size: tuple[int, int]) -> tuple[bool, float]:
    """Whether a point of frame 2 that belongs to a layer is not seen there, and how far that is from changing."""
    margin = min(x, y, size[1] - x, size[0] - y)
    if margin < 0:
        return True, -margin
    nearest = min(
        (distance_at(layer, *layer.second, x, y) for layer in scene[number + 1 :]),
        default=math.inf,
    )
    return nearest < 0, min(margin, abs(nearest))


def _bilinear(grid: NDArray[np.float64], row: float, column: float) -> float:
    top, left = min(math.floor(row), len(grid) - 2), min(math.floor(column), len(grid) - 2)
    down, right = row - top, column - left
    above = (1 - right) * grid[top, left] + right * grid[top, left + 1]
    below = (1 - right) * grid[top + 1, left] + right * grid[top + 1, left + 1]
    return float((1 - down) * above + down * below)

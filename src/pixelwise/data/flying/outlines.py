"""The bank of outlines: shapes with straight and curved sides, thin bars, holes and notches, each made once.

A shape is kept as its signed distance on a grid over -1..1 in both axes, negative inside; between the grid's points it
is bilinear by definition, so that a shape is one continuous thing at every size. Polygons' distances are exact; unions,
holes and notches are minima and maxima, which keep the property that matters: the distance never changes faster than
the place.
"""

import math
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

OUTLINES = 240
"""How many shapes there are; with mirror image, turn and size no two objects look alike."""

SIDE = 128
"""Grid points along an axis: an object of 500 pixels has one every 4 pixels, so its corners are slightly round."""

REACH = 0.86
"""All shapes fit into a disc of this radius. The grid's outermost points are then 0.13 outside of every shape, which is
half a pixel for the smallest objects, of 8 pixels: beyond the grid nothing is covered, not even a little."""

Grid = Float64[np.ndarray, "S S"]
Points = Float64[np.ndarray, "V 2"]
Point = tuple[float, float]


@lru_cache(maxsize=OUTLINES)
def outline(number: int) -> Float[Tensor, "1 1 S S"]:
    """The signed distance of a shape in units of its coordinates; one number is always the same shape."""
    source = np.random.default_rng([number, 1])
    makers = (_blob, _polygon, _superellipse, _bars, _framed, _notched)
    distance = makers[number % len(makers)](source)
    return torch.from_numpy(distance.astype(np.float32))[None, None]


@lru_cache(maxsize=OUTLINES)
def rim(number: int) -> Float64[np.ndarray, "2 R"]:
    """X and y of grid points around a shape: no part of it lies beyond their hull."""
    # A cell of the grid, 2 / SIDE wide, that holds a point of the shape has no corner farther outside than this: the
    # bilinear distance changes up to sqrt(2) times as fast as the place, and the cell's diagonal is sqrt(2) wide.
    near = outline(number)[0, 0].numpy() < 4 / SIDE
    rows, columns = np.nonzero(near)
    # The hull of all near points is that of the first and last in each row.
    first = np.unique(rows, return_index=True)[1]
    last = np.append(first[1:], len(rows)) - 1
    chosen = np.concatenate([first, last])
    places = np.stack([columns[chosen], rows[chosen]])
    around: Float64[np.ndarray, "2 R"] = (2 * places + 1.0) / SIDE - 1
    return around


def _axes() -> tuple[Grid, Grid]:
    line = (2 * np.arange(SIDE) + 1.0) / SIDE - 1
    return np.meshgrid(line, line)


def _squared_gap(start: Point, end: Point) -> Grid:
    """The squared distance of each grid point to a straight line between two points."""
    x, y = _axes()
    (x0, y0), (x1, y1) = start, end
    wide, high = x1 - x0, y1 - y0
    along = np.clip(((x - x0) * wide + (y - y0) * high) / max(wide**2 + high**2, 1e-12), 0, 1)
    gap: Grid = (x - x0 - along * wide) ** 2 + (y - y0 - along * high) ** 2
    return gap


def _polygon_distance(points: Points) -> Grid:
    """The exact signed distance to a polygon: to its nearest side, negative where a ray crosses an odd number."""
    x, y = _axes()
    nearest = np.full((SIDE, SIDE), np.inf)
    inside = np.zeros((SIDE, SIDE), dtype=bool)
    corners = [(float(across), float(down)) for across, down in points]
    for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        nearest = np.minimum(nearest, _squared_gap((x0, y0), (x1, y1)))
        if y0 != y1:
            inside ^= ((y0 <= y) != (y1 <= y)) & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    signed: Grid = np.where(inside, -1, 1) * np.sqrt(nearest)
    return signed


def _bar_distance(start: Point, end: Point, radius: float) -> Grid:
    """The distance to a bar with round ends."""
    gap: Grid = np.sqrt(_squared_gap(start, end)) - radius
    return gap


def _fitted(points: Points, margin: float = 0.0) -> Points:
    """Points moved and scaled so that with this margin around them they just fit."""
    centred = points - (points.min(axis=0) + points.max(axis=0)) / 2
    fitted: Points = centred * (REACH - margin) / np.hypot(*centred.T).max()
    return fitted


def _blob(source: np.random.Generator) -> Grid:
    """A smooth closed curve: a circle with a few waves."""
    angle = np.linspace(0, 2 * math.pi, 40, endpoint=False)
    radius = 1.0 + sum(
        source.normal(0, 0.30 / order) * np.cos(order * angle + source.uniform(0, 2 * math.pi)) for order in range(2, 7)
    )
    radius = np.maximum(radius, 0.25)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle) * source.uniform(0.45, 1)], axis=1)
    return _polygon_distance(_fitted(points))


def _polygon(source: np.random.Generator) -> Grid:
    """A polygon of three to nine corners, sharp or rounded, often with dents."""
    corners = int(source.integers(3, 10))
    angle = (np.arange(corners) + source.uniform(-0.3, 0.3, corners)) * 2 * math.pi / corners
    radius = source.uniform(0.4 if corners > 4 else 0.8, 1, corners)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle) * source.uniform(0.4, 1)], axis=1)
    rounding = source.uniform(0, 0.12) * (source.random() < 0.5)
    return _polygon_distance(_fitted(points, rounding)) - rounding


def _superellipse(source: np.random.Generator) -> Grid:
    """|x/a|**n + |y/b|**n = 1: from a diamond over an ellipse to a rectangle."""
    power = 2 / math.exp(source.uniform(math.log(0.8), math.log(8)))
    angle = np.linspace(0, 2 * math.pi, 48, endpoint=False)
    cosine, sine = np.cos(angle), np.sin(angle)
    x, y = np.sign(cosine) * np.abs(cosine) ** power, np.sign(sine) * np.abs(sine) ** power
    return _polygon_distance(_fitted(np.stack([x, y * source.uniform(0.25, 1)], axis=1)))


def _bars(source: np.random.Generator) -> Grid:
    """A plate on legs, often with a back, as furniture has: thin parts with the background between them."""
    thick = source.uniform(0.03, 0.10)
    legs, high, deep = int(source.integers(2, 5)), source.uniform(0.2, 1.0), source.uniform(0.6, 1.3)
    plate = np.array([[-0.7, 0.0], [0.7, 0.0], [0.7, high], [-0.7, high]])
    feet = np.linspace(-0.65, 0.65, legs)
    bars = [((foot, high), (foot * source.uniform(0.8, 1.25), high + deep)) for foot in feet.tolist()]
    if source.random() < 0.6:
        up = -source.uniform(0.4, 1.0)
        bars += [((-0.6, 0.0), (-0.55, up)), ((0.6, 0.0), (0.55, up)), ((-0.55, up), (0.55, up))]
    corners = np.concatenate([plate, np.array(bars).reshape(-1, 2)])
    middle = (corners.min(axis=0) + corners.max(axis=0)) / 2
    scale = REACH / (np.hypot(*(corners - middle).T).max() + thick)
    distance = _polygon_distance((plate - middle) * scale)
    for bar in bars:
        ends = (np.array(bar) - middle) * scale
        (x0, y0), (x1, y1) = ends.tolist()
        distance = np.minimum(distance, _bar_distance((x0, y0), (x1, y1), thick * scale))
    return distance


def _framed(source: np.random.Generator) -> Grid:
    """A ring: what lies within a distance of the outline of another shape."""
    solid = (_blob, _polygon, _superellipse)[int(source.integers(3))](source)
    width = source.uniform(0.05, 0.16)
    return np.abs(solid + width) - width


def _notched(source: np.random.Generator) -> Grid:
    """A shape with one to four discs cut out of it."""
    distance = (_blob, _polygon, _superellipse)[int(source.integers(3))](source)
    x, y = _axes()
    for _ in range(int(source.integers(1, 5))):
        angle, far, radius = source.uniform(0, 2 * math.pi), source.uniform(0, 0.9), source.uniform(0.08, 0.3)
        hole = np.hypot(x - far * math.cos(angle), y - far * math.sin(angle)) - radius
        distance = np.maximum(distance, -hole)
    return distance

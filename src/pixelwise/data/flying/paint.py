"""One frame of a scene, painted from the front to the back: each pixel is worked on until nothing shines through.

How much of a pixel an object covers is 1/2 minus the distance of its outline from the pixel's centre, cut to 0..1: what
a straight edge covers on average over its directions. Colours are read at pixel centres.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from pixelwise.data.flying.outlines import outline, rim
from pixelwise.data.flying.scene import Coat, Layer, Scene, Skin
from pixelwise.data.flying.similarity import Similarity
from pixelwise.data.flying.surfaces import surface
from pixelwise.shapes import Size

Coordinates = Float[Tensor, "*#points"]
"""Of points of a frame; those in x and those in y are broadcast against each other."""

NEAR = 1.001
"""Pixels: a point differs from the centre of its pixel by up to sqrt(1/2), and between grid points of an outline the
distance changes at most sqrt(2) times as fast as the place. So where the centre is this far inside or outside, all of
the pixel is. The last digit is for rounding."""


@dataclass(frozen=True)
class Painting:
    """A painted frame; what is seen is 0 for the background, else the number of the object from back to front.

    `order` is seen at the pixel's centre; `reach` is the foremost object that may touch the pixel and `sure` the
    foremost one that covers all of it.
    """

    canvas: Float[Tensor, "3 H W"]
    order: UInt8[Tensor, "H W"]
    reach: UInt8[Tensor, "H W"]
    sure: UInt8[Tensor, "H W"]


def paint(scene: Scene, places: tuple[Similarity, ...], size: Size) -> Painting:
    """The frame in which each layer lies at its place."""
    height, width = size
    canvas, shining = torch.zeros(3, height, width), torch.ones(height, width)
    order, reach, sure = (torch.zeros(height, width, dtype=torch.uint8) for _ in range(3))
    for number in range(len(scene) - 1, 0, -1):
        layer, place = scene[number], places[number]
        window = _window(layer, place, size)
        distance = signed_distance(layer, place, _grid(place.inverse, *window))
        for seen, limit in ((order, 0.0), (reach, NEAR), (sure, -NEAR)):
            part = seen[window]
            part.masked_fill_((distance < limit) & (part == 0), number)
        share = (0.5 - distance).clamp_(0, 1).mul_(shining[window])
        shining[window] -= share
        _add(canvas, share, window, layer.skin, place)
    x, y = torch.arange(width) + 0.5, torch.arange(height)[:, None] + 0.5
    canvas.addcmul_(_colour(scene[0].skin, places[0], x, y).view_as(canvas), shining)
    return Painting(canvas, order, reach, sure)


def signed_distance(layer: Layer, place: Similarity, own: Float[Tensor, "h w 2"]) -> Float[Tensor, "h w"]:
    """Pixels to the outline of an object, negative inside, at points in its own coordinates; these are changed."""
    assert layer.outline is not None
    if layer.mirrored:
        own[..., 0].neg_()
    read = F.grid_sample(outline(layer.outline), own[None], padding_mode="border", align_corners=False)
    return read[0, 0].mul_(place.zoom)


def _window(layer: Layer, place: Similarity, size: Size) -> tuple[slice, slice]:
    """Rows and columns that the object may touch."""
    assert layer.outline is not None
    x, y = rim(layer.outline)
    points = place.factor * ((-x if layer.mirrored else x) + 1j * y) + place.shift
    ends = []
    for line, side in ((points.imag, size[0]), (points.real, size[1])):
        start = min(max(int(line.min()) - 2, 0), side)
        ends.append(slice(start, max(start, min(int(line.max()) + 3, side))))
    return ends[0], ends[1]


def _grid(back: Similarity, rows: slice, columns: slice) -> Float[Tensor, "h w 2"]:
    """The pixel centres of a window in the coordinates that `back` leads to."""
    x = torch.arange(columns.start, columns.stop, dtype=torch.float64) + 0.5
    y = torch.arange(rows.start, rows.stop, dtype=torch.float64) + 0.5
    factor, shift = back
    grid = torch.empty(len(y), len(x), 2)
    torch.add((factor.real * x + shift.real).float(), (-factor.imag * y).float()[:, None], out=grid[..., 0])
    torch.add((factor.imag * x + shift.imag).float(), (factor.real * y).float()[:, None], out=grid[..., 1])
    return grid


def _add(
    canvas: Float[Tensor, "3 H W"],
    share: Float[Tensor, "h w"],
    window: tuple[slice, slice],
    skin: Skin,
    place: Similarity,
) -> None:
    """Adds the surface's colour to the canvas, each pixel by its share."""
    found = share.view(-1).nonzero()[:, 0]
    if not len(found):
        return
    rows = found // share.shape[1]
    columns = found - rows * share.shape[1]
    rows, columns = rows + window[0].start, columns + window[1].start
    colour = _colour(skin, place, columns + 0.5, rows + 0.5).mul_(share.view(-1)[found])
    canvas.view(3, -1).index_add_(1, rows * canvas.shape[2] + columns, colour)


def _colour(skin: Skin, place: Similarity, x: Coordinates, y: Coordinates) -> Float[Tensor, "3 N"]:
    """Red, green and blue of a surface at points of the frame."""
    colour = torch.from_numpy(skin.base).float()[:, None]
    for coat in skin.coats:
        values = _texture(coat, coat.texels.after(place.inverse), x, y)
        colour = torch.addmm(colour, torch.from_numpy(coat.mix).float(), values)
    return colour.clamp_(0, 1)


def _texture(coat: Coat, texels: Similarity, x: Coordinates, y: Coordinates) -> Float[Tensor, "3 N"]:
    """The tile's values at points of the frame; the tile repeats."""
    tile = surface(coat.tile)
    padded = tile.shape[-1]
    side = padded - 2
    factor, shift = texels.factor / side, texels.shift / side  # in tiles, so that the part after the point counts
    lines = []
    for by_x, by_y, start in ((factor.real, -factor.imag, shift.real), (factor.imag, factor.real, shift.imag)):
        line = x * by_x + (y * by_y + start % 1)
        line.sub_(line.floor())
        # 0..1 of the tile, which has a texel more on both sides, to -1..1 over all of it.
        lines.append(line.mul_(2 * side / padded).sub_(side / padded).view(-1))
    return F.grid_sample(tile, torch.stack(lines, dim=-1)[None, None], align_corners=False)[0, :, 0]

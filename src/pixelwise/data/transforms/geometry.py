"""One drawn geometry: which place of the image each pixel of the crop shows. All maps are read through it.

The draw is a linear map around two centres, plus a smooth displacement when the geometry is elastic:
image position = centre + matrix (crop position - crop centre) + displacement (crop position).
"""

from dataclasses import dataclass, replace
from functools import cached_property
from math import cos, radians, sin, tan

import torch
import torch.nn.functional as F
from jaxtyping import Float64, Shaped
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.ops.warp import Mode, sample_at
from pixelwise.ops.window import Border, read_window
from pixelwise.shapes import Size

COARSE = 3
"""The elastic displacement is drawn on a 3 x 3 grid (Ronneberger et al. 2015, section 3.1)."""


Point = tuple[float, float]
"""x and y in pixels of the image."""


@dataclass(frozen=True)
class Geometry:
    """How far an image may be moved; the values are the largest ones, each draw lies between them and nothing.

    `flip` mirrors left and right, `flip_vertical` up and down, `rotate90` turns by quarters. `rotation` and `shear`
    are degrees to either side. `scale` is the smallest and largest magnification, drawn evenly in its logarithm;
    below 1/2 the bilinear reading starts to skip pixels. `elastic` is the sigma in pixels of a smooth random
    displacement (see `COARSE`).
    """

    flip: bool = False
    flip_vertical: bool = False
    rotate90: bool = False
    rotation: float | int = 0.0
    scale: tuple[float | int, float | int] = (1.0, 1.0)
    shear: float | int = 0.0
    elastic: float | int = 0.0

    def __post_init__(self) -> None:
        """Checks the ranges.

        Raises:
            InputError: a value lies outside its range.
        """
        low, high = self.scale
        # A shear of 90 degrees has no end; from 60 on the picture is more than 1.7 times as wide and nothing is
        # recognised.
        rules = (
            ("rotation", self.rotation, 0 <= self.rotation <= 180, "0..180 degrees"),
            ("shear", self.shear, 0 <= self.shear <= 60, "0..60 degrees"),
            ("scale", self.scale, 0 < low <= high < float("inf"), "smallest and largest, above 0"),
            ("elastic", self.elastic, 0 <= self.elastic < float("inf"), "a sigma of 0 pixels or more"),
        )
        for name, value, good, wanted in rules:
            if not good:
                raise InputError(f"{name} as {wanted}", str(value), hint=f"pass Geometry({name}=...) within that range")

    @property
    def exact(self) -> bool:
        """True when only whole pixels move (crops, flips, quarter turns), so that nothing is blended."""
        return self.rotation == 0 and tuple(self.scale) == (1, 1) and self.shear == 0 and self.elastic == 0


@dataclass(frozen=True, eq=False)
class Move:
    """One draw of a `Geometry` for one image: see the module's formula. `matrix` and `centre` are in (x, y)."""

    size: Size
    matrix: Float64[Tensor, "2 2"]
    centre: Float64[Tensor, "2"]
    displacement: Float64[Tensor, "2 h w"] | None
    exact: bool

    @property
    def crop_centre(self) -> Float64[Tensor, "2"]:
        """The middle of the crop as (x, y)."""
        return torch.tensor(self.size[::-1], dtype=torch.float64) / 2

    @property
    def forward(self) -> Float64[Tensor, "2 2"]:
        """The linear map from image to crop: the inverse of `matrix`."""
        (a, b), (c, d) = self.matrix.tolist()
        adjugate = torch.tensor([[d, -b], [-c, a]], dtype=torch.float64)
        return adjugate / float(a * d - b * c)

    @cached_property
    def places(self) -> Float64[Tensor, "2 h w"]:
        """The image position (x, y) that the centre of each crop pixel shows, computed once for all parts."""
        height, width = self.size
        x = torch.arange(width, dtype=torch.float64) + 0.5 - width / 2
        y = torch.arange(height, dtype=torch.float64) + 0.5 - height / 2
        across, down = self.matrix.unbind(1)
        places: Tensor = (across[:, None] * x)[:, None, :] + (down[:, None] * y + self.centre[:, None])[:, :, None]
        if self.displacement is not None:
            places = places + self.displacement
        return places


def draw_move(geometry: Geometry, crop: Size | None, size: Size, generator: torch.Generator) -> Move:
    """A move for an image of `size`, with every choice taken from `generator`.

    The crop lies anywhere in the image where its whole footprint fits, and in the middle along an axis where it does
    not. Without a crop the whole image is shown at its own size, with sides swapped by an odd quarter turn.
    """
    draws = torch.rand(9, generator=generator, dtype=torch.float64).tolist()
    turns = int(draws[0] * 4) if geometry.rotate90 else 0
    mirrored = torch.tensor(
        [
            -1.0 if geometry.flip and draws[1] < 0.5 else 1.0,
            -1.0 if geometry.flip_vertical and draws[2] < 0.5 else 1.0,
        ],
        dtype=torch.float64,
    )
    low, high = geometry.scale
    zoom = low if low == high else low * (high / low) ** draws[3]
    angle, shear = geometry.rotation * (2 * draws[4] - 1), geometry.shear * (2 * draws[5] - 1)
    # From crop to image, so the inverses in reverse order: first the quarter turns and mirrors of the crop, last the
    # rotation.
    matrix = _rotation(-radians(angle)) @ _shear(-radians(shear)) @ _quarter_turns(turns) @ torch.diag(mirrored) / zoom
    if crop is None:
        crop = size if turns % 2 == 0 else size[::-1]
    centre = _draw_centre(matrix, crop, size, draws[6:8], whole=geometry.exact)
    displacement = _draw_displacement(geometry.elastic, crop, generator) if geometry.elastic > 0 else None
    return Move(crop, matrix, centre, displacement, geometry.exact)


def centred(move: Move, point: Point, size: Size) -> Move:
    """The move with a point in the middle of the crop, as near as the image's border allows."""
    footprint = move.matrix.abs() @ torch.tensor(move.size[::-1], dtype=torch.float64)
    free = torch.tensor(size[::-1], dtype=torch.float64) - footprint
    wanted = torch.tensor(point, dtype=torch.float64) - footprint / 2
    middle = free / 2
    if move.exact:  # such moves copy whole pixels
        wanted, middle = wanted.floor(), middle.floor()
    start = torch.where(free >= 0, wanted.clamp(min=0).minimum(free), middle)
    return replace(move, centre=start + footprint / 2)


def read(
    move: Move, maps: Shaped[Tensor, "C H W"], mode: Mode, border: Border, value: float | int = 0
) -> Shaped[Tensor, "C h w"]:
    """The maps as the crop shows them, as a new tensor: exact moves copy pixels, others read them with `mode`."""
    if move.exact:
        return _read_exactly(move, maps, border, value)
    places = move.places.to(torch.promote_types(maps.dtype, torch.float32))
    return sample_at(maps[None], places[None].to(maps.device), mode, border, value)[0][0]


def _read_exactly(move: Move, maps: Tensor, border: Border, value: float | int) -> Tensor:
    # Such a matrix holds one +1 or -1 per row and column: at most a swap of the axes, then mirrors.
    swapped = float(move.matrix[0, 0]) == 0
    height, width = move.size[::-1] if swapped else move.size
    x, y = move.centre.tolist()
    window = read_window(maps, round(y - height / 2), round(x - width / 2), (height, width), border, value)
    if swapped:
        window = window.transpose(-1, -2)
    signs = move.matrix.sum(0).tolist()
    return window.flip([-1 - axis for axis in (0, 1) if signs[axis] < 0]).contiguous()


def _draw_centre(matrix: Tensor, crop: Size, size: Size, draws: list[float], whole: bool) -> Tensor:
    """The image position of the crop's middle: where the crop's footprint fits, else the image's middle."""
    footprint = matrix.abs() @ torch.tensor(crop[::-1], dtype=torch.float64)
    sides = torch.tensor(size[::-1], dtype=torch.float64)
    free = sides - footprint
    share = torch.tensor(draws, dtype=torch.float64)
    if whole:
        # Each of the free + 1 places of the window is equally likely; a window larger than the image stands around it.
        start = torch.where(free >= 0, (share * (free + 1)).floor(), (free / 2).floor())
        return start + footprint / 2
    return sides / 2 + (share - 0.5) * free.clamp(min=0)


def _draw_displacement(sigma: float | int, crop: Size, generator: torch.Generator) -> Tensor:
    """Random vectors of `sigma` pixels on a coarse grid, bicubic in between (Ronneberger et al. 2015, section 3.1)."""
    coarse = torch.randn(1, 2, COARSE, COARSE, generator=generator, dtype=torch.float64) * sigma
    return F.interpolate(coarse, size=crop, mode="bicubic", align_corners=True)[0]


def _rotation(angle: float) -> Tensor:
    """Turns (x, y) by `angle` radians; clockwise to the eye, as y points down."""
    return torch.tensor([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]], dtype=torch.float64)


def _shear(angle: float) -> Tensor:
    return torch.tensor([[1.0, tan(angle)], [0.0, 1.0]], dtype=torch.float64)


def _quarter_turns(turns: int) -> Tensor:
    """Whole-number matrices, as the cosine of pi / 2 is not exactly 0."""
    x, y = ((1, 0), (0, 1), (-1, 0), (0, -1))[turns]
    return torch.tensor([[x, -y], [y, x]], dtype=torch.float64)

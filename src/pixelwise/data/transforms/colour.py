"""One drawn change of colours, in a camera's order: light (a matrix), lens (blur), film (gamma), sensor (noise)."""

from dataclasses import dataclass, fields
from math import ceil, cos, radians, sin, sqrt

import torch
from jaxtyping import Float
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.ops.window import read_window
from pixelwise.shapes import Image

LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in the grey that the eye sees (ITU-R BT.601)."""

REACH = 3.0
"""A Gaussian is cut at 3 sigma, where 0.3% of its mass is left."""


@dataclass(frozen=True)
class Colour:
    """How far colours may change; the values are the largest ones, 0 is off.

    `brightness` is added to or taken from all channels (0..1). `contrast`, `saturation` and `gamma` are factors: 0.2
    means from 1/1.2 to 1.2, drawn evenly in the logarithm. `hue` is degrees of turn about the grey axis. `noise` is
    the sigma of Gaussian noise per value and `blur` that of a Gaussian blur in pixels, both drawn between 0 and the
    value.
    """

    brightness: float | int = 0.0
    contrast: float | int = 0.0
    saturation: float | int = 0.0
    hue: float | int = 0.0
    gamma: float | int = 0.0
    noise: float | int = 0.0
    blur: float | int = 0.0

    def __post_init__(self) -> None:
        """Checks the ranges.

        Raises:
            InputError: a strength is negative or not finite.
        """
        for field in fields(self):
            strength = getattr(self, field.name)
            if not 0 <= strength < float("inf"):
                raise InputError(
                    f"{field.name} as the largest change, 0 or more",
                    str(strength),
                    hint=f"pass Colour({field.name}=0) to switch it off",
                )


@dataclass(frozen=True, eq=False)
class Tint:
    """One draw of a `Colour`: the same for both images of a pair. None, 1 or 0 leave a step out."""

    matrix: Float[Tensor, "3 3"] | None
    offset: float
    blur: float
    exponent: float
    noise: float


def draw_tint(colour: Colour, generator: torch.Generator) -> Tint:
    """A change of colours with every choice taken from `generator`."""
    draws = torch.rand(7, generator=generator, dtype=torch.float64).tolist()
    brightness, contrast, saturation, hue, gamma = (2 * draw - 1 for draw in draws[:5])
    factor = (1 + colour.contrast) ** contrast
    # Contrast turns about a fixed middle grey, not the image's mean: both images of a pair, and any crop of one,
    # change alike.
    offset = colour.brightness * brightness + 0.5 * (1 - factor)
    changes = colour.brightness or colour.contrast or colour.saturation or colour.hue
    turn = _saturation((1 + colour.saturation) ** saturation) @ _hue(radians(colour.hue * hue))
    return Tint(
        matrix=factor * turn if changes else None,
        offset=offset,
        blur=colour.blur * draws[5],
        exponent=(1 + colour.gamma) ** gamma,
        noise=colour.noise * draws[6],
    )


def tinted(image: Image, tint: Tint, generator: torch.Generator) -> Image:
    """The image with its colours changed, within 0..1; the very same tensor when every step is off.

    Only the noise draws from `generator`: two images of one scene share their light but not their grain.
    """
    changed = image
    if tint.matrix is not None:
        changed = torch.addmm(
            changed.new_full((1, 1), tint.offset), tint.matrix.to(changed), changed.flatten(1)
        ).view_as(image)
    if tint.blur > 0:
        changed = _blurred(changed, tint.blur)
    if tint.exponent != 1:
        # The derivative of a power is infinite at 0, but images carry no gradients here.
        changed = changed.clamp(0, 1) ** tint.exponent
    if tint.noise > 0:
        grain = torch.randn(image.shape, generator=generator, dtype=torch.float32)
        changed = changed + grain.to(changed) * tint.noise
    return image if changed is image else changed.clamp(0, 1)


def _saturation(factor: float) -> Tensor:
    """Colours moved away from (factor > 1) or towards (below 1) the grey of the same luma."""
    grey = torch.tensor(LUMA, dtype=torch.float64).expand(3, 3)
    return factor * torch.eye(3, dtype=torch.float64) + (1 - factor) * grey


def _hue(angle: float) -> Tensor:
    """Colours turned about the grey axis (1, 1, 1), by Rodrigues' formula; grey stays grey."""
    axis = 1 / sqrt(3)
    cross = torch.tensor([[0.0, -axis, axis], [axis, 0.0, -axis], [-axis, axis, 0.0]], dtype=torch.float64)
    return cos(angle) * torch.eye(3, dtype=torch.float64) + (1 - cos(angle)) / 3 + sin(angle) * cross


def _blurred(image: Tensor, sigma: float) -> Tensor:
    """The image blurred by a Gaussian, the mirror image outside.

    Weighted sums of shifted views: measured 5 times as fast as a convolution with one channel on one core.
    """
    radius = ceil(REACH * sigma)
    places = torch.arange(-radius, radius + 1, dtype=torch.float64)
    weights = (-0.5 * (places / sigma) ** 2).exp()
    shares = (weights / weights.sum()).tolist()
    height, width = image.shape[-2:]
    padded = read_window(image, -radius, -radius, (height + 2 * radius, width + 2 * radius))
    across = torch.zeros_like(padded[:, :, :width])
    for shift, share in enumerate(shares):
        across.add_(padded[:, :, shift : shift + width], alpha=share)
    blurred = torch.zeros_like(image)
    for shift, share in enumerate(shares):
        blurred.add_(across[:, shift : shift + height], alpha=share)
    return blurred

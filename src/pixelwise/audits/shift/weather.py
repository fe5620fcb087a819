"""Weather before the lens: snow, frost, fog, and bright light.

Source of kinds and constants: Hendrycks and Dietterich 2019 and the authors' make_imagenet_c.py.
"""

from math import ceil

import numpy as np
import torch
from jaxtyping import Float32

from pixelwise.audits.shift.blur import smeared
from pixelwise.audits.shift.noise import Planes
from pixelwise.audits.shift.plasma import plasma
from pixelwise.data.transforms.colour import LUMA
from pixelwise.ops.resize import resize
from pixelwise.ops.window import read_window
from pixelwise.shapes import Size

SNOW = (
    (0.1, 0.3, 3.0, 0.5, 10, 4.0, 0.8),
    (0.2, 0.3, 2.0, 0.5, 12, 4.0, 0.7),
    (0.55, 0.3, 4.0, 0.9, 12, 8.0, 0.7),
    (0.55, 0.3, 4.5, 0.85, 12, 8.0, 0.65),
    (0.55, 0.3, 2.5, 0.85, 12, 12.0, 0.55),
)
"""Mean and deviation of the flakes' noise, their magnification, the least that is a flake, radius and sigma of their
fall, and how much of the picture is left unwhitened."""
FROST = ((1.0, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75))
"""Shares of the picture and of the frost."""
FOG = ((1.5, 2.0), (2.0, 2.0), (2.5, 1.7), (2.5, 1.5), (3.0, 1.4))
"""Thickness of the fog and decay of its `plasma`."""
BRIGHTNESS = (0.1, 0.2, 0.3, 0.4, 0.5)

NEEDLES = (15.0, 70.0, 125.0)
"""Directions of ice needles in degrees: three, 55 to 60 apart, near the angles of an ice crystal (ours)."""
NEEDLE = (9, 6.0)
"""Radius and sigma in pixels of a needle (ours: long against its width of a pixel, short against the picture)."""
NEEDLE_CONTRAST = 4.0
"""Smearing 19 values shrinks their deviation about fourfold; this restores it."""
ICE = (0.82, 0.90, 1.0)
"""Colour of ice against white (ours)."""


def snow(image: Planes, severity: int, generator: np.random.Generator) -> Planes:
    """The image paler, with flakes falling over it, and the same flakes turned by 180 degrees."""
    mean, deviation, zoom, least, radius, sigma, kept = SNOW[severity - 1]
    height, width = image.shape[1:]
    noise = generator.normal(mean, deviation, (1, height, width)).astype(np.float32)
    flakes = _middle(noise, zoom)
    flakes = np.where(flakes < least, 0, np.clip(flakes, 0, 1))
    flakes = smeared(flakes, radius, sigma, generator.uniform(45, 135))
    grey = np.tensordot(np.array(LUMA, np.float32), image, 1)
    pale = kept * image + (1 - kept) * np.maximum(image, grey * 1.5 + 0.5)
    return np.asarray(pale + flakes + flakes[:, ::-1, ::-1], dtype=np.float32)


def frost(image: Planes, severity: int, generator: np.random.Generator) -> Planes:
    """The image behind an icy pane.

    Differs from the published program, which lays photographs of frost over the image: this one grows needles of ice in
    clouds, from chance alone. Scores under it do not compare with published ones.
    """
    share, amount = FROST[severity - 1]
    ice = frost_pattern((image.shape[1], image.shape[2]), generator)
    return share * image + np.float32(amount) * ice


def fog(image: Planes, severity: int, generator: np.random.Generator) -> Planes:
    """The image behind clouds: (image + t plasma) m / (m + t), where m is the image's largest value."""
    thickness, decay = FOG[severity - 1]
    clouds = plasma((image.shape[1], image.shape[2]), decay, generator)
    brightest = max(float(image.max()), 1e-6)  # a black image stays black instead of NaN
    return (image + np.float32(thickness) * clouds) * np.float32(brightest / (brightest + thickness))


def brightness(image: Planes, severity: int, generator: np.random.Generator) -> Planes:
    """The image with a constant added to the value of HSV: hue and saturation stay, black becomes grey."""
    value = image.max(0)
    brighter = np.minimum(value + np.float32(BRIGHTNESS[severity - 1]), 1)
    factor = brighter / np.where(value > 0, value, 1)
    return np.asarray(np.where(value > 0, image * factor, brighter), dtype=np.float32)


def frost_pattern(size: Size, generator: np.random.Generator) -> Planes:
    """Needles of ice, thick where a cloudy map is high: RGB 0..1."""
    needles = np.zeros((1, *size), np.float32)
    for angle in NEEDLES:
        noise = generator.random((1, *size), dtype=np.float32) - np.float32(0.5)
        needles = np.maximum(needles, smeared(noise, *NEEDLE, angle) * np.float32(NEEDLE_CONTRAST))
    # Between a thin film and thick ice, so that no part of the pane is clear (ours).
    cover = np.float32(0.35) + np.float32(0.65) * plasma(size, 1.6, generator)
    grown = np.clip(cover * (np.float32(0.65) + np.float32(1.2) * needles), 0, 1)
    colour = np.array(ICE, np.float32)[:, None, None]
    return np.asarray(grown * colour, dtype=np.float32)


def _middle(noise: Float32[np.ndarray, "1 H W"], zoom: float) -> Float32[np.ndarray, "1 H W"]:
    """The middle of a map, magnified to its whole size."""
    height, width = noise.shape[1:]
    rows, columns = ceil(height / zoom), ceil(width / zoom)
    middle = read_window(torch.from_numpy(noise), (height - rows) // 2, (width - columns) // 2, (rows, columns))
    return np.asarray(resize(middle, (height, width), "bilinear"))

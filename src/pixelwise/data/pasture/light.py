"""From painted colours to the bytes of a picture: light, its tint, and sensor noise."""

import numpy as np
from jaxtyping import Float32, UInt8

BAND = 1 << 17
"""Pixels handled at once: the buffers stay in the processor's cache, and a large picture needs no second copy."""

CHANNEL_POWERS = (1.20, 1.05, 0.88)
"""Light of strength s scales red, green, blue by s to these powers: dusk is blue, bright light is warm."""

WARMTH = 0.06
"""Largest share by which warm light raises red and lowers blue."""


def bands(height: int, width: int) -> list[slice]:
    """The rows of a picture in bands of about `BAND` pixels."""
    rows = max(1, BAND // width)
    return [slice(top, min(top + rows, height)) for top in range(0, height, rows)]


def develop(
    canvas: Float32[np.ndarray, "3 H W"], light: tuple[float, float], noise: float, source: np.random.Generator
) -> UInt8[np.ndarray, "H W 3"]:
    """The picture that a camera takes of a canvas (RGB 0..1 in even daylight): 0..255, colours last.

    Args:
        canvas: the painted scene.
        light: strength (1 leaves the canvas as it is) and warmth (-1 cool .. 1 warm).
        noise: standard deviation of Gaussian noise in grey levels.
        source: where the noise comes from.
    """
    strength, warmth = light
    tint = (1 + WARMTH * warmth, 1.0, 1 - WARMTH * warmth)
    gains = [np.float32(255 * strength**power * part) for power, part in zip(CHANNEL_POWERS, tint, strict=True)]
    _, height, width = canvas.shape
    picture = np.empty((height, width, 3), dtype=np.uint8)
    for band in bands(height, width):
        values = canvas[:, band] * np.array(gains, dtype=np.float32)[:, None, None]
        if noise > 0:
            values += np.float32(noise) * source.standard_normal(values.shape, dtype=np.float32)
        values += np.float32(0.5)
        np.clip(values, 0, 255, out=values)
        picture[band] = values.astype(np.uint8).transpose(1, 2, 0)
    return picture


def light_name(strength: float) -> str:
    """Dark below 0.6, bright from 0.95 on, else normal."""
    if strength < 0.6:
        return "dark"
    return "bright" if strength >= 0.95 else "normal"

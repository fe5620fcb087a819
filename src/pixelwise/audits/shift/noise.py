"""Noise of sensors and broken pixels: Gaussian, shot and impulse noise.

Source of kinds and constants: Hendrycks and Dietterich 2019, "Benchmarking Neural Network Robustness to Common
Corruptions and Perturbations", and the authors' make_imagenet_c.py.
"""

import numpy as np
from jaxtyping import Float32

Planes = Float32[np.ndarray, "3 H W"]
"""An RGB image, 0..1, channels first."""

GAUSSIAN_SIGMAS = (0.08, 0.12, 0.18, 0.26, 0.38)
PHOTONS = (60, 25, 12, 5, 3)
"""Mean count of photons at white."""
IMPULSE_SHARES = (0.03, 0.06, 0.09, 0.17, 0.27)
"""Share of values that break."""


def gaussian_noise(image: Planes, severity: int, generator: np.random.Generator) -> Planes:
    """The image with normal noise of one standard deviation added to every value."""
    noise = generator.standard_normal(image.shape, dtype=np.float32)
    return np.asarray(image + np.float32(GAUSSIAN_SIGMAS[severity - 1]) * noise)


def shot_noise(image: Planes, severity: int, generator: np.random.Generator) -> Planes:
    """The image counted in photons: Poisson noise, whose variance grows with the light."""
    photons = PHOTONS[severity - 1]
    return np.asarray(generator.poisson(image * photons) / photons, dtype=np.float32)


def impulse_noise(image: Planes, severity: int, generator: np.random.Generator) -> Planes:
    """The image with a share of its values, each channel on its own, set to 0 or to 1 with equal chance."""
    share = IMPULSE_SHARES[severity - 1]
    draws = generator.random(image.shape, dtype=np.float32)
    # One draw decides both: below share / 2 pepper, below share salt.
    return np.where(draws < share / 2, 0, np.where(draws < share, 1, image)).astype(np.float32)

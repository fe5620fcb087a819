"""Pixel counts of segmented images as they might be: few large objects, rare classes, images of unlike quality."""

import numpy as np

PRESENT = np.array([1.0, 0.5, 0.5, 0.4, 0.3])
"""How often each class is in an image: a background and rarer ones."""


def segmented(images: int, rng: np.random.Generator, quality: np.ndarray | float = 0.0) -> np.ndarray:
    """Pixels right, wrongly predicted and missed (N, 5, 3), with objects of very unlike size.

    Args:
        images: N.
        rng: the source of all draws.
        quality: added to the share of pixels that are right, for all images or for each.
    """
    share = np.clip(rng.beta(6, 2, (images, 1)) + np.reshape(quality, (-1, 1)), 0, 1)
    size = rng.lognormal(6, 1, (images, len(PRESENT))) * (rng.random((images, len(PRESENT))) < PRESENT)
    right = size * np.clip(share + rng.normal(0, 0.1, size.shape), 0, 1)
    missed = size - right
    wrong = np.roll(missed, 1, axis=1) * rng.random(size.shape)
    return np.stack([right, wrong, missed], axis=-1).round().astype(np.int64)

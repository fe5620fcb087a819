"""Elastic deformation: the one corruption here that moves what is in the picture, so the truth moves with it.

Source of the kind and its constants: Hendrycks and Dietterich 2019 and the authors' make_imagenet_c.py, after Simard,
Steinkraus, Platt 2003.
"""

import numpy as np
import torch
from jaxtyping import Float64
from numpy.typing import NDArray
from scipy import ndimage  # type: ignore[import-untyped]  # scipy ships no types

from pixelwise.data.transforms.geometry import Move
from pixelwise.ops.resize import resize
from pixelwise.shapes import Size

PUBLISHED_SIDE = 224
"""Side of the images for which the lengths below are meant."""

ELASTIC = ((488.0, 170.8, 24.4), (488.0, 19.52, 48.8), (12.2, 2.44, 4.88), (17.08, 2.44, 4.88), (29.28, 2.44, 4.88))
"""Strength and smoothness of the displacement, and reach of the three corners that draw the affine map, in pixels
(published as multiples of 244). Severities 1 and 2 sway the whole picture, 3 to 5 ripple it."""


def elastic_move(size: Size, severity: int, generator: np.random.Generator) -> Move:
    """A random affine map and ripples, for an image of this size.

    Drawn for an image whose longer side is 224 and enlarged to the size, so that a severity looks alike at every size.
    """
    scale = max(size) / PUBLISHED_SIDE
    drawn = tuple(max(1, round(side / scale)) for side in size)
    strength, smoothness, reach = ELASTIC[severity - 1]
    ripples = [
        strength * ndimage.gaussian_filter(generator.uniform(-1, 1, drawn), smoothness, mode="reflect", truncate=3)
        for _ in "xy"
    ]
    field = resize(torch.from_numpy(np.stack(ripples)), size, "bilinear") * scale
    height, width = size
    x = torch.arange(width, dtype=torch.float64) + 0.5
    y = torch.arange(height, dtype=torch.float64) + 0.5
    centres = torch.stack([x.expand(height, width), y[:, None].expand(height, width)])
    linear, shift = (torch.from_numpy(part) for part in _affine(size, reach * scale, generator))
    places = torch.einsum("ij,jhw->ihw", linear, centres + field) + shift[:, None, None]
    middle = torch.tensor([width / 2, height / 2], dtype=torch.float64)
    return Move(size, torch.eye(2, dtype=torch.float64), middle, places - centres, exact=False)


def _affine(
    size: Size, reach: float, generator: np.random.Generator
) -> tuple[Float64[np.ndarray, "2 2"], Float64[np.ndarray, "2"]]:
    """The affine map (matrix, shift) that moves three points around the middle by up to `reach` in x and in y."""
    middle, third = np.array(size[::-1]) / 2, max(1.0, min(size) / 3)
    points = middle + third * np.array([[1, 1], [1, -1], [-1, -1]])
    moved = points + generator.uniform(-reach, reach, points.shape)
    # The points may fall on a line in images of very unlike sides; the pseudo-inverse then gives a map all the same.
    solved: NDArray[np.float64] = np.linalg.pinv(np.column_stack([points, np.ones(3)])) @ moved
    return solved[:2].T.copy(), solved[2].copy()

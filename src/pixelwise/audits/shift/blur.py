"""Blurs of lens, glass and movement: defocus, frosted glass, motion and zoom.

Source of kinds and constants: Hendrycks and Dietterich 2019 and the authors' make_imagenet_c.py. Lengths are pixels,
as published for images of 224 x 224; outside the image its mirror image continues it.
"""

from math import cos, radians, sin

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float32
from numpy.typing import NDArray
from scipy import ndimage  # type: ignore[import-untyped]  # scipy ships no types

from pixelwise.audits.shift.noise import Planes
from pixelwise.ops.warp import pixel_centres, sample_at
from pixelwise.ops.window import read_window

DEFOCUS = ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))
"""Radius of the disk and sigma of the blur that softens its edge."""
SOFT_REACH = {True: 1, False: 2}
"""Pixels over which a disk's edge is softened: 1 up to radius 8, 2 beyond (published as kernels of 3 and 5)."""
GLASS = ((0.7, 1, 2), (0.9, 2, 1), (1.0, 2, 3), (1.1, 3, 2), (1.5, 4, 2))
"""Sigma of the blur before and after, how far pixels are swapped, and how often."""
MOTION = ((10, 3.0), (15, 5.0), (15, 8.0), (15, 12.0), (20, 15.0))
"""Radius and sigma of the smear."""
ZOOMS = ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03))
"""End (exclusive) and step of the magnifications, which start at 1."""


def defocus_blur(image: Planes, severity: int, generator: np.random.Generator) -> Planes:
    """The image averaged over a disk, as by a lens out of focus."""
    return convolved(image, disk(*DEFOCUS[severity - 1]))


def glass_blur(image: Planes, severity: int, generator: np.random.Generator) -> Planes:
    """The image behind frosted glass: blurred, pixels swapped with near ones, blurred again.

    The swaps run from the lower right to the upper left corner, each pixel with one up to `reach` away, upwards and to
    the left one further than downwards and to the right; those within `reach` of a border stay. Of an image that
    small, only the blur is left.
    """
    sigma, reach, times = GLASS[severity - 1]
    blurred = smoothed(image, sigma)
    _, height, width = image.shape
    place = list(range(height * width))
    rows, columns = range(height - reach, reach, -1), range(width - reach, reach, -1)
    for _ in range(times if rows and columns else 0):
        moves = generator.integers(-reach, reach, (len(rows), len(columns), 2))
        # Swaps depend on those before them, so they run one by one; numbers in a list are the fastest there.
        partners = (moves[:, :, 1] * width + moves[:, :, 0]).tolist()
        for row, steps in zip(rows, partners, strict=True):
            for here, step in zip(range(row * width + columns[0], 0, -1), steps, strict=False):
                place[here], place[here + step] = place[here + step], place[here]
    swapped = blurred.reshape(3, -1)[:, place].reshape(image.shape)
    return smoothed(swapped, sigma)


def motion_blur(image: Planes, severity: int, generator: np.random.Generator) -> Planes:
    """The image smeared in a direction within 45 degrees of the horizontal.

    Differs from the published program, whose smear starts at each pixel and so moves the picture by up to 12 pixels:
    here it is centred, so that labels stay where the objects are.
    """
    radius, sigma = MOTION[severity - 1]
    return smeared(image, radius, sigma, generator.uniform(-45, 45))


def zoom_blur(image: Planes, severity: int, generator: np.random.Generator) -> Planes:
    """The mean of the image (twice, as published) and its magnified middles, as by a camera that moves forward."""
    zooms = np.arange(1, *ZOOMS[severity - 1])
    picture = torch.from_numpy(image)[None]
    height, width = image.shape[1:]
    centres = pixel_centres(height, width, picture)
    middle = torch.tensor([width, height], dtype=picture.dtype)[:, None, None] / 2
    total = picture.clone()
    for zoom in zooms.tolist():
        total += sample_at(picture, (middle + (centres - middle) / zoom)[None])[0]
    return np.asarray(total[0] / (len(zooms) + 1))


def disk(radius: int, softness: float) -> Float32[np.ndarray, "S S"]:
    """Equal weights within the radius, softened at the edge, of sum 1."""
    reach = SOFT_REACH[radius <= 8]
    across = np.arange(-radius - reach, radius + reach + 1)
    inside = (across**2 + across[:, None] ** 2 <= radius**2).astype(np.float64)
    soft = ndimage.gaussian_filter(inside / inside.sum(), softness, mode="constant", radius=reach)
    return np.asarray(soft / soft.sum(), dtype=np.float32)


def convolved(image: Float32[np.ndarray, "C H W"], kernel: Float32[np.ndarray, "S S"]) -> Float32[np.ndarray, "C H W"]:
    """Every channel averaged with these weights, odd in size."""
    reach = kernel.shape[0] // 2
    height, width = image.shape[1:]
    padded = read_window(torch.from_numpy(image), -reach, -reach, (height + 2 * reach, width + 2 * reach))
    return np.asarray(F.conv2d(padded[:, None], torch.from_numpy(kernel)[None, None])[:, 0])


def smoothed(image: Float32[np.ndarray, "C H W"], sigma: float) -> Float32[np.ndarray, "C H W"]:
    """Every channel blurred by a Gaussian."""
    blurred: NDArray[np.float32] = ndimage.gaussian_filter(image, (0, sigma, sigma), mode="mirror")
    return blurred


def smeared(
    image: Float32[np.ndarray, "C H W"], radius: int, sigma: float, angle: float
) -> Float32[np.ndarray, "C H W"]:
    """Every channel averaged along a line of 2 radius + 1 steps at this angle (degrees, clockwise from the right).

    The weights fall off from one end as a Gaussian of `sigma` steps does, as those of a shutter that closes slowly;
    their mean lies on the pixel.
    """
    steps = np.arange(2 * radius + 1)
    weights = np.exp(-(steps**2) / (2 * sigma**2))
    weights /= weights.sum()
    along = steps - float((weights * steps).sum())
    down = np.rint(along * sin(radians(angle))).astype(int).tolist()
    across = np.rint(along * cos(radians(angle))).astype(int).tolist()
    reach = 2 * radius
    height, width = image.shape[1:]
    padded = read_window(torch.from_numpy(image), -reach, -reach, (height + 2 * reach, width + 2 * reach)).numpy()
    total = np.zeros_like(image)
    for weight, row, column in zip(weights.astype(np.float32), down, across, strict=True):
        total += weight * padded[:, reach + row :, reach + column :][:, :height, :width]
    return total

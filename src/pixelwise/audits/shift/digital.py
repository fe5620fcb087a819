"""What processing and files do to images: contrast, coarse pixels, JPEG.

Source of kinds and constants: Hendrycks and Dietterich 2019 and the authors' make_imagenet_c.py.
"""

import io

import numpy as np
import torch
from PIL import Image as Pillow

from pixelwise.audits.shift.noise import Planes
from pixelwise.ops.resize import resize

CONTRASTS = (0.4, 0.3, 0.2, 0.1, 0.05)
PIXELATED = (0.6, 0.5, 0.4, 0.3, 0.25)
"""Side of the small image as a share of the large one's."""
JPEG_QUALITIES = (25, 18, 15, 10, 7)


def contrast(image: Planes, severity: int, generator: np.random.Generator) -> Planes:
    """The image drawn towards the mean of each channel."""
    means = image.mean((1, 2), keepdims=True)
    return np.asarray((image - means) * np.float32(CONTRASTS[severity - 1]) + means)


def pixelate(image: Planes, severity: int, generator: np.random.Generator) -> Planes:
    """The image shrunk by averaging and enlarged again by repeating pixels; at least one pixel is left a side."""
    share = PIXELATED[severity - 1]
    height, width = image.shape[1:]
    small = resize(torch.from_numpy(image), (max(1, int(height * share)), max(1, int(width * share))), "area")
    return np.asarray(resize(small, (height, width), "nearest-exact"))


def jpeg_compression(image: Planes, severity: int, generator: np.random.Generator) -> Planes:
    """The image saved as JPEG in memory and read again, in 8 bits a channel."""
    levels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
    file = io.BytesIO()
    Pillow.fromarray(levels).save(file, "JPEG", quality=JPEG_QUALITIES[severity - 1])
    with Pillow.open(file) as read:
        return (np.asarray(read).transpose(2, 0, 1) / np.float32(255)).astype(np.float32)

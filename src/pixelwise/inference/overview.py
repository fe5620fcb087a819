"""An image of any size, reduced to what a screen shows."""

import numpy as np
from numpy.typing import NDArray

from pixelwise.data.lazy_images import LazyImage
from pixelwise.drawing import to_uint8

LONGEST = 2048
"""Pixels of the longer side: a screen's worth."""


def overview(image: LazyImage) -> tuple[NDArray[np.uint8], int]:
    """The picture (h, w, 3), and the n of which it holds every n-th pixel; read in bands, never in memory whole."""
    step = max(1, -(-max(image.size) // LONGEST))
    height, width = image.size
    rows = max(1, 2**24 // width) // step * step or step  # bands of about 16 million pixels
    bands = (
        to_uint8(image.read(top, 0, min(rows, height - top), width)[:, ::step, ::step])
        for top in range(0, height, rows)
    )
    return np.concatenate(list(bands)), step

"""The forms in which an image may be given to a predictor."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.shapes import Image

AnyImage = str | Path | Image | Float[np.ndarray, "H W 3"] | NDArray[np.uint8]


def as_image(image: Tensor | NDArray[np.generic]) -> Image:
    """A float tensor (3, H, W), 0..1, from a tensor of that form or an array (H, W, 3) of uint8 or float 0..1.

    Raises:
        InputError: another shape or type, values outside 0..1, or not-a-number.
    """
    tensor = image if isinstance(image, Tensor) else torch.from_numpy(np.ascontiguousarray(image)).movedim(-1, 0)
    wanted = "an RGB image: a tensor (3, H, W) of floats 0..1, or an array (H, W, 3) of uint8 or floats 0..1"
    if tensor.ndim != 3 or tensor.shape[0] != 3 or 0 in tensor.shape:
        raise InputError(
            wanted, f"shape {tuple(image.shape)}", "repeat a gray channel three times; drop an alpha channel"
        )
    if tensor.dtype == torch.uint8 and not isinstance(image, Tensor):
        return tensor.float() / 255
    if not tensor.is_floating_point():
        raise InputError(
            wanted, f"type {image.dtype}", "divide by the largest value the type holds: image.float() / 255"
        )
    low, high = tensor.aminmax()
    if not (low >= 0 and high <= 1):  # also false for not-a-number
        raise InputError(wanted, f"values from {low:g} to {high:g}", "scale the image to 0..1")
    return tensor.float()

"""Objects cut out of one image and laid over another, and images with their objects taken out."""

import numpy as np
import torch
from jaxtyping import Float
from scipy import ndimage  # type: ignore[import-untyped]  # scipy ships no types
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.ops.mirror import reflect_index
from pixelwise.ops.resize import resize
from pixelwise.ops.window import read_window
from pixelwise.shapes import Image, Mask, Size

FEATHER = 1.0
"""Pixels over which an object's edge fades by default: hard edges are a cue that no camera makes."""

MARGIN = 2
"""Pixels around an object that go with it when it is taken out: its blurred rim would give it away."""

UNKNOWN = 0.5
"""Grey of a picture of which no pixel is known."""


def opacity(mask: Mask, feather: float | int = FEATHER) -> Float[Tensor, "H W"]:
    """How much of an object each pixel shows: 0 outside its mask, rising to 1 within it.

    A pixel inside at distance d from the nearest one outside (1 at the rim) has min(1, d / (feather + 1)), so nothing
    of the object's old surroundings is carried along beyond the rim. Where the mask meets the border of the image it
    does not fade. An object thinner than 2 feather stays translucent.

    Args:
        mask: the object's pixels.
        feather: pixels over which it fades; 0 cuts hard.

    Raises:
        InputError: a negative feather.
    """
    if feather < 0:
        raise InputError("a feather of 0 pixels or more", str(feather), hint="feather=1 is usual")
    inside = mask.cpu().numpy()
    if inside.all():  # the distance to what is not there has no value
        return torch.ones(mask.shape, device=mask.device)
    distance = ndimage.distance_transform_edt(inside)
    return torch.from_numpy(np.minimum(1, distance / (feather + 1)).astype(np.float32)).to(mask.device)


def laid_over(image: Image, alpha: Float[Tensor, "H W"], background: Image) -> Image:
    """The image where alpha is 1, the background where it is 0, blended between."""
    return torch.lerp(background, image, alpha.to(image))


def without(image: Image, mask: Mask, margin: int = MARGIN) -> Image:
    """The image with an object taken out and what is around it continued into the hole, mirrored at the hole's rim.

    Each pixel p of the hole shows the pixel as far beyond the nearest known pixel n as p lies before it, 2 n - p, which
    keeps the texture of the surroundings; where that place is itself unknown, it shows n. It is a plausible
    background, not the true one. An image that is all hole becomes grey.

    Args:
        image: the picture.
        mask: the object's pixels.
        margin: pixels around them that are taken out as well.
    """
    hole = mask.cpu().numpy()
    if margin > 0 and hole.any():
        hole = ndimage.binary_dilation(hole, iterations=margin)
    if hole.all():
        return torch.full_like(image, UNKNOWN)
    if not hole.any():
        return image
    nearest = ndimage.distance_transform_edt(hole, return_distances=False, return_indices=True)
    here = np.stack(np.nonzero(hole))
    close = nearest[:, here[0], here[1]]
    beyond = [
        reflect_index(torch.from_numpy(2 * near - place), length).numpy()
        for near, place, length in zip(close, here, hole.shape, strict=True)
    ]
    known = ~hole[beyond[0], beyond[1]]
    row, column = (torch.from_numpy(np.where(known, far, near)) for far, near in zip(beyond, close, strict=True))
    filled = image.clone()
    filled[:, torch.from_numpy(here[0]), torch.from_numpy(here[1])] = image[:, row, column]
    return filled


def covering(image: Image, size: Size) -> Float[Tensor, "3 h w"]:
    """The middle of the image, enlarged or shrunk with its proportions kept until it just covers `size`."""
    height, width = image.shape[1:]
    if (height, width) == size:
        return image
    factor = max(size[0] / height, size[1] / width)
    scaled = max(size[0], round(height * factor)), max(size[1], round(width * factor))
    larger = resize(image, scaled, "bilinear", antialias=True)
    return read_window(larger, (scaled[0] - size[0]) // 2, (scaled[1] - size[1]) // 2, size)

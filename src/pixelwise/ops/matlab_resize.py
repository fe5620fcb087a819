"""MATLAB's bicubic imresize, which the papers on super-resolution shrink their pictures with."""

from math import ceil

import torch
from jaxtyping import Shaped
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.ops.taps import blend_rows


def resize_matlab(images: Shaped[Tensor, "*channels H W"], scale: float | int) -> Shaped[Tensor, "*channels h w"]:
    """The images as `imresize(images, scale)` of MATLAB has them: bicubic, smoothed when shrinking, mirrored edges.

    Of ceil(scale * H) x ceil(scale * W) pixels, for any scale up or down; sizes need not be divisible. Computed in
    float64. Floats stay floats of their dtype and are not clipped: bicubic values overshoot at edges. uint8 is clipped
    and rounded once at the end (halves up), as `im2uint8(imresize(im2double(images), scale))` does: bit for bit the
    published low-resolution files of Set14. `imresize` of uint8 itself rounds between its two passes too, which moves
    about a tenth of the values by 1.

    Differs from `resize(..., "bicubic", antialias=True)` near the edges, where torch cuts the kernel off, and when
    enlarging, where torch has another kernel. Differentiable for floats. Source: contributions() of MATLAB's
    imresize.m, with the kernel of Keys 1981 (a = -0.5).

    Args:
        images: float or uint8, any number of leading axes.
        scale: sides of the result as a share of the old ones, such as 1 / 4.

    Raises:
        InputError: images of another dtype or without pixels, or a scale that is not a positive number.

    >>> resize_matlab(torch.tensor([[0, 0, 0, 0, 255, 255, 255, 255]], dtype=torch.uint8), 0.5)
    tensor([[  0,  17, 238, 255]], dtype=torch.uint8)
    """
    if images.dtype != torch.uint8 and not images.is_floating_point():
        raise InputError(
            "float or uint8 images", str(images.dtype), hint='labels: resize(labels, size, "nearest-exact")'
        )
    if 0 in images.shape[-2:] or not 0 < scale < float("inf"):
        raise InputError(
            "images with pixels and a positive scale",
            f"shape {tuple(images.shape)} and scale {scale}",
            hint="pass 1 / 4 to shrink to a quarter of each side, 4 to enlarge",
        )
    resized = _along(_along(images.double(), -2, float(scale)), -1, float(scale))
    # MATLAB's round() takes halves away from zero, torch's to the even neighbour.
    return ((resized + 0.5).floor().clamp(0, 255) if images.dtype == torch.uint8 else resized).to(images.dtype)


def _along(images: Tensor, axis: int, scale: float) -> Tensor:
    places, weights = _taps(images.shape[axis], scale, images.device)
    table = images.movedim(axis, 0)
    rows = blend_rows(table.flatten(1), places, weights)
    return rows.view(places.shape[0], *table.shape[1:]).movedim(0, axis)


def _taps(length: int, scale: float, device: torch.device) -> tuple[Tensor, Tensor]:
    """For each new pixel the old pixels that it is made of, and their weights, which sum to 1."""
    shrink = min(scale, 1.0)  # when shrinking, the kernel widens so that no pixel is skipped
    reach = 4 / shrink  # the cubic is 4 pixels wide
    new = torch.arange(ceil(scale * length), dtype=torch.float64, device=device)
    centres = (new + 0.5) / scale - 0.5
    first = (centres - reach / 2).floor()
    old = first[:, None] + torch.arange(ceil(reach) + 2, device=device)
    weights = _cubic(shrink * (centres[:, None] - old))
    weights = weights / weights.sum(1, keepdim=True)
    # The mirror repeats the edge pixel: ... 1 0 | 0 1 2 ... n-1 | n-1 n-2 ...
    folded = old.long() % (2 * length)
    return folded.minimum(2 * length - 1 - folded), weights


def _cubic(distance: Tensor) -> Tensor:
    """Keys' interpolation kernel with a = -0.5: 1 at 0, 0 at 1 and from 2 on."""
    x = distance.abs()
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return torch.where(x <= 1, near, torch.where(x <= 2, far, 0))

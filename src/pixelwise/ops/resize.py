"""Images and label maps at another size, with every convention named."""

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Shaped
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.shapes import Size

ResizeMode = Literal["nearest-exact", "nearest", "bilinear", "bicubic", "area"]
"""How new pixels are made of old ones; `resize` says which does what."""


def resize(
    images: Shaped[Tensor, "*channels H W"],
    size: Size,
    mode: ResizeMode,
    align_corners: bool = False,
    antialias: bool = False,
) -> Shaped[Tensor, "*channels h w"]:
    """The images at `size`, in their dtype.

    Modes, each keeping the borders of old and new picture together (pixel centres at +0.5, so new pixel i lies at
    (i + 0.5) * H / h) unless said otherwise:

    - "nearest-exact": the old pixel that the new centre lies in; for label maps. As Pillow and scikit-image.
    - "nearest": old pixel floor(i * H / h), half a pixel up and left of the above; as torch's and OpenCV's "nearest",
      but in whole numbers, so that no size is off by one through rounding.
    - "bilinear": blended from 4 pixels, the edge continued. Shrinking below a half skips pixels without `antialias`.
    - "bicubic": blended from 16; overshoots, so clip if a range matters. torch's kernels: a = -0.75 as OpenCV, and
      a = -0.5 as Pillow with `antialias`. MATLAB's is `resize_matlab`.
    - "area": the mean of the old pixels that the new one covers, partly covered ones counted in full; for shrinking.

    Half precision is blended in float32. Differentiable for floats; on CUDA the gradients of "bilinear", "bicubic" and
    enlarged "nearest" pictures add up in no fixed order unless torch.use_deterministic_algorithms(True) forbids it.

    Args:
        images: any number of leading axes; integers and booleans only for the two nearest modes.
        size: height and width of the result.
        mode: see above; there is no default, because images and label maps need different ones.
        align_corners: puts the centres of the corner pixels together instead of the borders: new pixel i lies at old
            index i * (H - 1) / (h - 1). For "bilinear" and "bicubic".
        antialias: when shrinking, widens the kernel so that every old pixel counts. For "bilinear" and "bicubic".

    Raises:
        InputError: blended values were asked of integers, a switch was given to a mode that has none, the mode is
            unknown, or a side is 0.

    >>> resize(torch.tensor([[1, 2, 3]]), (1, 6), "nearest-exact")
    tensor([[1, 1, 2, 2, 3, 3]])
    >>> resize(torch.tensor([[0.0, 1.0]]), (1, 4), "bilinear")
    tensor([[0.0000, 0.2500, 0.7500, 1.0000]])
    """
    _check(images, size, mode, align_corners or antialias)
    if mode in ("nearest-exact", "nearest"):
        rows, columns = (
            _nearest(old, new, mode, images.device) for old, new in zip(images.shape[-2:], size, strict=True)
        )
        return images.index_select(-2, rows).index_select(-1, columns)
    if 0 in images.shape[:-2]:
        return images.new_zeros(*images.shape[:-2], *size)
    batch = images if images.ndim == 4 else images.reshape(1, -1, *images.shape[-2:])
    batch = batch.to(torch.promote_types(images.dtype, torch.float32))
    corners = None if mode == "area" else align_corners
    resized = F.interpolate(batch, size, mode=mode, align_corners=corners, antialias=antialias)
    return resized.to(images.dtype).view(*images.shape[:-2], *size) if images.ndim != 4 else resized.to(images.dtype)


def _nearest(old: int, new: int, mode: ResizeMode, device: torch.device) -> Tensor:
    """For each new pixel the index of the old one: floor((i + 0.5) * old / new), or floor(i * old / new)."""
    index = torch.arange(new, device=device)
    return (2 * index + 1) * old // (2 * new) if mode == "nearest-exact" else index * old // new


def _check(images: Tensor, size: Size, mode: str, switched: bool) -> None:
    modes = get_args(ResizeMode)
    if mode not in modes:
        raise InputError(f"a mode of {', '.join(modes)}", repr(mode), hint='"nearest-exact" suits label maps')
    if mode not in ("nearest-exact", "nearest") and not images.is_floating_point():
        raise InputError(
            f"float images for {mode} values",
            str(images.dtype),
            hint='label maps: mode="nearest-exact"; images of 0..255: images.float() / 255',
        )
    if switched and mode not in ("bilinear", "bicubic"):
        raise InputError(
            "align_corners and antialias only with bilinear and bicubic",
            f"mode {mode}",
            hint="leave them out; area takes every pixel into account as it is",
        )
    if 0 in images.shape[-2:] or min(size) < 1:
        raise InputError(
            "images with pixels and a size of at least 1x1",
            f"shape {tuple(images.shape)} and size {size[0]}x{size[1]}",
            hint="size is (height, width) in pixels",
        )

"""Values of images at arbitrary positions, and the backward warp by a flow field."""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.ops.mirror import reflect_index
from pixelwise.ops.window import Border

Mode = Literal["bilinear", "nearest"]
"""How a value between pixel centres is made: blended from four pixels, or that of the pixel the position lies in."""


def pixel_centres(height: int, width: int, like: Tensor) -> Float[Tensor, "2 H W"]:
    """The position (x, y) of every pixel's centre, in pixels: x = column + 0.5, y = row + 0.5.

    Args:
        height: number of rows.
        width: number of columns.
        like: a float tensor whose dtype and device the positions take.
    """
    x = torch.arange(width, dtype=like.dtype, device=like.device) + 0.5
    y = torch.arange(height, dtype=like.dtype, device=like.device) + 0.5
    return torch.stack([x.expand(height, width), y[:, None].expand(height, width)])


def sample_at(
    images: Shaped[Tensor, "B C H W"],
    coordinates: Float[Tensor, "B 2 h w"],
    mode: Mode = "bilinear",
    border: Border = "reflect",
    value: float | int = 0,
) -> tuple[Shaped[Tensor, "B C h w"], Bool[Tensor, "B h w"]]:
    """The values of each image at the given positions, and where those positions lie on the image.

    An image of H x W covers the area 0 <= x < W, 0 <= y < H, with pixel centres at +0.5. "reflect" continues it by
    mirrors that stand at the outermost pixel centres, at any distance, as `read_window` does. "constant" puts `value`
    beyond the area; in the half pixel between the outermost centres and the border the edge value holds. A position
    that is not finite counts as outside and reads the corner pixel or `value`.

    Args:
        images: float for "bilinear"; any dtype for "nearest".
        coordinates: x and y of each wanted value, in pixels.
        mode: "bilinear" blends the four nearest pixels; "nearest" takes the pixel that the position lies in.
        border: what stands outside the image.
        value: the constant for border "constant".

    Returns:
        The values, in the dtype of `images`, and a mask that is True where the position lies on the image.

    Raises:
        InputError: bilinear values were asked of integers, an image has no pixels, or the batch sizes differ.
    """
    _check(images, coordinates, mode)
    height, width = images.shape[-2:]
    x, y = coordinates.unbind(1)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    x, y = torch.where(x.isfinite(), x, 0), torch.where(y.isfinite(), y, 0)
    values = _blended(images, x, y, border) if mode == "bilinear" else _nearest(images, x, y, border)
    if border == "constant":
        values = values.masked_fill(~inside[:, None], value)
    return values, inside


def warp(
    images: Float[Tensor, "B C H W"], flow: Float[Tensor, "B 2 H W"]
) -> tuple[Float[Tensor, "B C H W"], Bool[Tensor, "B H W"]]:
    """The second images seen from the first: at each pixel p the value at p + flow(p); and where that is on the image.

    A backward warp: with the true flow from image 1 to image 2, `warp(image_2, flow)` shows image 1 wherever nothing
    is hidden. Bilinear; 0 where the flow points off the image (the mask is False there). An occluded pixel shows what
    hides it: the mask does not know.

    Args:
        images: the images that the flow points into.
        flow: (dx, dy) in pixels at every pixel.

    Raises:
        InputError: see `sample_at`.
    """
    centres = pixel_centres(flow.shape[-2], flow.shape[-1], like=flow)
    return sample_at(images, centres + flow, mode="bilinear", border="constant")


def _check(images: Tensor, coordinates: Tensor, mode: Mode) -> None:
    if mode == "bilinear" and not images.is_floating_point():
        raise InputError(
            "float images for bilinear values",
            str(images.dtype),
            hint='label maps cannot be blended: pass mode="nearest", or convert the images with .float()',
        )
    if images.shape[0] != coordinates.shape[0] or 0 in images.shape[-2:]:
        raise InputError(
            "one set of positions for every image, and images with pixels",
            f"images of shape {tuple(images.shape)} and positions of shape {tuple(coordinates.shape)}",
            hint="expand the positions with coordinates.expand(len(images), -1, -1, -1) to share them",
        )


def _blended(images: Tensor, x: Tensor, y: Tensor, border: Border) -> Tensor:
    # Half precision has gaps wider than a pixel beyond 2048, so positions are handled in float32 at least.
    dtype = torch.promote_types(torch.promote_types(images.dtype, x.dtype), torch.float32)
    height, width = images.shape[-2:]
    x, y = x.to(dtype), y.to(dtype)
    if border == "reflect":
        x, y = _mirrored(x, width), _mirrored(y, height)
    # grid_sample without aligned corners counts -1..1 from border to border, which is our 0..W.
    grid = torch.stack([x * (2 / width) - 1, y * (2 / height) - 1], dim=-1)
    return F.grid_sample(images.to(dtype), grid, padding_mode="border", align_corners=False).to(images.dtype)


def _mirrored(positions: Tensor, length: int) -> Tensor:
    """Positions folded between the outermost centres: `reflect_index` for positions between pixels."""
    period = 2 * (length - 1)
    if period == 0:
        return positions * 0 + 0.5
    folded = (positions - 0.5).remainder(period)
    return folded.minimum(period - folded) + 0.5


def _nearest(images: Tensor, x: Tensor, y: Tensor, border: Border) -> Tensor:
    # Indexed by hand: grid_sample refuses integers and rounds ties to even, so a boundary would jitter.
    height, width = images.shape[-2:]
    column, row = x.floor().long().flatten(), y.floor().long().flatten()
    if border == "reflect":
        column, row = reflect_index(column, width), reflect_index(row, height)
    else:
        column, row = column.clamp(0, width - 1), row.clamp(0, height - 1)
    batch = torch.arange(images.shape[0], device=images.device)[:, None, None]
    # Indexing by row and column, not by a flat index: a flat view of a permuted huge image would copy it.
    return images[batch, :, row.view_as(x), column.view_as(x)].movedim(-1, 1)

"""The flow between two images that were moved, each in its own way.

A crop pixel q shows the place p of the first image, whose point goes to p + f in the second. The second crop shows that
place at q' = middle + N**-1 (p + f - centre), N and the centre being those of the second move: the new flow is q' - q.
"""

import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from pixelwise.data.transforms.geometry import Move, read
from pixelwise.ops.warp import pixel_centres
from pixelwise.shapes import Flow, Mask, Size

SMOOTH = 0.25
"""Pixels: where the blend of the four nearest vectors is farther than this from the nearest one, they are of two
surfaces, whose motions have no mean. Within a surface that turns by up to 24 degrees it is less."""


def moved_flow(
    first: Move, second: Move, flow: Flow, valid: Mask
) -> tuple[Float[Tensor, "2 h w"], Bool[Tensor, "h w"]]:
    """The flow from the first crop to the second, and where it is known; 0 where it is not.

    Vectors are blended between the pixels of one surface, which is exact where the motion is affine, and taken from
    the nearest pixel at the edge of one. Unknown are pixels from outside the image and those that were not valid.

    Args:
        first: how the first image was moved; linear.
        second: how the second was.
        flow: (dx, dy) in pixels of the whole images.
        valid: where it is known.
    """
    vectors, known = _vectors(first, flow, valid)
    moved = torch.einsum("ij,jhw->ihw", second.forward, vectors)
    if second is not first:
        moved = moved + _drift(first, second)
    return moved.where(known, 0).to(flow.dtype), known


def leaves_sight(first: Move, flow: Flow, moved: Float[Tensor, "2 h w"], size: Size) -> Bool[Tensor, "h w"]:
    """Whether the end of each moved vector lies outside the second crop, or outside the second image.

    Args:
        first: how the first image was moved.
        flow: of the whole images.
        moved: between the crops.
        size: of the whole images.
    """
    ends = pixel_centres(*first.size, like=moved) + moved
    old_ends = read(first, pixel_centres(*size, like=flow) + flow, "nearest", "reflect")
    gone: Tensor = _outside(ends, first.size) | _outside(old_ends, size)
    return gone


def _outside(places: Float[Tensor, "2 h w"], size: Size) -> Bool[Tensor, "h w"]:
    x, y = places
    outside: Tensor = (x < 0) | (x >= size[1]) | (y < 0) | (y >= size[0])
    return outside


def _vectors(move: Move, flow: Flow, valid: Mask) -> tuple[Float64[Tensor, "2 h w"], Bool[Tensor, "h w"]]:
    """The vectors of the places that the crop shows, not yet moved, and whether they are known."""
    known = read(move, valid[None], "nearest", "constant")[0]
    nearest = read(move, flow, "nearest", "constant")
    if move.exact:
        return nearest.double(), known
    blended = read(move, flow.where(valid, torch.nan), "bilinear", "reflect")
    smooth = ((blended - nearest).abs() <= SMOOTH).all(0)  # False for NaN: a neighbour is unknown
    return torch.where(smooth, blended, nearest).double(), known


def _drift(first: Move, second: Move) -> Float64[Tensor, "2 h w"]:
    """The flow between the crops of a scene that stands still."""
    shown = first.places - second.centre[:, None, None]
    there = torch.einsum("ij,jhw->ihw", second.forward, shown) + second.crop_centre[:, None, None]
    return there - pixel_centres(*first.size, like=there)

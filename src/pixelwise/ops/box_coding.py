"""Boxes written as deltas from anchors: what box heads regress.

Source: Girshick et al. 2014, appendix C; the weights are Fast R-CNN's (10, 10, 5, 5), those of region proposals are 1.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.ops.boxes import check_boxes, upcast

LARGEST_GROWTH = math.log(1000 / 16)
"""The logarithm of growth is cut here, as published: an anchor of 16 pixels may grow to 1000."""


def encode_boxes(
    boxes: Float[Tensor, "*#batch 4"],
    anchors: Float[Tensor, "*#batch 4"],
    weights: Sequence[float | int] = (1, 1, 1, 1),
) -> Float[Tensor, "*#batch 4"]:
    """The deltas (dx, dy, dw, dh) that lead from each anchor to its box.

    dx and dy are the way from centre to centre in sides of the anchor, dw and dh the logarithms of growth, each times
    its weight. Where the anchor or the box has a side that is not positive, or a coordinate that is not finite, all
    four are 0: there is nothing to learn from such a pair, and an infinite target would end a training.

    Args:
        boxes: the wanted boxes, two corners each.
        anchors: as many anchors; the shapes are broadcast.
        weights: of dx, dy, dw, dh.

    Returns:
        Deltas in the wider dtype of both, computed in float32 at least.

    Raises:
        InputError: not boxes of floats, shapes that do not fit each other, or weights that are not four positive
            numbers.

    >>> encode_boxes(torch.tensor([[0.0, 0.0, 4.0, 4.0]]), torch.tensor([[0.0, 0.0, 2.0, 4.0]])).tolist()
    [[0.5, 0.0, 0.6931471824645996, 0.0]]
    """
    _check(boxes, anchors, weights, "boxes")
    result = torch.promote_types(boxes.dtype, anchors.dtype)
    # Anchors and boxes side by side: half as many steps, which is what a device's time goes by.
    # torch does not declare the types of this function.
    pair = torch.broadcast_tensors(anchors.to(result), boxes.to(result))  # type: ignore[no-untyped-call]
    both, sides, centres = _parts(torch.stack(pair), result)
    proper = _proper(both, sides).all(dim=0)
    # Twice masked: what is thrown away after a division by 0 still has a gradient of NaN.
    sides = sides.where(proper, 1)
    moved, grown = (centres[1] - centres[0]) / sides[0], torch.log(sides[1] / sides[0])
    deltas = torch.cat([moved, grown], dim=-1) * both.new_tensor(weights)
    return deltas.where(proper, 0).to(result)


def decode_boxes(
    deltas: Float[Tensor, "*#batch 4"],
    anchors: Float[Tensor, "*#batch 4"],
    weights: Sequence[float | int] = (1, 1, 1, 1),
) -> Float[Tensor, "*#batch 4"]:
    """The boxes that deltas lead to from their anchors: the inverse of `encode_boxes`.

    A side grows at most 62.5 times (`LARGEST_GROWTH`). NaN in a delta or an anchor gives NaN, and infinite moves give
    infinite or NaN coordinates; `remove_small_boxes` drops boxes with NaN, after `clip_boxes_to_image` the others.

    Args:
        deltas: (dx, dy, dw, dh); from a head with K classes as (N, K, 4): `deltas.unflatten(1, (-1, 4))`.
        anchors: one per delta; the shapes are broadcast, so (N, 1, 4) serves K classes.
        weights: those the deltas were encoded with.

    Returns:
        Boxes x0 y0 x1 y1, not clipped, in the wider dtype of both: half-precision deltas and float32 anchors give
        float32, as half precision has gaps of 2 pixels beyond 2048 (torchvision rounds the anchors instead).

    Raises:
        InputError: not boxes of floats, shapes that do not fit each other, or weights that are not four positive
            numbers.
    """
    _check(deltas, anchors, weights, "deltas")
    result = torch.promote_types(deltas.dtype, anchors.dtype)
    wide, sides, centres = _parts(anchors, result)
    scaled = deltas.to(wide.dtype) / wide.new_tensor(weights)
    centres = scaled[..., :2] * sides + centres
    half = 0.5 * (torch.exp(scaled[..., 2:].clamp(max=LARGEST_GROWTH)) * sides)
    return torch.cat([centres - half, centres + half], dim=-1).to(result)


def _check(first: Tensor, anchors: Tensor, weights: Sequence[float | int], name: str) -> None:
    check_boxes(first, name)
    check_boxes(anchors, "anchors")
    floats = first.is_floating_point() and anchors.is_floating_point()
    if not floats or first.device != anchors.device or not _broadcastable(first, anchors):
        raise InputError(
            f"{name} and anchors as floats of shapes that fit each other, on one device",
            f"{first.dtype} {tuple(first.shape)} on {first.device} and "
            f"{anchors.dtype} {tuple(anchors.shape)} on {anchors.device}",
            hint="pass one anchor for each: anchors[matches], or anchors[:, None] for several classes",
        )
    if len(weights) != 4 or not all(0 < weight < math.inf for weight in weights):
        raise InputError("four positive weights", str(tuple(weights)), hint="pass (1, 1, 1, 1) or (10, 10, 5, 5)")


def _broadcastable(first: Tensor, second: Tensor) -> bool:
    return all(a == b or 1 in (a, b) for a, b in zip(reversed(first.shape), reversed(second.shape), strict=False))


def _parts(boxes: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes in full precision, their (width, height) and centres."""
    wide = upcast(boxes.to(dtype))
    sides = wide[..., 2:] - wide[..., :2]
    return wide, sides, wide[..., :2] + 0.5 * sides


def _proper(boxes: Tensor, sides: Tensor) -> Tensor:
    return (boxes.isfinite().all(dim=-1) & (sides > 0).all(dim=-1) & sides.isfinite().all(dim=-1))[..., None]

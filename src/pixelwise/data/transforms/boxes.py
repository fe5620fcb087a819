"""Boxes seen through a drawn geometry."""

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from pixelwise.data.transforms.geometry import Move
from pixelwise.shapes import Boxes

SLIVER = 1e-3
"""Pixels: a box narrower than this after clipping owes its area to the rounding of its corners."""


def move_boxes(move: Move, boxes: Boxes) -> tuple[Float[Tensor, "N_kept 4"], Int64[Tensor, " N_kept"]]:
    """The tight upright boxes around the moved boxes, clipped to the crop, and the rows they came from.

    Boxes without area in the crop are left out. A linear move maps the four corners. An elastic one has no corners to
    map: there the box is that of the crop pixels which show a place inside the old box, so it holds every such pixel
    and ends on whole pixels.
    """
    moved = _around_corners(move, boxes.double()) if move.displacement is None else _around_pixels(move, boxes.double())
    height, width = move.size
    ends = torch.tensor([width, height, width, height], dtype=torch.float64, device=boxes.device)
    moved = moved.clamp(min=0).minimum(ends)
    kept = ((moved[:, 2:] - moved[:, :2]) > SLIVER).all(1).nonzero()[:, 0]
    return moved[kept].to(boxes.dtype), kept


def _around_corners(move: Move, boxes: Float64[Tensor, "N 4"]) -> Float64[Tensor, "N 4"]:
    corners = boxes[:, [0, 1, 2, 1, 0, 3, 2, 3]].view(-1, 4, 2)
    moved = (corners - move.centre.to(boxes.device)) @ move.forward.T.to(boxes.device)
    moved = moved + move.crop_centre.to(boxes.device)
    return torch.cat([moved.amin(1), moved.amax(1)], dim=1)


def _around_pixels(move: Move, boxes: Float64[Tensor, "N 4"]) -> Float64[Tensor, "N 4"]:
    x, y = move.places.to(boxes.device)
    x0, y0, x1, y1 = boxes[:, :, None, None].unbind(1)
    shown = (x >= x0) & (x < x1) & (y >= y0) & (y < y1)  # N h w
    left, right = _ends(shown.any(1))
    top, bottom = _ends(shown.any(2))
    return torch.stack([left, top, right, bottom], dim=1).double()


def _ends(present: Tensor) -> tuple[Tensor, Tensor]:
    """First index that is True and one past the last one, per row; equal where none is."""
    places = torch.arange(present.shape[1], device=present.device)
    last = torch.where(present, places + 1, 0).amax(1)
    return torch.where(present, places, last[:, None]).amin(1), last

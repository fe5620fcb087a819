"""Objects moved with an image, by moving each mask on its own as a picture of the whole image."""

import torch
from torch import Tensor

from pixelwise.data.detection.objects import Objects
from pixelwise.data.transforms.geometry import Move, read
from pixelwise.ops.run_lengths import decode_mask


def masks_by_hand(objects: Objects, move: Move) -> list[Tensor]:
    """The whole mask (h, w) of each object after the move, also of those that left the picture."""
    assert objects.masks is not None
    masks = [torch.from_numpy(decode_mask(mask).copy()) for mask in objects.masks]
    return [read(move, mask[None], "nearest", "constant")[0] for mask in masks]


def box_by_hand(mask: Tensor) -> list[float]:
    """The tightest box around the pixels of a mask, looked for pixel by pixel."""
    places = [(row, column) for row in range(mask.shape[0]) for column in range(mask.shape[1]) if mask[row, column]]
    rows, columns = [row for row, _ in places], [column for _, column in places]
    return [float(min(columns)), float(min(rows)), float(max(columns) + 1), float(max(rows) + 1)]

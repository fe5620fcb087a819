"""Max-unpooling, one value at a time."""

import torch
from torch import Tensor


def max_unpool_by_hand(values: Tensor, indices: Tensor, size: tuple[int, int]) -> Tensor:
    """For maps of (B, C, h, w); the largest value wins where several have one index."""
    height, width = size
    result = torch.zeros(*values.shape[:2], height, width, dtype=values.dtype)
    taken = torch.zeros(result.shape, dtype=torch.bool)
    for b in range(values.shape[0]):
        for c in range(values.shape[1]):
            for value, index in zip(values[b, c].flatten(), indices[b, c].flatten().tolist(), strict=True):
                place = (b, c, index // width, index % width)
                if not taken[place] or value > result[place]:
                    result[place], taken[place] = value, True
    return result

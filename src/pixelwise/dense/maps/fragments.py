"""Dense features kept as fragments: each phase of the grid is an image of its own in the batch.

A kernel that reads every n-th sample reads neighbouring samples of one fragment, so that plain, undilated kernels run.
Source: Giusti et al. 2013 (max-pooling fragments). Fragments are as long as the longest; the samples that shorter ones
lack repeat their last one and reach only outputs that are cut off in the end.
"""

import torch.nn.functional as F
from torch import Tensor

from pixelwise.dense.graph.steps import Pair


def split(x: Tensor, rate: Pair, factor: Pair) -> Tensor:
    """Fragments of fragments: `factor` times as many along each axis.

    Args:
        x: fragments of (B * rate_y * rate_x, C, h, w).
        rate: fragments along each axis so far; (1, 1) for plain features.
        factor: into how many each is split.
    """
    rows, columns = -x.shape[-2] % factor[0], -x.shape[-1] % factor[1]
    if rows or columns:
        x = F.pad(x, (0, columns, 0, rows), mode="replicate")
    (down, across), (fine, wide) = rate, factor
    channels, height, width = x.shape[1:]
    x = x.reshape(-1, down, across, channels, height // fine, fine, width // wide, wide)
    # Sample i * fine + j of fragment f is sample i of fragment j * down + f.
    x = x.permute(0, 5, 1, 7, 2, 3, 4, 6)
    return x.reshape(-1, channels, height // fine, width // wide)


def merge(x: Tensor, rate: Pair) -> Tensor:
    """Plain features again, with the repeated samples of short fragments at their end.

    Args:
        x: fragments of (B * rate_y * rate_x, C, h, w).
        rate: fragments along each axis.
    """
    (down, across), (channels, height, width) = rate, x.shape[1:]
    x = x.reshape(-1, down, across, channels, height, width)
    return x.permute(0, 3, 4, 1, 5, 2).reshape(-1, channels, height * down, width * across)

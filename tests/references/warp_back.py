"""A picture pulled back along a flow, one pixel at a time."""

import math

import numpy as np


def warp_back(second: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """At each pixel of frame 1 what frame 2 shows where the flow leads, interpolated linearly; the border repeats."""
    height, width, _ = second.shape
    result = np.zeros(second.shape)
    for row in range(height):
        for column in range(width):
            x = min(max(column + float(flow[row, column, 0]), 0.0), width - 1.0)
            y = min(max(row + float(flow[row, column, 1]), 0.0), height - 1.0)
            left, top = min(math.floor(x), width - 2), min(math.floor(y), height - 2)
            for down, share_down in ((0, 1 - (y - top)), (1, y - top)):
                for across, share_across in ((0, 1 - (x - left)), (1, x - left)):
                    result[row, column] += share_down * share_across * second[top + down, left + across]
    return result

"""The loop of non-maximum suppression, compiled: every box in turn against the boxes kept before it.

The inner loop has no branch and no division, and reads contiguous columns, so the compiler turns it into vector
instructions (16 boxes at a time with AVX-512). This module needs numba when it is imported.
"""

from typing import Any, no_type_check

import numba
import numpy as np
from numpy.typing import NDArray

STRETCH = 512
"""Survivors tested before looking whether one suppresses: their five columns, 10 kB, stay in the first-level cache."""


@no_type_check  # the shape checker of the tests would wrap the function, and numba cannot compile the wrapper
def _covered(box, area, kept, threshold):
    """Whether any kept box overlaps the box by more than the threshold: intersection > threshold * union."""
    zero = threshold - threshold
    x0, y0, x1, y1, areas = kept
    hit = np.int32(0)  # as wide as a float32: a flag of another width would spoil the vector loop
    for i in range(areas.shape[0]):
        width = (x1[i] if x1[i] < box[2] else box[2]) - (x0[i] if x0[i] > box[0] else box[0])
        height = (y1[i] if y1[i] < box[3] else box[3]) - (y0[i] if y0[i] > box[1] else box[1])
        intersection = (width if width > zero else zero) * height
        if intersection > threshold * (areas[i] + area - intersection):
            hit = np.int32(1)
    return hit != 0


@no_type_check
def _survivors(boxes, order, starts, threshold, limit):
    """Flags, by place in the order, of the boxes that survive within each group; see `survivors`."""
    zero = threshold - threshold
    alive = np.zeros(order.shape[0], dtype=np.bool_)
    kept = np.empty((5, order.shape[0]), dtype=boxes.dtype)  # the survivors of one group
    x0, y0, x1, y1, areas = kept[0], kept[1], kept[2], kept[3], kept[4]
    for group in range(starts.shape[0] - 1):
        end = 0
        for j in range(starts[group], starts[group + 1]):
            if end == limit:
                break
            box = boxes[order[j]]
            width, height = box[2] - box[0], box[3] - box[1]
            # Negative sides become 0, and NaN stays: its area compares false with everything.
            area = (zero if width < zero else width) * (zero if height < zero else height)
            hit, s = False, 0
            while s < end and not hit:
                e = min(s + STRETCH, end)
                hit = _covered(box, area, (x0[s:e], y0[s:e], x1[s:e], y1[s:e], areas[s:e]), threshold)
                s = e
            if not hit:
                x0[end], y0[end], x1[end], y1[end], areas[end] = box[0], box[1], box[2], box[3], area
                alive[j] = True
                end += 1
    return alive


def compiled(function: Any, **options: Any) -> Any:
    """The function compiled at its first call, kept on disk where any cache folder can be written."""
    try:
        return numba.njit(nogil=True, cache=True, **options)(function)
    except RuntimeError:  # numba found no folder for its cache: compiling anew in each process is slower, not wrong
        return numba.njit(nogil=True, **options)(function)


_covered = compiled(_covered)
_survivors = compiled(_survivors)


def survivors(
    boxes: NDArray[np.floating[Any]],
    order: NDArray[np.int64],
    starts: NDArray[np.int64],
    threshold: float,
    limit: int,
) -> NDArray[np.bool_]:
    """Flags, by place in the order, of the boxes that no kept box before them in their group overlaps too much.

    Args:
        boxes: x0 y0 x1 y1, contiguous (N x 4, float32 or float64).
        order: rows of `boxes`, group after group, each in decreasing order of score.
        starts: where each group begins in the order, and N at the end.
        threshold: largest intersection over union at which both boxes stay.
        limit: stop after this many survivors in each group.
    """
    alive: NDArray[np.bool_] = _survivors(boxes, order, starts, boxes.dtype.type(threshold), limit)
    return alive

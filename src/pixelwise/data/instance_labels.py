"""Borders between touching objects, drawn from an instance map: what a segmenter learns in order to tell them apart."""

import numpy as np
from numpy.typing import NDArray

REACH = 1
"""Rows and columns within which a second object makes a pixel a border; chosen by measurement on the 2018 Data Science
Bowl's nuclei (docs/guides/dsb2018_nuclei.md)."""


def touching_borders(objects: NDArray[np.integer], reach: int = REACH) -> NDArray[np.bool_]:
    """True for pixels of an object that have another object within `reach` rows and columns, (H, W).

    Takes object numbers (H, W), 0 where there is none. So the border between touching objects is 2 * reach pixels wide
    and lies half in either; background is never border, since a gap separates by itself; an object that stands alone
    has no border.

    The idea is that of the winners of the 2018 Data Science Bowl (Caicedo et al. 2019: the borders of touching nuclei
    as a third class). U-Net (Ronneberger et al. 2015, section 3) weighs the narrow background between cells instead.

    >>> touching_borders(np.array([[1, 1, 1, 2, 2, 0, 3]])).astype(int).tolist()
    [[0, 0, 1, 1, 0, 0, 0]]
    """
    largest = np.iinfo(objects.dtype).max
    highest = _highest(objects, reach)
    # Background counts as the largest number here, so that the least number of a neighbourhood is an object's.
    lowest = largest - _highest(np.where(objects > 0, largest - objects, 0), reach)
    borders: NDArray[np.bool_] = (objects > 0) & (lowest < highest)
    return borders


def _highest(values: NDArray[np.integer], reach: int) -> NDArray[np.integer]:
    """The highest value within `reach` rows and columns of each pixel; rows first, then columns."""
    for axis in (0, 1):
        found = values.copy()
        for step in range(1, min(reach, values.shape[axis] - 1) + 1):
            ahead, behind = [slice(None)] * 2, [slice(None)] * 2
            ahead[axis], behind[axis] = slice(step, None), slice(None, -step)
            np.maximum(found[tuple(ahead)], values[tuple(behind)], out=found[tuple(ahead)])
            np.maximum(found[tuple(behind)], values[tuple(ahead)], out=found[tuple(behind)])
        values = found
    return values

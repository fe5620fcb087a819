"""Object matches one pair of masks at a time, and borders one pixel at a time, straight from the definitions."""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


def matches_by_hand(prediction: Tensor, truth: Tensor) -> list[list[int]]:
    """Per threshold 0.50 to 0.95: TP, FP, FN, from every pair of masks."""
    guesses = [prediction == number for number in sorted(set(prediction.flatten().tolist()) - {0})]
    objects = [truth == number for number in sorted(set(truth.flatten().tolist()) - {0})]
    rows = []
    for percent in range(50, 100, 5):
        hits = 0
        for one in objects:
            for other in guesses:
                overlap = Fraction(int((one & other).sum()), int((one | other).sum()))
                hits += overlap > Fraction(percent, 100)
        rows.append([hits, len(guesses) - hits, len(objects) - hits])
    return rows


def touching_by_hand(objects: NDArray[np.int64], reach: int) -> list[list[bool]]:
    """True for pixels of an object with another object within `reach` rows and columns."""
    height, width = objects.shape
    found = []
    for row in range(height):
        line = []
        for column in range(width):
            near = objects[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1]
            others = set(near.flatten().tolist()) - {0, int(objects[row, column])}
            line.append(bool(objects[row, column] and others))
        found.append(line)
    return found

"""Segmentation counts one pixel at a time, straight from the definitions."""

import torch
from torch import Tensor


def confusion_by_hand(prediction: Tensor, truth: Tensor, num_classes: int) -> Tensor:
    confusion = torch.zeros(num_classes, num_classes, dtype=torch.int64)
    for predicted, true in zip(prediction.flatten().tolist(), truth.flatten().tolist(), strict=True):
        if true != 255:
            confusion[true, predicted] += 1
    return confusion


def boundary_by_hand(labels: list[list[int]], counted: list[list[bool]]) -> dict[int, set[tuple[int, int]]]:
    """Class -> its pixels with a counted neighbour, up, down, left or right, of another class."""
    boundary: dict[int, set[tuple[int, int]]] = {}
    height, width = len(labels), len(labels[0])
    for row in range(height):
        for column in range(width):
            for r, c in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
                if not (0 <= r < height and 0 <= c < width and counted[row][column] and counted[r][c]):
                    continue
                if labels[r][c] != labels[row][column]:
                    boundary.setdefault(labels[row][column], set()).add((row, column))
    return boundary


def boundary_counts_by_hand(prediction: Tensor, truth: Tensor, num_classes: int, tolerance: int) -> Tensor:
    counted = (truth != 255).tolist()
    predicted = boundary_by_hand(prediction.tolist(), counted)
    true = boundary_by_hand(truth.tolist(), counted)

    def near(pixels: set[tuple[int, int]], others: set[tuple[int, int]]) -> int:
        return sum(any((row - r) ** 2 + (column - c) ** 2 <= tolerance**2 for r, c in others) for row, column in pixels)

    counts = torch.zeros(num_classes, 4, dtype=torch.int64)
    for k in range(num_classes):
        ours, theirs = predicted.get(k, set()), true.get(k, set())
        counts[k] = torch.tensor([near(ours, theirs), len(ours), near(theirs, ours), len(theirs)])
    return counts

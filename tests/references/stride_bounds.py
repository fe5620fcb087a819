"""The upper bound of a stride, cell by cell, as its definition reads."""

from torch import Tensor


def reduced_and_enlarged(labels: Tensor, num_classes: int, factor: int) -> Tensor:
    """Each cell filled with the class that most of its counted pixels have, the lower one of equals."""
    filled = labels.clone().long()
    for top in range(0, labels.shape[0], factor):
        for left in range(0, labels.shape[1], factor):
            cell = labels[top : top + factor, left : left + factor].flatten().tolist()
            counts = [cell.count(each) for each in range(num_classes)]
            filled[top : top + factor, left : left + factor] = counts.index(max(counts))
    return filled

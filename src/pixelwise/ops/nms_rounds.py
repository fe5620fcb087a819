"""Non-maximum suppression in plain torch: blocks of boxes in order of score, each settled in a few rounds."""

import torch
from jaxtyping import Bool
from torch import Tensor

from pixelwise.ops.nms_pairs import Ranked, overlapping_pairs

FIRST_BLOCK = 1024
"""The best boxes alone: in crowds they suppress most of the others before these are compared with each other."""

LARGEST_BLOCK = 4096
"""Bounds the pairs within a block, and so the memory: 8 million pairs of 16 bytes if all its boxes coincide."""


def survivors(boxes: Ranked, threshold: float, limit: int) -> Bool[Tensor, " N"]:
    """Flags of the boxes that no kept box of higher rank and the same group overlaps by more than the threshold.

    Boxes without a finite area above zero overlap nothing. Stops when the first `limit` survivors are known.
    """
    area = boxes.columns[4]
    extended = (area > 0) & area.isfinite()
    alive = ~extended
    rest = extended.nonzero()[:, 0]
    size = FIRST_BLOCK
    while len(rest) and int(alive[: rest[0]].sum()) < limit:
        head, rest = rest[:size], rest[size:]
        winners = head[_settled(boxes.take(head), threshold)]
        alive[winners] = True
        if len(rest):
            _, beaten = overlapping_pairs(boxes.take(winners), boxes.take(rest), threshold)
            standing = torch.ones_like(rest, dtype=torch.bool)
            standing[beaten] = False
            rest = rest[standing]
        size = min(2 * size, LARGEST_BLOCK)
    return alive


def _settled(block: Ranked, threshold: float) -> Bool[Tensor, " N"]:
    """The survivors of one block, by rounds: a box stays when no box that stayed in the round before overlaps it.

    After round r the first r links of every chain of overlaps are right, so the rounds end, and what then no longer
    changes is the one answer.
    """
    one, other = overlapping_pairs(block, block, threshold, ahead=True)
    different = one != other
    one, other = one[different], other[different]
    higher, lower = one.minimum(other), one.maximum(other)
    alive = torch.ones_like(block.groups, dtype=torch.bool)
    while True:
        following = torch.ones_like(alive)
        following[lower[alive[higher]]] = False
        if torch.equal(following, alive):
            return alive
        alive = following

"""Non-maximum suppression for devices, where calls cost more than the comparing: all pairs of a group, in few calls.

The results are those of `pixelwise.ops.nms_rounds` to the last bit: the same test of a pair, the same rounds.
"""

import torch
from jaxtyping import Bool, Float, Float16
from torch import Tensor

from pixelwise.ops import nms_rounds
from pixelwise.ops.nms_pairs import Ranked

MOST_PAIRS = 1 << 30
"""With more, groups filled up to the largest, only boxes that lie near each other are compared."""

HELD = 1 << 26
"""Pairs held at once, of two bytes each: those of some groups, or of one with 8,000 boxes."""

AT_ONCE = 1 << 23
"""Pairs compared at a time: 28 bytes each while they are, 235 MB."""

ROUNDS = 8
"""Between two looks at whether anything still changes; each look waits for the device."""


def survivors(boxes: Ranked, threshold: float, limit: int) -> Bool[Tensor, " N"]:
    """Flags of the boxes that no kept box of higher rank and the same group overlaps by more than the threshold.

    All survivors are found, unless there are too many pairs: then the first `limit` ones, as in `nms_rounds`.
    """
    sizes = torch.bincount(boxes.groups, minlength=boxes.group_count)
    longest = int(sizes.max())
    if longest**2 > HELD or boxes.group_count * longest**2 > MOST_PAIRS:
        return nms_rounds.survivors(boxes, threshold, limit)
    order = boxes.groups.argsort(stable=True)  # within a group still by rank
    group = boxes.groups[order]
    slot = torch.arange(len(order), device=order.device) - (sizes.cumsum(0) - sizes)[group]
    area = boxes.columns[4]
    extended = (area > 0) & area.isfinite()  # others overlap nothing, and so do the zeros that fill the groups up
    padded = boxes.columns.new_zeros(5, boxes.group_count, longest)
    padded[:, group, slot] = boxes.columns.where(extended, 0)[:, order]
    parts = torch.split(padded, HELD // longest**2, dim=1)
    alive = torch.cat([_settled(_overlaps(part, threshold)) for part in parts])
    return torch.zeros_like(extended).index_put_((order,), alive[group, slot])


def _overlaps(boxes: Float[Tensor, "5 G L"], threshold: float) -> Float16[Tensor, "G L L"]:
    """1 where the box of the row ranks higher and overlaps the one of the column by more than the threshold, else 0."""
    _, groups, longest = boxes.shape
    found = torch.zeros(groups, longest, longest, dtype=torch.float16, device=boxes.device)
    rows = max(1, AT_ONCE // (groups * longest))
    for start in range(0, longest, rows):
        mine, others = boxes[:, :, start : start + rows, None], boxes[:, :, None, start:]
        low, high = mine[:2].maximum(others[:2]), mine[2:4].minimum(others[2:4])
        sides = high.sub_(low).clamp_(min=0)
        intersection = sides[0] * sides[1]
        # No division, as in the other implementations.
        hit = intersection > (mine[4] + others[4] - intersection) * threshold
        found[:, start : start + rows, start:] = hit.triu(1)
    return found


def _settled(overlaps: Float16[Tensor, "G L L"]) -> Bool[Tensor, "G L"]:
    """The survivors by rounds: a box stays when no box that stayed in the round before overlaps it.

    After round r the first r links of every chain of overlaps are right, so the rounds end, and what then no longer
    changes is the one answer.
    """
    alive = torch.ones_like(overlaps[:, 0], dtype=torch.bool)
    while True:
        before = alive
        for _ in range(ROUNDS):
            # How many higher ones beat each: a sum of ones is 0 in any precision only when there are none.
            alive = torch.bmm(alive.to(overlaps.dtype)[:, None], overlaps)[:, 0] == 0
        if torch.equal(before, alive):
            return alive

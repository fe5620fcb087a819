"""An image cut into tiles so that each cell of a network's features is owned by one tile and computed right in it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pixelwise.dense.graph.footprint import Footprint


@dataclass(frozen=True)
class Strip:
    """Along one axis: pixels `start`..`stop` are read; of each measured node's features there, `owned` cells count."""

    start: int
    stop: int
    owned: tuple[slice, ...]


def strips(seen: Sequence[Footprint], cells: Sequence[int], length: int, tile: int) -> tuple[Strip, ...]:
    """The image cut along one axis, so that each cell of each node is owned once and sees no cut.

    Args:
        seen: what the cells of each node see.
        cells: how many cells each node has.
        length: pixels of the image along the axis.
        tile: pixels per strip; rounded down to the alignment of the nodes.
    """
    step = math.lcm(*(each.alignment for each in seen))
    tile = max(step, tile // step * step)
    found = []
    for start in range(0, length, tile):
        ends = start + tile >= length
        spans = [
            (min(count, int(start / each.stride)), count if ends else min(count, int((start + tile) / each.stride)))
            for each, count in zip(seen, cells, strict=True)
        ]
        reads = [
            (each.first + each.stride * begin, each.last + each.stride * (end - 1))
            for each, (begin, end) in zip(seen, spans, strict=True)
            if end > begin
        ]
        if not reads:
            continue
        low, high = math.floor(min(first for first, _ in reads)), math.ceil(max(last for _, last in reads)) + 1
        # Cells that see padding alone lie beside the image: the nearest pixels stand for it.
        low = min(max(0, low), length - 1) // step * step
        high = min(length, max(math.ceil(high / step), low // step + 1) * step)
        owned = (
            slice(begin - int(low / each.stride), end - int(low / each.stride))
            for each, (begin, end) in zip(seen, spans, strict=True)
        )
        found.append(Strip(low, high, tuple(owned)))
    return tuple(found)

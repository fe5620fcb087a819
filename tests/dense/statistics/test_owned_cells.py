"""Tiles own each cell of a network's features once, and read all that it sees."""

import pytest
from torch import nn

from pixelwise.dense.graph.footprint import footprints
from pixelwise.dense.graph.trace import trace
from pixelwise.dense.statistics.owned_cells import strips


@pytest.mark.parametrize("length", [1, 13, 64, 101])
@pytest.mark.parametrize("tile", [1, 8, 24, 200])
def test_every_cell_is_owned_once_and_read_whole(length: int, tile: int):
    layers = nn.Sequential(nn.Conv2d(1, 1, 3, 2, 4), nn.MaxPool2d(2, ceil_mode=True), nn.Conv2d(1, 1, 3, padding=1))
    graph = trace(layers.eval(), (length, 9), channels=1)
    seen = [each for each in footprints(graph, axis=0)[1:] if each is not None]
    cells = [node.shape[1] for node in graph.nodes[1:]]
    owned = [[] for _ in cells]
    for strip in strips(seen, cells, length, tile):
        assert 0 <= strip.start < strip.stop <= length
        for own, part, field in zip(owned, strip.owned, seen, strict=True):
            first = int(strip.start / field.stride)
            own.extend(range(first + part.start, first + part.stop))
            if part.stop > part.start:
                low = field.first + field.stride * (first + part.start)
                high = field.last + field.stride * (first + part.stop - 1)
                assert strip.start <= max(0, min(low, length - 1))
                assert strip.stop > min(length - 1, max(high, 0))
    assert owned == [list(range(count)) for count in cells]

"""Rings around masks: their area is the pixels', each part has one outer ring, and filling them gives the mask back."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from pixelwise.data.detection.polygon_fill import fill_polygons
from pixelwise.ops.mask_rings import Ring, mask_polygons
from pixelwise.ops.run_lengths import decode_mask


def area(ring: Ring) -> float:
    """Twice the area is the sum of cross products; positive where the ring runs clockwise to the eye."""
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise(ring)) / 2


def filled(polygons: list[list[Ring]], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels inside, by the even-odd rule over the rings of each part."""
    mask = np.zeros(size, np.bool_)
    for rings in polygons:
        part = np.zeros(size, np.bool_)
        for ring in rings:
            flat = [coordinate for point in ring for coordinate in point]
            part ^= decode_mask(fill_polygons([flat], size, "a ring"))
        mask |= part
    return mask


@pytest.mark.parametrize("seed", range(40))
def test_random_masks_come_back(seed: int) -> None:
    draws = np.random.default_rng(seed)
    size = int(draws.integers(1, 12)), int(draws.integers(1, 12))
    mask = draws.random(size) < draws.random()
    polygons = mask_polygons(mask)
    assert sum(area(ring) for rings in polygons for ring in rings) == mask.sum()
    for outer, *holes in polygons:
        assert area(outer) > 0
        assert all(area(hole) < 0 for hole in holes)
        assert all(ring[0] == ring[-1] for ring in (outer, *holes))
    assert np.array_equal(filled(polygons, size), mask)


def test_a_ring_a_corner_and_nothing() -> None:
    ring = np.ones((3, 3), np.bool_)
    ring[1, 1] = False
    outer, hole = [(0, 0), (3, 0), (3, 3), (0, 3), (0, 0)], [(1, 2), (2, 2), (2, 1), (1, 1), (1, 2)]
    assert mask_polygons(ring) == [[outer, hole]]
    assert len(mask_polygons(np.eye(2, dtype=np.bool_))) == 2, "pixels that touch at a corner are parts of their own"
    assert mask_polygons(np.zeros((2, 2), np.bool_)) == []
    assert mask_polygons(np.ones((1, 1), np.bool_), (5, 7)) == [[[(7, 5), (8, 5), (8, 6), (7, 6), (7, 5)]]]

"""Tiles cover the image, and what was found in them is put together: whole, cut, and larger than any tile."""

from itertools import pairwise

import pytest
import torch

from pixelwise.errors import InputError
from pixelwise.inference.detection_tiles import SHARED, Tile, merged, tiles_of
from pixelwise.ops.paste import CroppedMasks
from pixelwise.results import Detections

CLASSES = ("background", "cell", "dust")
Found = tuple[list[float], int, float]
"""Box in the image, label, score."""


def seen_in(tile: Tile, objects: list[Found], masks: bool = False) -> Detections:
    """What a perfect detector finds in a tile: every object, cut at the tile's border."""
    low, high = torch.tensor([0.0, 0.0] * 2), torch.tensor([tile.width, tile.height] * 2).float()
    boxes = torch.tensor([box for box, _, _ in objects]).reshape(-1, 4) - torch.tensor([tile.left, tile.top] * 2)
    boxes = boxes.maximum(low).minimum(high)
    there = (boxes[:, 2:] > boxes[:, :2]).all(dim=1).nonzero()[:, 0]
    boxes = boxes[there]
    labels = torch.tensor([label for _, label, _ in objects], dtype=torch.int64)[there]
    scores = torch.tensor([score for _, _, score in objects])[there]
    size = tile.height, tile.width
    windows = [torch.ones(int(y1 - y0), int(x1 - x0), dtype=torch.bool) for x0, y0, x1, y1 in boxes.tolist()]
    corners = [(int(y0), int(x0)) for x0, y0, _, _ in boxes.tolist()]
    return Detections(boxes, scores, labels, CLASSES, CroppedMasks(windows, corners, size) if masks else None, size)


def together(objects: list[Found], size: tuple[int, int], side: int, masks: bool = False) -> Detections:
    tiles = tiles_of(size, side)
    assert len(tiles) > 1
    return merged([(tile, seen_in(tile, objects, masks)) for tile in tiles], size, CLASSES)


@pytest.mark.parametrize(("size", "side"), [((100, 100), 64), ((64, 500), 64), ((1000, 37), 40), ((33, 33), 32)])
def test_tiles_cover_every_pixel_and_share_a_quarter(size: tuple[int, int], side: int) -> None:
    tiles = tiles_of(size, side)
    covered = torch.zeros(size)
    for tile in tiles:
        assert 0 <= tile.top <= size[0] - tile.height
        assert 0 <= tile.left <= size[1] - tile.width
        covered[tile.top : tile.top + tile.height, tile.left : tile.left + tile.width] += 1
    assert covered.min() >= 1
    for axis in (0, 1):
        starts = sorted({tile[axis] for tile in tiles})
        assert all(later - earlier <= side * (1 - SHARED) + 1 for earlier, later in pairwise(starts))


def test_an_image_smaller_than_a_tile_is_one_and_small_tiles_are_refused() -> None:
    assert tiles_of((20, 30), 64) == [Tile(0, 0, 20, 30)]
    with pytest.raises(InputError, match=r"wanted tiles of at least 32 pixels, got 8\nhint: such as --tile 640"):
        tiles_of((100, 100), 8)


@pytest.mark.parametrize("masks", [False, True])
def test_every_object_is_found_once_wherever_it_lies(masks: bool) -> None:
    draws = torch.Generator().manual_seed(0)
    objects: list[Found] = []
    for row in range(0, 220, 24):
        for column in range(0, 300, 24):
            width, height = (torch.randint(6, 20, (2,), generator=draws)).tolist()
            box = [float(column), float(row), float(column + width), float(row + height)]
            objects.append((box, 1 + (row + column) // 24 % 2, float(torch.rand((), generator=draws))))
    found = together(objects, (240, 320), 96, masks)
    expected = sorted(objects, key=lambda each: -each[2])
    assert found.boxes.tolist() == [box for box, _, _ in expected]
    assert found.labels.tolist() == [label for _, label, _ in expected]
    assert found.scores.tolist() == pytest.approx([score for _, _, score in expected])
    if masks:
        assert found.masks is not None
        areas = [int(window.sum()) for window in found.masks.windows]
        assert areas == [int((x1 - x0) * (y1 - y0)) for (x0, y0, x1, y1), _, _ in expected]


def test_an_object_larger_than_any_tile_becomes_one_with_its_whole_mask() -> None:
    found = together([([10.0, 20.0, 290.0, 60.0], 1, 0.9)], (80, 300), 80, masks=True)
    assert found.boxes.tolist() == [[10, 20, 290, 60]]
    assert found.masks is not None
    full = found.masks.full()[0]
    assert full[20:60, 10:290].all()
    assert full.sum() == 280 * 40


def test_a_small_object_before_a_large_one_stays_and_classes_stay_apart() -> None:
    large, small, other = ([20.0, 10, 78, 70], 1, 0.9), ([48.0, 30, 60, 44], 1, 0.8), ([20.0, 10, 78, 70], 2, 0.7)
    found = together([large, small, other], (80, 140), 80)
    assert found.boxes.tolist() == [large[0], small[0], other[0]]


def test_negative_coordinates_and_nothing_found_do_no_harm() -> None:
    # A tile of a mosaic may begin before its origin; nothing shifts classes apart by adding to coordinates.
    one, other = Tile(-64, -64, 64, 64), Tile(-64, -16, 64, 64)
    objects: list[Found] = [([-40.0, -50, -30, -40], 1, 0.9), ([-14.0, -50, -6, -40], 2, 0.8)]
    parts = [(tile, seen_in(tile, objects)) for tile in (one, other)]
    found = merged(parts, (128, 128), CLASSES)
    assert found.boxes.tolist() == [[-40, -50, -30, -40], [-14, -50, -6, -40]]
    nothing = merged([(one, seen_in(one, [])), (other, seen_in(other, []))], (128, 128), CLASSES)
    assert len(nothing) == 0
    assert nothing.boxes.shape == (0, 4)
    assert len(merged([], (8, 8), CLASSES)) == 0


def test_of_unsure_doubles_the_surest_whole_one_stays() -> None:
    tiles = tiles_of((64, 112), 64)
    box = [54.0, 10.0, 62.0, 30.0]
    parts = [(tiles[0], seen_in(tiles[0], [(box, 1, 0.95)])), (tiles[1], seen_in(tiles[1], [(box, 1, 0.6)]))]
    found = merged(parts, (64, 112), CLASSES)
    # The first tile ends at 64, so there the object may be cut off: 62 is within two pixels of it.
    assert found.boxes.tolist() == [box]
    assert found.scores.tolist() == pytest.approx([0.6])

"""Filled polygons equal their definition pixel by pixel, and take no memory for pixels."""

import numpy as np
import pytest

from pixelwise.data.detection.polygon_fill import fill_polygons
from pixelwise.errors import InputError
from pixelwise.ops.run_lengths import decode_mask, rle_area
from references.polygon_pixels import polygon_pixels

SIZE = (9, 11)


@pytest.mark.parametrize("seed", range(12))
def test_random_polygons_equal_their_definition(seed: int) -> None:
    """Self-crossing ones, several at once, partly outside the image."""
    draw = np.random.default_rng(seed)
    polygons = [draw.uniform(-4, 14, 2 * draw.integers(3, 9)).tolist() for _ in range(1 + seed % 3)]
    found = decode_mask(fill_polygons(polygons, SIZE, "it"))
    np.testing.assert_array_equal(found, polygon_pixels(polygons, *SIZE))


@pytest.mark.parametrize("seed", range(6))
def test_corners_on_centres_and_borders_equal_their_definition(seed: int) -> None:
    polygons = [(np.random.default_rng(seed).integers(-2, 24, 10) / 2).tolist()]
    found = decode_mask(fill_polygons(polygons, SIZE, "it"))
    np.testing.assert_array_equal(found, polygon_pixels(polygons, *SIZE))


def test_neighbours_share_no_pixel_and_leave_none() -> None:
    left = decode_mask(fill_polygons([[0, 0, 5.5, 0, 3.5, 9, 0, 9]], SIZE, "left"))
    right = decode_mask(fill_polygons([[5.5, 0, 11, 0, 11, 9, 3.5, 9]], SIZE, "right"))
    assert not (left & right).any() and (left | right).all()


def test_a_box_fills_its_pixels_up_to_the_last() -> None:
    rle = fill_polygons([[0, 0, 11, 0, 11, 9, 0, 9]], SIZE, "all")
    assert rle == {"size": [9, 11], "counts": [0, 99]}


def test_an_area_outside_or_of_no_width_is_empty() -> None:
    assert rle_area(fill_polygons([[20, 20, 30, 20, 30, 30]], SIZE, "outside")) == 0
    assert rle_area(fill_polygons([[3, 3, 3, 3, 3, 3], [1, 1, 5, 1, 9, 1]], SIZE, "flat")) == 0


def test_an_image_of_a_trillion_pixels_takes_no_memory() -> None:
    assert rle_area(fill_polygons([[5, 5, 105, 5, 105, 25, 5, 25]], (10**6, 10**6), "it")) == 2000


def test_a_polygon_of_more_crossings_than_any_object_has_is_refused() -> None:
    with pytest.raises(InputError, match="annotation 3: 33554432 crossings of 4 points"):
        fill_polygons([[0, 0, 2**24, 0, 2**24, 9, 0, 9]], (9, 2**24), "annotation 3")

"""Keys, arrows and warped differences: what they show where, and what they refuse."""

import numpy as np
import pytest
import torch

from pixelwise.drawing import flow_arrows, flow_key, flow_picture, flow_with_key, heat_picture, warped_difference
from pixelwise.drawing.palette import hatch
from pixelwise.errors import InputError


def test_the_key_stands_in_the_corner_and_the_rest_is_the_flow_picture():
    flow = torch.randn(2, 100, 150)
    plain, keyed = flow_picture(flow, 3.0), flow_with_key(flow, 3.0)
    assert keyed.shape == plain.shape
    assert np.array_equal(keyed[:50], plain[:50])
    assert np.array_equal(keyed[:, :100], plain[:, :100])
    key = flow_key(24)  # a fifth of 100 rows is less than the smallest key
    rows, columns = slice(100 - 24 - 9 - 8, 100 - 9 - 8), slice(150 - 24 - 4, 150 - 4)
    assert np.array_equal(keyed[rows, columns], key)
    words = keyed[100 - 12 :, 120:]
    assert (words < 100).any() and (words == 255).mean() > 0.4  # dark letters on white


def test_small_flows_have_no_room_for_a_key():
    flow = torch.randn(2, 47, 200)
    assert np.array_equal(flow_with_key(flow), flow_picture(flow))


def test_arrows_go_from_pixels_to_where_they_move():
    image = torch.full((3, 40, 60), 0.5)
    flow = torch.zeros(2, 40, 60)
    flow[0, 20, 20], flow[1, 20, 20] = 12, 8
    drawn = flow_arrows(image, flow, spacing=40)  # one arrow a row: at (20, 20)
    changed = (drawn != 128).any(-1)
    assert (drawn[20, 20] == (20, 24, 32)).all()
    assert (drawn[28, 32] == (20, 24, 32)).all()
    assert changed[24, 26]  # half way
    rows, columns = changed.nonzero()
    assert rows.min() >= 18 and rows.max() <= 31 and columns.min() >= 18 and columns.max() <= 35


def test_still_pixels_are_dots_and_unknown_ones_nothing():
    image = np.full((32, 32, 3), 128, dtype=np.uint8)
    flow = np.zeros((32, 32, 2))
    flow[8, 24] = np.nan
    flow[24, 8] = 1e10
    drawn = flow_arrows(image, flow, spacing=16)
    changed = (drawn != 128).any(-1)
    assert changed[8, 8] and changed[24, 24]
    assert not changed[:16, 16:].any() and not changed[16:, :16].any()
    assert changed.sum() <= 2 * 16
    assert (image == 128).all()


def test_image_and_flow_of_two_sizes_are_refused():
    with pytest.raises(InputError, match="an image and a flow of one size, got 8x8 and 8x9"):
        flow_arrows(np.zeros((8, 8, 3), dtype=np.uint8), torch.zeros(2, 8, 9))
    with pytest.raises(InputError, match="a spacing of at least 1 pixel, got 0"):
        flow_arrows(torch.zeros(3, 8, 8), torch.zeros(2, 8, 8), spacing=0)


def test_the_true_flow_explains_everything_and_its_negative_does_not():
    draws = torch.Generator().manual_seed(0)
    world = torch.rand(3, 20, 40, generator=draws)
    first, second = world[:, :, 5:], world[:, :, :-5]  # everything moves 5 to the right
    flow = torch.zeros(2, 20, 35)
    flow[0] = 5
    explained, wrong = warped_difference(first, second, flow), warped_difference(first, second, -flow)
    dark = heat_picture(np.zeros((20, 35)), 0, 1)
    assert np.array_equal(explained[:, :30], dark[:, :30])
    assert np.array_equal(explained[:, 30:], hatch(20, 35)[:, 30:])  # off the second image
    assert (wrong[:, 5:].astype(int).sum(-1) > dark[0, 0].sum() + 100).mean() > 0.8


def test_unknown_flow_is_hatched():
    image = torch.zeros(3, 6, 7)
    flow = torch.zeros(2, 6, 7)
    flow[0, 2, 3], flow[1, 4, 4], flow[0, 5, 5] = torch.nan, torch.inf, 1e10
    drawn = warped_difference(image, image, flow)
    for place in ((2, 3), (4, 4), (5, 5)):
        assert np.array_equal(drawn[place], hatch(6, 7)[place])
    assert np.array_equal(drawn[0, 0], heat_picture(np.zeros((1, 1)), 0, 1)[0, 0])

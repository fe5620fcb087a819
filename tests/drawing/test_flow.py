import numpy as np
import pytest
import torch

from pixelwise.drawing.flow import flow_key, flow_picture, largest_motion
from pixelwise.drawing.palette import hatch
from pixelwise.errors import InputError
from references.flow_colour import colour_of


def test_colours_equal_their_definition():
    flow = np.random.default_rng(0).normal(0, 3, (12, 14, 2))
    picture = flow_picture(flow, largest=5.0)
    for row, column in np.ndindex(12, 14):
        assert np.abs(picture[row, column].astype(int) - colour_of(*flow[row, column], 5.0)).max() <= 1


def test_directions_have_the_published_colours():
    flow = np.array([[[0, 0], [2, 0], [0, 2], [-2, 0], [0, -2.0]]])
    still, right, down, left, up = flow_picture(flow)[0].astype(int)
    assert still.tolist() == [255, 255, 255]
    assert right.tolist() == [255, 0, 0]
    assert down[0] == 255 and down[1] > 200 and down[2] == 0  # yellow
    assert left[0] == 0 and left[2] == 255  # between cyan and blue
    assert up[0] > 100 and up[1] == 0 and up[2] == 255  # violet


def test_the_wheel_closes():
    flow = np.array([[[1.0, 1e-6], [1.0, -1e-6], [1.0, -0.0]]])
    assert np.ptp(flow_picture(flow).astype(int), axis=1).max() <= 1


def test_tensors_are_channels_first_and_arrays_last():
    flow = torch.randn(2, 5, 7)
    assert np.array_equal(flow_picture(flow), flow_picture(flow.permute(1, 2, 0).numpy()))
    assert largest_motion(flow) == pytest.approx(flow.norm(dim=0).max().item())


def test_unknown_motion_is_hatched_and_does_not_count():
    flow = np.ones((9, 9, 2))
    flow[0, 0], flow[1, 1], flow[2, 2] = np.nan, np.inf, 1e10
    picture = flow_picture(flow)
    for place in range(3):
        assert np.array_equal(picture[place, place], hatch(9, 9)[place, place])
    assert largest_motion(flow) == pytest.approx(2**0.5)
    assert picture[5, 5].tolist() == list(colour_of(1, 1, 2**0.5))


def test_flow_without_motion_or_without_pixels():
    assert (flow_picture(np.zeros((3, 4, 2))) == 255).all()
    assert flow_picture(np.zeros((0, 4, 2))).shape == (0, 4, 3)
    assert largest_motion(np.full((2, 2, 2), np.nan)) == 0


@pytest.mark.parametrize("largest", [0.0, -1.0, float("nan"), float("inf")])
def test_a_largest_motion_of_nothing_is_refused(largest):
    with pytest.raises(InputError, match="a largest motion above 0 pixels"):
        flow_picture(np.zeros((2, 2, 2)), largest)


def test_another_shape_is_refused():
    with pytest.raises(InputError, match=r"array \(H, W, 2\) or a tensor \(2, H, W\), got \(2, 5, 5\)"):
        flow_picture(np.zeros((2, 5, 5)))


def test_the_key_shows_the_colour_of_each_motion():
    key = flow_key(101)
    assert key[50, 50].tolist() == [255, 255, 255]
    assert key[50, 100].tolist() == list(colour_of(1, 0, 1))
    assert np.abs(key[75, 50].astype(int) - colour_of(0, 0.5, 1)).max() <= 1
    assert key[0, 0].tolist() == [255, 255, 255]

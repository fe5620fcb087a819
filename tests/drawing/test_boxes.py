import numpy as np
import pytest
import torch

from pixelwise.drawing.boxes import draw_boxes
from pixelwise.errors import InputError

RED = np.array([[255, 0, 0]], dtype=np.uint8)


def blank(height=60, width=80):
    return np.zeros((height, width, 3), np.uint8)


def changed(picture):
    return np.argwhere(picture.any(axis=-1))


@pytest.mark.parametrize("boxes", [np.array([[10, 20, 30.0, 50]]), torch.tensor([[10, 20, 30.0, 50]])])
def test_a_box_ends_before_its_end(boxes):
    picture = draw_boxes(blank(), boxes, [""], RED)
    assert changed(picture).min(axis=0).tolist() == [20, 10]
    assert changed(picture).max(axis=0).tolist() == [49, 29]
    assert not picture[21:49, 11:29].any()
    assert (picture[20, 10:30] == RED[0]).all()


def test_the_image_given_is_not_changed():
    image = blank()
    draw_boxes(image, np.array([[0.0, 0, 60, 60]]), ["cow"], RED)
    assert not image.any()


def test_boxes_beyond_the_image_are_cut_off_and_empty_ones_left_out():
    huge = np.array([[-1e30, -1e30, 1e30, 1e30]])
    assert changed(draw_boxes(blank(), huge, [""], RED)).max(axis=0).tolist() == [59, 79]
    empty = np.array([[5, 5, 5, 20.0], [30, 20, 10, 40], [200, 200, 300, 300]])
    assert not draw_boxes(blank(), empty, ["a"] * 3, RED.repeat(3, axis=0)).any()


def test_no_boxes_leave_the_image_as_it_is():
    image = torch.rand(3, 8, 8)
    picture = draw_boxes(image, torch.zeros(0, 4), [], RED[:0])
    assert np.array_equal(picture, image.mul(255).round().byte().permute(1, 2, 0).numpy())


def test_the_name_stands_above_the_box_or_inside_at_the_upper_edge():
    above = draw_boxes(blank(), np.array([[10.0, 30, 70, 50]]), ["cow"], RED)
    assert above[:30].any()
    inside = draw_boxes(blank(), np.array([[10.0, 0, 70, 50]]), ["cow"], RED)
    assert inside[2:10, 12:30].any()


def test_a_very_long_name_stays_in_the_image_and_takes_no_time():
    picture = draw_boxes(blank(), np.array([[10.0, 30, 70, 50]]), ["cow\n" * 300_000], RED)
    assert picture.shape == (60, 80, 3)


@pytest.mark.parametrize(
    ("boxes", "names", "text"),
    [
        (np.zeros((1, 4)), [], "one name and one colour per box, got 1 boxes, 0 names, 1 colours"),
        (np.zeros((1, 5)), ["a"], r"boxes of shape \(N, 4\), got \(1, 5\)"),
        (np.array([[0, 0, np.nan, 4]]), ["a"], "boxes of finite numbers, got .*nan.* in box 0"),
    ],
)
def test_what_is_wrong_is_named(boxes, names, text):
    with pytest.raises(InputError, match=text):
        draw_boxes(blank(), boxes, names, RED)

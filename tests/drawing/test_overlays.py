import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch

from pixelwise.drawing.overlays import DIFFERENCE_COLOURS, DIFFERENCE_NAMES, difference, legend, overlay, paint
from pixelwise.drawing.palette import class_colours, hatch
from pixelwise.errors import InputError

COLOURS = class_colours(4)
LABELS = np.array([[0, 1, 2], [3, 255, 0]], dtype=np.uint8)


def kinds(picture):
    """Which row of the key each pixel has, -1 for none."""
    same = (picture[:, :, None] == DIFFERENCE_COLOURS).all(axis=-1)
    return np.where(same.any(axis=-1), same.argmax(axis=-1), -1).tolist()


@pytest.mark.parametrize(
    "labels", [LABELS, LABELS.astype(np.int64), torch.from_numpy(LABELS), torch.from_numpy(LABELS).long()]
)
def test_each_pixel_has_the_colour_of_its_class(labels):
    picture = paint(labels, COLOURS)
    for row, column in np.argwhere(LABELS != 255):
        assert picture[row, column].tolist() == COLOURS[LABELS[row, column]].tolist()
    assert picture[1, 1].tolist() == hatch(2, 3)[1, 1].tolist()


def test_maps_without_counted_pixels():
    assert np.array_equal(paint(np.full((9, 9), 255), COLOURS), hatch(9, 9))
    assert paint(np.zeros((0, 4), np.uint8), COLOURS).shape == (0, 4, 3)


@pytest.mark.parametrize("label", [4, -1, 300])
def test_a_label_without_a_colour_is_named(label):
    labels = np.array([[0, label, 1]])
    with pytest.raises(
        InputError, match=rf"labels from 0 to 3, or 255 for ignored pixels, got label {label}\nhint: give"
    ):
        paint(labels, COLOURS)


@pytest.mark.parametrize("labels", [np.zeros((2, 2)), np.zeros((1, 2, 2), np.uint8)])
def test_other_label_maps_are_refused(labels):
    with pytest.raises(InputError, match=r"wanted a label map of integers and shape \(H, W\).*\nhint: .*argmax"):
        paint(labels, COLOURS)


def test_a_list_of_no_colours_is_refused():
    with pytest.raises(InputError, match=r"wanted colours of type uint8 and shape \(K, 3\)"):
        paint(LABELS, class_colours(0))


def test_overlay_goes_from_the_image_to_the_labels():
    image = np.random.default_rng(0).integers(0, 256, (2, 3, 3)).astype(np.uint8)
    assert np.array_equal(overlay(image, LABELS, COLOURS, opacity=0.0, outline=False), image)
    assert np.array_equal(overlay(image, LABELS, COLOURS, opacity=1.0), paint(LABELS, COLOURS))
    half = overlay(image, LABELS, COLOURS, opacity=0.5, outline=False).astype(int)
    assert np.abs(half - (image / 2 + paint(LABELS, COLOURS) / 2))[LABELS != 0].max() <= 0.5
    assert np.abs(half - (image * 0.75 + paint(LABELS, COLOURS) * 0.25))[LABELS == 0].max() <= 0.5


def test_overlay_takes_a_float_image():
    image = torch.rand(3, 2, 3)
    array = image.mul(255).round().byte().permute(1, 2, 0).numpy()
    assert np.array_equal(overlay(image, LABELS, COLOURS), overlay(array, LABELS, COLOURS))


def test_outline_is_the_inner_rim_of_each_object():
    labels = np.zeros((9, 9), np.uint8)
    labels[2:7, 2:7] = 1
    black = np.zeros((9, 9, 3), np.uint8)
    full = (overlay(black, labels, COLOURS) == COLOURS[1]).all(axis=-1)
    rim = labels == 1
    rim[3:6, 3:6] = False
    assert np.array_equal(full, rim)


def test_outline_is_thicker_on_large_pictures():
    labels = np.zeros((900, 900), np.uint8)
    labels[:, 450:] = 1
    full = (overlay(np.zeros((900, 900, 3), np.uint8), labels, COLOURS) == COLOURS[1]).all(axis=-1)
    assert full[0].sum() == 3


def test_overlay_names_what_is_wrong():
    image = np.zeros((2, 4, 3), np.uint8)
    with pytest.raises(
        InputError, match="image and labels of one size, got image 2x4, labels 2x3\nhint: resize the image"
    ):
        overlay(image, LABELS, COLOURS)
    for opacity in (-0.1, 1.5, float("nan")):
        with pytest.raises(InputError, match="opacity from 0 to 1"):
            overlay(image, LABELS, COLOURS, opacity=opacity)


def test_difference_tells_the_three_errors_apart():
    truth = np.array([[0, 1, 0, 1, 255]])
    guess = np.array([[0, 0, 2, 2, 1]])
    picture = difference(guess, truth)
    assert kinds(picture) == [[0, 1, 2, 3, -1]]
    assert DIFFERENCE_NAMES == ("right", "missed", "invented", "confused")
    assert picture[0, 4].tolist() == hatch(1, 5)[0, 4].tolist()


def test_difference_without_a_background_class():
    assert kinds(difference(np.array([[0, 0, 1]]), np.array([[0, 1, 0]]), background=None)) == [[0, 3, 3]]


def test_difference_shows_the_image_in_pale_grey_where_it_is_right():
    image = torch.rand(3, 1, 3)
    picture = difference(np.array([[1, 1, 0]]), np.array([[1, 2, 0]]), image)
    assert kinds(picture) == [[-1, 3, -1]]
    assert (picture[0, [0, 2]].std(axis=-1) == 0).all()
    assert picture[0, [0, 2]].min() >= 160


def test_difference_of_two_sizes_is_refused():
    with pytest.raises(InputError, match="truth and labels of one size, got truth 1x3, labels 1x2"):
        difference(np.zeros((1, 2), int), np.zeros((1, 3), int))


def test_legend_escapes_names_and_shows_their_colours():
    entries = ET.fromstring(legend(["cow", "<script>alert('x')</script> & \"co\""], COLOURS))
    assert [entry[0].tail.strip() for entry in entries] == ["cow", "<script>alert('x')</script> & \"co\""]
    assert entries[1][0][0].get("fill") == "#e69f00"
    assert "<script" not in legend(["<script>"], COLOURS)


def test_legend_wants_a_colour_for_each_name():
    with pytest.raises(InputError, match="a colour for each of 5 names, got 4 colours"):
        legend(list("abcde"), COLOURS)

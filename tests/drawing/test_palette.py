import numpy as np
import pytest

from pixelwise.drawing.oklab import oklab
from pixelwise.drawing.palette import class_colours, hatch, readable_ink
from pixelwise.errors import InputError
from references.colour_vision import MATRICES, seen_with


def nearest_pair(colours):
    places = oklab(colours)
    apart = np.linalg.norm(places[:, None] - places, axis=-1)
    return apart[~np.eye(len(colours), dtype=bool)].min()


def test_oklab_of_published_colours():
    places = oklab(np.array([[255, 255, 255], [255, 0, 0], [0, 0, 0]], dtype=np.uint8))
    # White and pure sRGB red as tabulated in CSS Color 4, which adopted OKLab.
    assert np.allclose(places, [[1, 0, 0], [0.62796, 0.22486, 0.12585], [0, 0, 0]], atol=2e-4)


@pytest.mark.parametrize("deficiency", MATRICES)
def test_eight_classes_stay_apart_for_colour_blind_readers(deficiency):
    # 0.05 is about five times the just noticeable difference in OKLab.
    assert nearest_pair(seen_with(deficiency, class_colours(8))) > 0.05


def test_colours_are_distinct_and_a_longer_list_starts_with_the_shorter():
    many = class_colours(255)
    assert len({tuple(colour) for colour in many.tolist()}) == 255
    for count in (0, 1, 5, 8, 9, 40):
        assert np.array_equal(class_colours(count), many[:count])
    assert nearest_pair(many[:40]) > 0.05
    assert class_colours(0).shape == (0, 3)


def test_class_0_recedes():
    lightness, *chroma = oklab(class_colours(1))[0]
    assert lightness < 0.4
    assert np.hypot(*chroma) < 0.03


def test_changing_the_result_changes_no_later_one():
    class_colours(3)[:] = 0
    assert class_colours(3).any()


@pytest.mark.parametrize("count", [-1, 100_000])
def test_an_impossible_count_is_named(count):
    with pytest.raises(
        InputError, match=rf"wanted a number of classes from 0 to \d+, got {count}\nhint: colour groups"
    ):
        class_colours(count)


def test_the_supply_of_colours_ends_in_distinct_ones():
    with pytest.raises(InputError) as error:
        class_colours(-1)
    most = int(error.value.wanted.rsplit(" ", 1)[1])
    assert len(np.unique(class_colours(most), axis=0)) == most


def test_ink_can_be_read():
    assert readable_ink(np.array([240, 228, 66], dtype=np.uint8)) == (0, 0, 0)
    assert readable_ink(np.array([0, 60, 120], dtype=np.uint8)) == (255, 255, 255)


def test_hatch_is_grey_diagonal_stripes():
    stripes = hatch(12, 20)
    assert stripes.shape == (12, 20, 3)
    assert (stripes[..., 0] == stripes[..., 2]).all()
    assert np.array_equal(stripes[1:, :-1], stripes[:-1, 1:])
    assert len(np.unique(stripes)) == 2

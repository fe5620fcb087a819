"""Maps of numbers as pictures."""

import numpy as np
import pytest

from pixelwise.drawing.heat import heat_picture
from pixelwise.drawing.oklab import oklab
from pixelwise.errors import InputError


def test_lightness_rises_with_the_value():
    picture = heat_picture(np.linspace(2, 5, 64)[None], 2, 5)
    lightness = oklab(picture.reshape(-1, 3))[:, 0]
    assert picture.shape == (1, 64, 3)
    assert (np.diff(lightness) > 0).all()
    assert lightness[0] < 0.2
    assert lightness[-1] > 0.9


def test_values_outside_get_the_colours_of_the_ends_and_flat_maps_are_dark():
    picture = heat_picture(np.array([[-9.0, 0.0, 1.0, 9.0]]), 0, 1)
    assert (picture[0, 0] == picture[0, 1]).all()
    assert (picture[0, 2] == picture[0, 3]).all()
    assert (heat_picture(np.full((2, 2), 3.0), 3, 3) == picture[0, 0]).all()


def test_what_is_no_number_is_hatched_in_grey():
    values = np.zeros((8, 8))
    values[:4] = np.nan
    picture = heat_picture(values, 0, 1)
    assert (np.ptp(picture[:4].astype(int), axis=2) == 0).all()
    assert set(picture[:4, :, 0].ravel()) == {150, 190}


def test_a_bar_below_shows_the_colours_in_order():
    picture = heat_picture(np.zeros((20, 200)), 0, 12.5)
    assert picture.shape[1:] == (200, 3)
    bar = picture[20:][picture[20:].shape[0] // 2]
    coloured = oklab(bar[np.ptp(bar.astype(int), axis=1) > 12])[:, 0]
    assert len(coloured) > 80
    assert (np.diff(coloured) >= 0).all()
    assert heat_picture(np.zeros((20, 200)), 0, 1, bar=False).shape == (20, 200, 3)
    assert heat_picture(np.zeros((20, 40)), 0, 1).shape == (20, 40, 3)


@pytest.mark.parametrize("shape", [(2, 3, 4), (0, 5)])
def test_other_shapes_are_refused(shape: tuple[int, ...]):
    with pytest.raises(InputError, match=r"a map \(H, W\) of numbers"):
        heat_picture(np.zeros(shape), 0, 1)

import numpy as np
import pytest

from pixelwise.drawing.sheet import contact_sheet
from pixelwise.errors import InputError


def flat(height, width, level):
    return np.full((height, width, 3), level, np.uint8)


def test_pictures_lie_row_by_row():
    sheet = contact_sheet([flat(4, 6, level) for level in (10, 20, 30)], columns=2, gap=2)
    assert sheet.shape == (2 + 2 * 6, 2 + 2 * 8, 3)
    assert (sheet[2:6, 2:8] == 10).all()
    assert (sheet[2:6, 10:16] == 20).all()
    assert (sheet[8:12, 2:8] == 30).all()
    assert (sheet == 255).sum() == sheet.size - 3 * 4 * 6 * 3


def test_smaller_pictures_are_centred():
    sheet = contact_sheet([flat(10, 10, 0), flat(4, 2, 50)], columns=2, gap=0)
    assert (sheet[3:7, 14:16] == 50).all()
    assert (sheet[:, 10:] == 50).sum() == 4 * 2 * 3


def test_fewer_pictures_than_columns_make_a_narrower_sheet():
    assert contact_sheet([flat(4, 4, 0)], columns=9, gap=1).shape == (6, 6, 3)


def test_captions_stand_below_and_never_leave_their_cell():
    pictures = [flat(30, 60, 100)] * 2
    plain = contact_sheet(pictures, columns=2, gap=4)
    sheet = contact_sheet(pictures, columns=2, captions=["cow", "a name " * 50], gap=4)
    assert sheet.shape[0] > plain.shape[0]
    dark = sheet.min(axis=2) < 90
    assert dark[34:, :64].any() and dark[34:, 68:].any()
    assert not dark[:34].any() and not dark[:, 64:68].any()


@pytest.mark.parametrize(
    ("pictures", "columns", "captions", "text"),
    [
        ([], 2, None, "at least one picture, got none"),
        ([flat(2, 2, 0)], 0, None, "at least 1 column and a gap of 0 or more, got 0 and 8"),
        ([flat(2, 2, 0)], 1, ["a", "b"], "one caption per picture, got 1 pictures, 2 captions"),
        ([flat(2, 2, 0)[..., 0]], 1, None, r"a picture of type uint8 and shape \(H, W, 3\)"),
    ],
)
def test_what_is_wrong_is_named(pictures, columns, captions, text):
    with pytest.raises(InputError, match=text):
        contact_sheet(pictures, columns, captions)

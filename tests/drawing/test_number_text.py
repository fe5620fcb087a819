import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelwise.drawing.number_text import number_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "n/a"),
        (float("nan"), "n/a"),
        (np.float32("nan"), "n/a"),
        (float("inf"), "∞"),
        (float("-inf"), "-∞"),
        (0, "0"),
        (1234567, "1,234,567"),
        (np.int64(-1234), "-1,234"),
        (0.0, "0.000"),
        (-0.0, "0.000"),
        (0.91449, "0.914"),
        (np.float32(0.5), "0.500"),
        (12.34567, "12.346"),
        (123.4567, "123.5"),
        (123456.7, "123,456.7"),
        (0.0004, "4.0e-04"),
        (0.0005001, "0.001"),
        (3.2e12, "3.2e+12"),
    ],
)
def test_numbers_read_well(value, text):
    assert number_text(value) == text


def test_decimals_are_kept():
    assert number_text(0.5, decimals=1) == "0.5"
    assert number_text(12.0, decimals=0) == "12"


@given(st.floats(-1e300, 1e300), st.integers(0, 6))
def test_every_text_is_short_and_near_the_number(value, decimals):
    text = number_text(value, decimals)
    assert len(text) <= 20
    assert float(text.replace(",", "")) == pytest.approx(value, rel=0.06, abs=0.5 * 10**-decimals + 1e-12)

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelwise.drawing.axes import axis


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0, 0.93], ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([0.1, 1.4], ["0.0", "0.5", "1.0", "1.5"]),
        ([-3.2, 4.1], ["-4", "-2", "0", "2", "4", "6"]),
        ([0, 12000], ["0", "5,000", "10,000", "15,000"]),
        ([0, 3e7], ["0", "1e+07", "2e+07", "3e+07"]),
        ([0, 2e-5], ["0", "5e-06", "1e-05", "1.5e-05", "2e-05"]),
    ],
)
def test_ticks_are_round_and_cover_the_values(values, texts):
    made = axis(values, 0, 100)
    assert [made.text(tick) for tick in made.ticks] == texts


def test_whole_values_have_whole_ticks():
    made = axis([1, 2, 3], 0, 100, tight=True)
    assert [made.text(tick) for tick in made.ticks] == ["1", "2", "3"]
    assert (made.low, made.high) == (1, 3)


@pytest.mark.parametrize("values", [[], [float("nan")], [float("inf"), 1e305]])
def test_without_values_the_axis_runs_from_0_to_1(values):
    made = axis(values, 0, 100)
    assert (made.low, made.high) == (0, 1)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=6), st.booleans())
def test_any_values_lie_on_the_axis(values, tight):
    made = axis(values, 10, 90, tight)
    assert math.isfinite(made.low) and made.low < made.high
    assert len(made.ticks) <= 12
    for value in values:
        if math.isfinite(value) and abs(value) < 1e300:
            assert 10 - 1e-3 <= made.at(value) <= 90 + 1e-3
    for tick in made.ticks:
        assert made.text(tick)

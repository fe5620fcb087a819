"""Mirrored positions against walking to and fro."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pixelwise.errors import InputError
from pixelwise.ops.mirror import reflect_index


def walked(position: int, length: int) -> int:
    """Starts at 0 and takes single steps, turning at both ends."""
    place, direction = 0, 1
    for _ in range(abs(position)):  # the mirror image of a negative position is that of its amount
        if not 0 <= place + direction < length:
            direction = -direction
        if 0 <= place + direction < length:
            place += direction
    return place


@given(st.integers(-60, 60), st.integers(1, 9))
def test_equals_a_walk_between_the_ends(position: int, length: int):
    assert reflect_index(torch.tensor([position]), length).item() == walked(position, length)


def test_positions_inside_stay():
    assert torch.equal(reflect_index(torch.arange(7), 7), torch.arange(7))


def test_equals_torch_where_torch_can():
    row = torch.arange(5.0)
    padded = torch.nn.functional.pad(row[None, None], (4, 4), mode="reflect")[0, 0]
    assert torch.equal(row[reflect_index(torch.arange(-4, 9), 5)], padded)


def test_an_empty_axis_is_refused():
    with pytest.raises(InputError) as refusal:
        reflect_index(torch.arange(2), 0)
    assert str(refusal.value).startswith("wanted an axis of at least one pixel, got length 0")

"""U-Net's border weights: hand-worked gaps, the slow definition, label maps, and what is refused."""

from math import exp

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from pixelwise.data.border_weights import border_weights, objects_in
from pixelwise.errors import InputError
from references.border_weights import border_weights_by_hand


def test_weights_of_a_gap_worked_by_hand() -> None:
    found = border_weights(torch.tensor([[1, 0, 0, 2]]))
    # Between the objects d1 + d2 is 3; on an object it is the distance to the other one, also 3.
    assert_close(found, torch.full((1, 4), 1 + 10 * exp(-9 / 50)))
    beside = border_weights(torch.tensor([[1, 2, 0, 0]]), w0=4, sigma=2, class_weight=0)
    assert_close(beside, torch.tensor([[4 * exp(-1 / 8), 4 * exp(-1 / 8), 4 * exp(-9 / 8), 4 * exp(-25 / 8)]]))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(st.integers(0, 4), min_size=9, max_size=9), min_size=1, max_size=8),
    st.sampled_from([0.5, 1.0, 5.0]),
)
def test_weights_equal_the_slow_definition_but_for_the_cut(rows: list[list[int]], sigma: float) -> None:
    by_hand = torch.tensor(border_weights_by_hand(rows, 10, sigma))
    found = border_weights(torch.tensor(rows), 10, sigma)
    kept = found > 1
    assert_close(found[kept], by_hand[kept])
    assert (by_hand[~kept] <= 1 + 10 * 1.0001e-4).all()


def test_objects_further_than_the_reach_of_the_box_are_cut_evenly() -> None:
    instances = torch.zeros(60, 60, dtype=torch.int32)
    instances[5:9, 5:9], instances[25:31, 22:24], instances[50, 50], instances[26, 27] = 7, 300, 65535, 2
    by_hand = torch.tensor(border_weights_by_hand(instances.tolist(), 10, 5))
    found = border_weights(instances)
    assert_close(found, by_hand.where(by_hand - 1 >= 10 * 1e-4, 1))
    assert (found == 1).any()
    assert found.max().item() == pytest.approx(1 + 10 * exp(-16 / 50))  # the nearest two are 4 pixels apart


def test_numbers_of_objects_do_not_matter() -> None:
    small = torch.tensor([[1, 1, 0, 2, 0, 3]])
    large = torch.tensor([[40000, 40000, 0, 9, 0, 65535]], dtype=torch.int32)
    assert_close(border_weights(small), border_weights(large))
    full = torch.tensor([[4, 4, 9]])  # no background at all
    assert_close(border_weights(full), border_weights(full - 3))


@pytest.mark.parametrize("instances", [torch.zeros(3, 4), torch.ones(3, 4), torch.zeros(0, 4), torch.eye(4)])
def test_fewer_than_two_objects_leave_the_class_weight(instances: torch.Tensor) -> None:
    found = border_weights(instances.long(), class_weight=2)
    assert found.shape == instances.shape
    assert (found == 2).all()


def test_objects_are_the_components_of_each_class() -> None:
    labels = torch.tensor([[1, 1, 2, 0, 1], [0, 0, 2, 1, 0], [255, 1, 0, 0, 255]], dtype=torch.uint8)
    found = objects_in(labels)
    assert (found > 0).tolist() == ((labels != 0) & (labels != 255)).tolist()
    assert len(found.unique()) == 6  # four of class 1, touching at corners only, one of class 2, and none
    assert found[0, 0] == found[0, 1] != found[0, 4]
    assert found[0, 2] == found[1, 2]
    assert objects_in(torch.full((2, 2), 255)).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"w0": -1}, "wanted w0 of at least 0, got -1"),
        ({"sigma": 0}, "wanted sigma above 0, got 0"),
        ({"sigma": float("nan")}, "wanted sigma above 0, got nan"),
        ({"class_weight": float("inf")}, "wanted class_weight of at least 0, got inf"),
    ],
)
def test_settings_without_a_meaning_are_refused(settings: dict[str, float], text: str) -> None:
    with pytest.raises(InputError, match=text):
        border_weights(torch.tensor([[1, 0, 2]]), **settings)


def test_negative_object_numbers_are_refused() -> None:
    with pytest.raises(InputError, match=r"wanted object numbers of at least 0, got -1\nhint: number what"):
        border_weights(torch.tensor([[1, 0, -1]]))

"""Weighted sums of rows and their transpose."""

import pytest
import torch
from torch.testing import assert_close

from pixelwise.ops import taps
from pixelwise.ops.taps import blend_rows, spread_rows


@pytest.mark.parametrize("index", [torch.int32, torch.int64])
def test_rows_are_weighted_and_summed(index: torch.dtype) -> None:
    table = torch.arange(6.0).view(3, 2)
    places = torch.tensor([[0, 2], [1, 1]], dtype=index)
    weights = torch.tensor([[1, 0.5], [2, -1]])
    assert torch.equal(blend_rows(table, places, weights), torch.tensor([[2, 3.5], [2, 3]]))


def test_no_taps_give_zeros() -> None:
    assert torch.equal(
        blend_rows(torch.ones(3, 2), torch.zeros(4, 0, dtype=torch.long), torch.ones(4, 0)), torch.zeros(4, 2)
    )


def test_spreading_is_the_transpose() -> None:
    table = torch.randn(20, 3, dtype=torch.float64, requires_grad=True)
    places, weights = torch.randint(0, 20, (50, 4)), torch.randn(50, 4, dtype=torch.float64)
    weights[::3, 1] = 0
    grad = torch.randn(50, 3, dtype=torch.float64)
    (expected,) = torch.autograd.grad(blend_rows(table, places, weights), table, grad)
    found = torch.ones(20, 3, dtype=torch.float64)
    spread_rows(grad, places, weights, found)
    assert_close(found, expected + 1)
    # What other devices do instead gives the same.
    assert_close(taps._sums_for_all(grad, places, weights, 20), expected)
    assert_close(taps._sums_for_all(grad, places.int(), weights, 20), expected)


def test_a_tap_without_weight_spreads_no_nan() -> None:
    grad = torch.tensor([[torch.inf], [1.0]])
    places, weights = torch.tensor([[0, 1], [2, 2]]), torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    for found in (taps._sums_for_all(grad, places, weights, 3), taps.summed_rows(grad, places, weights, 3)):
        assert found.tolist() == [[0], [0], [1]]


@pytest.mark.parametrize("shape", [(0, 4), (5, 0)])
def test_spreading_nothing_changes_nothing(shape: tuple[int, int]) -> None:
    table = torch.ones(4, 2)
    given = torch.ones(shape[0], 2), torch.zeros(shape, dtype=torch.long), torch.ones(shape)
    spread_rows(*given, table)
    assert torch.equal(table, torch.ones(4, 2))
    assert torch.equal(taps._sums_for_all(*given, 4), torch.zeros(4, 2))


def test_gradients() -> None:
    table = torch.randn(6, 2, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    places = torch.tensor([[0, 5], [1, 1], [3, 2]])
    assert torch.autograd.gradcheck(lambda t, w: blend_rows(t, places, w), (table, weights))

"""Cross-entropy with pixel weights, and as FCN's sum."""

from inspect import unwrap
from math import log

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from pixelwise.errors import InputError
from pixelwise.losses.segmentation import cross_entropy


def logits(*probabilities: list[float]) -> Tensor:
    """Scores (1 K 1 W) whose softmax is the given probabilities, one list per pixel."""
    return torch.tensor(probabilities, dtype=torch.float64).log().T[None, :, None]


def row(*values: float) -> Tensor:
    return torch.tensor(values).view(1, 1, -1)


SCORES, LABELS = logits([0.5, 0.5], [0.25, 0.75], [0.9, 0.1]), row(0, 1, 255)


def test_pixel_weights_make_a_weighted_mean() -> None:
    expected = -(3 * log(0.5) + log(0.75)) / 4
    assert_close(cross_entropy(SCORES, LABELS, pixel_weights=row(3.0, 1.0, 7.0)).item(), expected)
    assert_close(cross_entropy(SCORES, LABELS, pixel_weights=row(6.0, 2.0, 0.0)).item(), expected)


def test_class_and_pixel_weights_multiply() -> None:
    found = cross_entropy(SCORES, LABELS, torch.tensor([2.0, 1.0]), row(1.5, 1.0, 1.0))
    assert_close(found.item(), -(3 * log(0.5) + log(0.75)) / 4)


def test_weights_of_one_change_nothing() -> None:
    scores, labels = torch.randn(2, 3, 4, 5, dtype=torch.float64), torch.randint(0, 3, (2, 4, 5))
    ones = torch.ones(2, 4, 5)
    assert_close(cross_entropy(scores, labels, pixel_weights=ones), cross_entropy(scores, labels))
    assert_close(
        cross_entropy(scores, labels, torch.ones(3), ones, "sum"), cross_entropy(scores, labels, None, None, "sum")
    )


def test_the_sum_is_not_divided() -> None:
    assert_close(cross_entropy(SCORES, LABELS, reduction="sum").item(), -(log(0.5) + log(0.75)))
    weighted = cross_entropy(SCORES, LABELS, torch.tensor([2.0, 1.0]), row(3.0, 4.0, 9.0), reduction="sum")
    assert_close(weighted.item(), -(6 * log(0.5) + 4 * log(0.75)))


def test_the_sum_equals_torchs() -> None:
    scores, labels = torch.randn(2, 4, 5, 6), torch.randint(0, 4, (2, 5, 6))
    labels[:, 0] = 255
    expected = F.cross_entropy(scores, labels, ignore_index=255, reduction="sum")
    assert_close(cross_entropy(scores, labels, reduction="sum"), expected)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_gradients_with_weights(reduction) -> None:
    scores = torch.randn(2, 3, 2, 3, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([[[0, 1, 2], [255, 1, 1]], [[2, 2, 0], [0, 255, 1]]])
    weights, pixels = torch.rand(3, dtype=torch.float64), torch.rand(2, 2, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda s: cross_entropy(s, labels, weights, pixels, reduction), scores)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("pixel_weights", [None, torch.ones(2, 4, 4), torch.zeros(2, 4, 4)])
def test_a_batch_without_a_counted_pixel_costs_nothing_but_keeps_the_graph(reduction, pixel_weights) -> None:
    scores = torch.randn(2, 3, 4, 4, requires_grad=True)
    value = cross_entropy(scores, torch.full((2, 4, 4), 255), None, pixel_weights, reduction)
    value.backward()
    assert value.item() == 0
    assert (scores.grad == 0).all()


def test_pixels_of_weight_zero_alone_cost_nothing() -> None:
    value = cross_entropy(torch.randn(1, 2, 2, 2), torch.zeros(1, 2, 2, dtype=torch.long), None, torch.zeros(1, 2, 2))
    assert value.item() == 0


def test_what_weights_say_of_ignored_pixels_does_not_matter() -> None:
    weights = row(3.0, 1.0, float("nan"))
    assert_close(
        cross_entropy(SCORES, LABELS, pixel_weights=weights),
        cross_entropy(SCORES, LABELS, pixel_weights=row(3.0, 1.0, 0.0)),
    )


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_bad_pixel_weights_are_named(bad: float) -> None:
    with pytest.raises(
        InputError, match=rf"wanted finite pixel weights of at least 0, got 1 others, .* being {bad}\nhint"
    ):
        cross_entropy(SCORES, LABELS, pixel_weights=row(1.0, bad, 1.0))


def test_pixel_weights_of_another_size_and_unknown_reductions_are_refused() -> None:
    # Past the shape checker of the tests, which would refuse first.
    with pytest.raises(InputError, match=r"wanted pixel weights of shape \(1, 1, 3\).*got \(1, 1, 2\)\nhint: compute"):
        unwrap(cross_entropy)(SCORES, LABELS, pixel_weights=row(1.0, 1.0))
    with pytest.raises(InputError, match="wanted the reduction mean or sum, got 'none'\nhint"):
        unwrap(cross_entropy)(SCORES, LABELS, reduction="none")

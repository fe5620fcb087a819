"""Segmentation losses: hand-worked values, ignored pixels, empty batches, gradients and refusals."""

from inspect import unwrap
from math import log

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from pixelwise.errors import InputError
from pixelwise.losses import cross_entropy, dice_loss

LOSSES = [cross_entropy, dice_loss]


def logits(*probabilities: list[float]) -> Tensor:
    """Scores (1 K 1 W) whose softmax is the given probabilities, one list per pixel."""
    return torch.tensor(probabilities, dtype=torch.float64).log().T[None, :, None]


def row(*labels: int) -> Tensor:
    return torch.tensor(labels).view(1, 1, -1)


def test_cross_entropy_is_the_mean_surprise_of_counted_pixels() -> None:
    scores = logits([0.5, 0.5], [0.25, 0.75], [0.9, 0.1])
    assert_close(cross_entropy(scores, row(0, 1, 255)).item(), -(log(0.5) + log(0.75)) / 2)


def test_class_weights_make_a_weighted_mean() -> None:
    scores = logits([0.5, 0.5], [0.25, 0.75])
    weights = torch.tensor([3.0, 1.0])
    expected = -(3 * log(0.5) + log(0.75)) / 4
    assert_close(cross_entropy(scores, row(0, 1), weights).item(), expected)
    assert_close(cross_entropy(scores, row(0, 1), 2 * weights).item(), expected)


def test_cross_entropy_equals_torch_where_torch_is_defined() -> None:
    scores, labels = torch.randn(2, 4, 5, 6), torch.randint(0, 4, (2, 5, 6), dtype=torch.uint8)
    labels[:, 0] = 255
    weights = torch.rand(4)
    assert_close(cross_entropy(scores, labels), F.cross_entropy(scores, labels.long(), ignore_index=255))
    expected = F.cross_entropy(scores, labels.long(), weights, ignore_index=255)
    assert_close(cross_entropy(scores, labels, weights), expected)


def test_dice_of_a_hand_worked_row() -> None:
    # Class 0: overlap 0.5, squares 0.25 + 0.0625; class 1: overlap 0.75, squares 0.25 + 0.5625; one true pixel each.
    loss = dice_loss(logits([0.5, 0.5], [0.25, 0.75], [0.9, 0.1]), row(0, 1, 255))
    expected = 1 - (2 * 0.5 / 1.3125 + 2 * 0.75 / 1.8125) / 2
    assert_close(loss.item(), expected)


def test_dice_leaves_absent_classes_out_of_the_mean() -> None:
    scores = torch.zeros(1, 3, 1, 2)
    scores[0, 0] = 50
    assert dice_loss(scores, row(0, 0)).item() == pytest.approx(0, abs=1e-6)
    scores[0, 2] = 100
    assert dice_loss(scores, row(0, 0)).item() == pytest.approx(1, abs=1e-6)


def test_dice_does_not_care_how_rare_a_class_is() -> None:
    labels = torch.zeros(1, 10, 10, dtype=torch.long)
    labels[0, 0, 0] = 1
    missed = F.one_hot(torch.zeros_like(labels), 2).permute(0, 3, 1, 2).double() * 50
    assert dice_loss(missed, labels).item() == pytest.approx(0.5, abs=0.01)
    assert cross_entropy(missed, labels).item() == pytest.approx(0.5, abs=0.01)  # 50 nats on 1 of 100 pixels


@pytest.mark.parametrize("loss", LOSSES)
def test_a_perfect_prediction_costs_nothing(loss) -> None:
    labels = torch.randint(0, 3, (2, 4, 4))
    assert loss(F.one_hot(labels, 3).permute(0, 3, 1, 2) * 100.0, labels).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_ignored_pixels_change_nothing_and_get_no_gradient(loss) -> None:
    scores, labels = torch.randn(1, 3, 4, 5), torch.randint(0, 3, (1, 4, 5))
    labels[:, 1] = 255
    changed = scores.clone()
    changed[:, :, 1] += 10 * torch.randn(1, 3, 5)
    changed.requires_grad_()
    assert_close(loss(changed, labels), loss(scores, labels))
    loss(changed, labels).backward()
    assert (changed.grad[:, :, 1] == 0).all()
    assert (changed.grad[:, :, [0, 2, 3]] != 0).any()


@pytest.mark.parametrize("loss", LOSSES)
def test_a_batch_without_a_counted_pixel_costs_nothing_but_keeps_the_graph(loss) -> None:
    scores = torch.randn(2, 3, 4, 4, requires_grad=True)
    value = loss(scores, torch.full((2, 4, 4), 255, dtype=torch.uint8))
    value.backward()
    assert value.item() == 0
    assert (scores.grad == 0).all()


def test_classes_of_weight_zero_alone_cost_nothing() -> None:
    value = cross_entropy(torch.randn(1, 2, 2, 2), torch.zeros(1, 2, 2, dtype=torch.long), torch.tensor([0.0, 1.0]))
    assert value.item() == 0


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients(loss) -> None:
    scores = torch.randn(2, 3, 2, 3, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([[[0, 1, 2], [255, 1, 1]], [[2, 2, 0], [0, 255, 1]]])
    assert torch.autograd.gradcheck(lambda s: loss(s, labels), scores)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("bad", [3, -1, 254])
def test_a_label_that_is_no_class_is_named(loss, bad: int) -> None:
    labels = torch.zeros(1, 2, 2, dtype=torch.long)
    labels[0, 1, 1] = bad
    with pytest.raises(
        InputError, match=rf"wanted labels 0..2, or 255 for ignore, got 1 pixels .* first being {bad}\nhint"
    ):
        loss(torch.randn(1, 3, 2, 2), labels)


@pytest.mark.parametrize("loss", LOSSES)
def test_sizes_that_differ_are_refused(loss) -> None:
    # Past the shape checker of the tests, which would refuse first.
    with pytest.raises(
        InputError, match=r"wanted integer labels of shape \(1, 4, 4\).*got torch.int64 of shape \(1, 8, 8\)"
    ):
        unwrap(loss)(torch.randn(1, 3, 4, 4), torch.zeros(1, 8, 8, dtype=torch.long))
    with pytest.raises(InputError, match=r"got torch[.]float32"):
        unwrap(loss)(torch.randn(1, 3, 4, 4), torch.zeros(1, 4, 4))


def test_more_classes_than_labels_can_say_are_refused() -> None:
    with pytest.raises(InputError, match="wanted at most 255 classes"):
        cross_entropy(torch.randn(1, 256, 2, 2), torch.zeros(1, 2, 2, dtype=torch.long))


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [1.0, float("nan")]])
def test_weights_must_be_one_per_class_and_not_negative(weights: list[float]) -> None:
    with pytest.raises(InputError, match="wanted 2 class weights of at least 0"):
        unwrap(cross_entropy)(torch.randn(1, 2, 2, 2), torch.zeros(1, 2, 2, dtype=torch.long), torch.tensor(weights))

"""Losses by name: what the names mean, how they add up, and which maps they ask for."""

import pytest
import torch
from torch.testing import assert_close

from pixelwise.data.border_weights import border_weights, objects_in
from pixelwise.errors import InputError
from pixelwise.losses import cross_entropy, dice_loss
from pixelwise.losses.boundary import boundary_loss
from pixelwise.training.segmentation.loss_terms import TERMS, loss_terms, total_loss, with_needs
from pixelwise.training.segmentation.truth import Truth, joined

SCORES = torch.linspace(-1, 2, 2 * 3 * 6 * 7, dtype=torch.float64).sin().mul(3).view(2, 3, 6, 7)
LABELS = torch.tensor([0, 0, 1, 1, 0, 2, 255, 0]).repeat(11)[:84].view(2, 6, 7)
WEIGHTS = torch.tensor([0.5, 1.5, 2.0], dtype=torch.float64)


def term(loss: str, weights: torch.Tensor | None = None) -> torch.Tensor:
    return total_loss(loss, SCORES, Truth(LABELS), weights)


def test_each_name_is_its_function() -> None:
    assert_close(term("cross_entropy", WEIGHTS), cross_entropy(SCORES, LABELS, WEIGHTS))
    assert_close(term("cross_entropy_sum", WEIGHTS), cross_entropy(SCORES, LABELS, WEIGHTS, reduction="sum"))
    assert_close(term("dice", WEIGHTS), dice_loss(SCORES, LABELS))
    assert_close(term("boundary", WEIGHTS), boundary_loss(SCORES, LABELS))


def test_border_cross_entropy_adds_class_weights_and_borders() -> None:
    border = torch.stack([border_weights(objects_in(each), class_weight=0) for each in LABELS])
    assert border.max() > 5
    assert_close(term("border_cross_entropy"), cross_entropy(SCORES, LABELS, pixel_weights=1 + border))
    balanced = WEIGHTS[LABELS.where(LABELS != 255, 0)] + border
    assert_close(term("border_cross_entropy", WEIGHTS), cross_entropy(SCORES, LABELS, pixel_weights=balanced))


def test_terms_add_up_with_their_weights() -> None:
    expected = term("cross_entropy") + 0.5 * term("dice") + 0.01 * term("boundary")
    assert_close(term("cross_entropy + 0.5*dice + 1e-2 * boundary"), expected)
    assert loss_terms("2*dice") == ((2.0, "dice"),)


@pytest.mark.parametrize("loss", TERMS)
def test_a_batch_of_ignored_pixels_costs_nothing_with_zero_gradients(loss: str) -> None:
    scores = torch.randn(2, 3, 4, 4, requires_grad=True)
    value = total_loss(loss, scores, Truth(torch.full((2, 4, 4), 255)), torch.ones(3))
    value.backward()
    assert value.item() == 0
    assert (scores.grad == 0).all()


@pytest.mark.parametrize("loss", TERMS)
def test_gradients(loss: str) -> None:
    scores = SCORES[:1, :, :3, :4].clone().requires_grad_()
    truth = with_needs(Truth(LABELS[:1, :3, :4]), loss, 3)
    assert torch.autograd.gradcheck(lambda s: total_loss(loss, s, truth, WEIGHTS), scores)


def test_maps_are_made_when_asked_for_and_kept_when_there() -> None:
    truth = Truth(LABELS)
    assert with_needs(truth, "cross_entropy+dice", 3) == (LABELS, None, None)
    assert with_needs(truth, "border_cross_entropy", 3).distances is None
    assert with_needs(truth, "boundary", 3).border is None
    full = with_needs(truth, "boundary+border_cross_entropy", 3)
    again = with_needs(full, "boundary+border_cross_entropy", 3)
    assert again.border is full.border
    assert again.distances is full.distances


@pytest.mark.parametrize("loss", TERMS)
def test_scores_smaller_than_the_labels_see_the_middle_with_the_borders_of_the_whole(loss: str) -> None:
    whole = with_needs(Truth(LABELS), loss, 3)
    middle = Truth(*(None if each is None else each[..., 1:5, 2:5] for each in whole))
    small = SCORES[..., 1:5, 2:5]
    assert_close(total_loss(loss, small, Truth(LABELS), WEIGHTS), total_loss(loss, small, middle, WEIGHTS))


def test_truths_side_by_side_are_a_batch() -> None:
    parts = [with_needs(Truth(LABELS[i : i + 1]), "boundary", 3) for i in range(2)]
    both = joined(parts)
    assert torch.equal(both.labels, LABELS)
    assert both.border is None
    assert_close(both.distances, with_needs(Truth(LABELS), "boundary", 3).distances)


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        ("focal", "a sum of cross_entropy, cross_entropy_sum, dice, border_cross_entropy, boundary, got 'focal'"),
        ("", "a sum of cross_entropy, .*, got ''"),
        ("dice+", r"a sum of cross_entropy, .*, got 'dice\+'"),
        ("dice*2", r"a sum of cross_entropy, .*, got 'dice\*2'"),
        ("dice+boundary+dice", "each term of the loss once"),
        ("0*dice", "a weight above 0 and up to 1e.06 before .*, got '0'"),
        ("-1*dice", "got '-1'"),
        ("nan*dice", "got 'nan'"),
        ("much*dice", "got 'much'"),
    ],
)
def test_other_names_and_weights_are_refused(loss: str, text: str) -> None:
    with pytest.raises(InputError, match=text):
        loss_terms(loss)

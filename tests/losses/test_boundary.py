"""The boundary loss and its distances: hand-worked values, the slow definition, ignored pixels, gradients."""

from inspect import unwrap
from math import sqrt

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from pixelwise.errors import InputError
from pixelwise.losses.boundary import boundary_loss, signed_distances
from references.boundary_loss import boundary_loss_by_hand, signed_distances_by_hand


def random_labels(*shape: int, classes: int = 3) -> torch.Tensor:
    labels = torch.randint(0, classes, shape)
    return labels.where(torch.rand(shape) > 0.2, 255)


def test_distances_of_a_row_count_from_between_the_pixels() -> None:
    found = signed_distances(torch.tensor([[[0, 0, 0, 1, 255, 1]]]), 2)
    assert found[0, 1, 0].tolist() == [2.5, 1.5, 0.5, -0.5, 0, -2.5]
    assert_close(found[0, 0], -found[0, 1])


def test_distances_are_euclidean() -> None:
    labels = torch.zeros(1, 3, 3, dtype=torch.uint8)
    labels[0, 0, 0] = 1
    found = signed_distances(labels, 2)[0, 1]
    assert_close(found[1, 2], torch.tensor(sqrt(5) - 0.5))
    assert found[0, 0] == -0.5


@pytest.mark.parametrize("classes", [2, 3])
def test_distances_and_loss_equal_the_slow_definition(classes: int) -> None:
    labels = random_labels(2, 7, 9, classes=classes)
    scores = torch.randn(2, classes, 7, 9, dtype=torch.float64)
    by_hand = [signed_distances_by_hand(each.tolist(), classes) for each in labels]
    assert_close(signed_distances(labels, classes), torch.tensor(by_hand))
    assert boundary_loss(scores, labels).item() == pytest.approx(
        boundary_loss_by_hand(scores.tolist(), labels.tolist()), abs=1e-6
    )


def test_loss_of_a_hand_worked_row() -> None:
    scores = torch.tensor([[1.0, 0.25], [1.0, 0.75]]).log()[None, :, None]
    # Class 0 has the distances -0.5, 0.5 and probabilities 0.5, 0.25; class 1 those with the other sign.
    expected = (-0.5 * 0.5 + 0.5 * 0.25 + 0.5 * 0.5 - 0.5 * 0.75) / 4
    assert_close(boundary_loss(scores, torch.tensor([[[0, 1]]])).item(), expected)


def test_a_prediction_is_paid_for_by_its_distance() -> None:
    labels = torch.zeros(1, 1, 12, dtype=torch.long)
    labels[..., :3] = 1
    perfect = F.one_hot(labels, 2).permute(0, 3, 1, 2).float() * 50
    losses = []
    for column in (3, 6, 11):
        wrong = perfect.clone()
        wrong[..., column] = wrong[..., column].flip(1)
        losses.append(boundary_loss(wrong, labels).item())
    assert boundary_loss(perfect, labels).item() < 0
    assert boundary_loss(perfect, labels).item() < losses[0] < losses[1] < losses[2]
    assert boundary_loss(-perfect, labels).item() == pytest.approx(-boundary_loss(perfect, labels).item())


def test_distances_known_already_give_the_same() -> None:
    scores, labels = torch.randn(2, 3, 5, 6), random_labels(2, 5, 6)
    assert boundary_loss(scores, labels, signed_distances(labels, 3)) == boundary_loss(scores, labels)


def test_a_class_that_is_absent_or_alone_has_no_outline() -> None:
    labels = torch.ones(1, 4, 4, dtype=torch.long)
    labels[0, 0, 0] = 255
    assert (signed_distances(labels, 3) == 0).all()
    assert boundary_loss(torch.randn(1, 3, 4, 4), labels).item() == 0


def test_ignored_pixels_change_nothing_and_get_no_gradient() -> None:
    scores, labels = torch.randn(1, 3, 4, 5), torch.randint(0, 3, (1, 4, 5))
    labels[:, 1] = 255
    changed = scores.clone()
    changed[:, :, 1] += 10 * torch.randn(1, 3, 5)
    changed.requires_grad_()
    assert_close(boundary_loss(changed, labels), boundary_loss(scores, labels))
    boundary_loss(changed, labels).backward()
    assert (changed.grad[:, :, 1] == 0).all()
    assert (changed.grad[:, :, [0, 2, 3]] != 0).any()


def test_a_batch_without_a_counted_pixel_costs_nothing_but_keeps_the_graph() -> None:
    scores = torch.randn(2, 3, 4, 4, requires_grad=True)
    value = boundary_loss(scores, torch.full((2, 4, 4), 255, dtype=torch.uint8))
    value.backward()
    assert value.item() == 0
    assert (scores.grad == 0).all()


def test_no_image_and_no_pixel_have_no_distances() -> None:
    assert signed_distances(torch.zeros(0, 4, 4, dtype=torch.long), 2).shape == (0, 2, 4, 4)
    assert signed_distances(torch.zeros(1, 0, 4, dtype=torch.long), 2).shape == (1, 2, 0, 4)


def test_gradients() -> None:
    scores = torch.randn(2, 3, 3, 3, dtype=torch.float64, requires_grad=True)
    labels = random_labels(2, 3, 3)
    assert torch.autograd.gradcheck(lambda s: boundary_loss(s, labels), scores)


def test_bad_labels_and_distances_are_named() -> None:
    scores, labels = torch.randn(1, 2, 4, 4), torch.full((1, 4, 4), 2)
    with pytest.raises(InputError, match=r"wanted labels 0..1, or 255 for ignore, got 16 pixels"):
        boundary_loss(scores, labels)
    with pytest.raises(InputError, match=r"wanted labels 0..1, or 255 for ignore, got 16 pixels"):
        signed_distances(labels, 2)
    # Past the shape checker of the tests, which would refuse first.
    with pytest.raises(InputError, match=r"wanted distances of shape \(1, 2, 4, 4\).*got \(1, 1, 4, 4\)\nhint: pass"):
        unwrap(boundary_loss)(scores, torch.zeros(1, 4, 4, dtype=torch.long), torch.zeros(1, 1, 4, 4))

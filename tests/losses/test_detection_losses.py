"""Losses of detectors against their definitions, without boxes, and their gradients."""

import pytest
import torch

from pixelwise.errors import InputError
from pixelwise.losses.detection import box_losses, mask_losses
from pixelwise.losses.detection.box_losses import BETA, box_loss, class_loss, objectness_loss, own_deltas
from pixelwise.losses.detection.mask_losses import competing_logits, mask_loss
from pixelwise.losses.detection.sampling import draw_boxes
from references.detector_losses import box_by_hand, class_by_hand, mask_by_hand, objectness_by_hand


def double(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def test_losses_equal_their_definitions():
    logits, objects = double(9), torch.rand(9) > 0.5
    assert float(objectness_loss(logits, objects).detach()) == pytest.approx(
        objectness_by_hand(logits.tolist(), objects.tolist())
    )
    scores, labels = double(7, 4), torch.randint(0, 4, (7,))
    assert float(class_loss(scores, labels).detach()) == pytest.approx(class_by_hand(scores.tolist(), labels.tolist()))
    deltas, wanted = double(5, 4), torch.randn(5, 4, dtype=torch.float64)
    wanted[:2] = deltas.detach()[:2] + 0.05  # within beta, where the cost is square
    expected = box_by_hand(deltas.tolist(), wanted.tolist(), 11, BETA)
    assert float(box_loss(deltas, wanted, 11).detach()) == pytest.approx(expected)


@pytest.mark.parametrize("competition", ["sigmoid", "softmax"])
def test_the_mask_loss_equals_its_definition(competition: str):
    logits, labels, wanted = double(3, 4, 5, 5), torch.tensor([1, 3, 2]), torch.rand(3, 5, 5, dtype=torch.float64)
    expected = mask_by_hand(logits.tolist(), labels.tolist(), wanted.tolist(), competition == "softmax")
    assert float(mask_loss(logits, labels, wanted, competition).detach()) == pytest.approx(expected)


def test_gradients_are_those_of_the_values():
    check = torch.autograd.gradcheck
    objects, labels = torch.rand(6) > 0.5, torch.tensor([1, 2, 0])
    assert check(lambda x: objectness_loss(x, objects), (double(6),))
    assert check(lambda x: class_loss(x, labels), (double(3, 3),))
    wanted = torch.randn(3, 4, dtype=torch.float64)
    assert check(lambda x: box_loss(x, wanted, 8), (double(3, 4),))
    masks = torch.rand(2, 3, 3, dtype=torch.float64)
    for competition in ("sigmoid", "softmax"):
        assert check(lambda x: mask_loss(x, labels[:2], masks, competition), (double(2, 3, 3, 3),))  # noqa: B023


def test_without_boxes_losses_are_exactly_zero_and_so_are_gradients():
    logits, scores, deltas, masks = double(0), double(0, 3), double(0, 4), double(0, 3, 4, 4)
    none = torch.zeros(0, dtype=torch.int64)
    losses = [
        objectness_loss(logits, none.bool()),
        class_loss(scores, none),
        box_loss(deltas, torch.zeros(0, 4, dtype=torch.float64), 0),
        mask_loss(masks, none, torch.zeros(0, 4, 4)),
        mask_loss(masks, none, torch.zeros(0, 4, 4), "softmax"),
    ]
    assert [float(one.detach()) for one in losses] == [0.0] * 5
    sum(losses).backward()
    assert all(one.grad is not None for one in (logits, scores, deltas, masks))


def test_masks_without_competition_do_not_ask_the_other_classes():
    logits = double(1, 4, 2, 2)
    mask_loss(logits, torch.tensor([2]), torch.ones(1, 2, 2)).backward()
    assert logits.grad[:, [0, 1, 3]].abs().max() == 0 < logits.grad[:, 2].abs().min()
    logits = double(1, 4, 2, 2)
    mask_loss(logits, torch.tensor([2]), torch.ones(1, 2, 2), "softmax").backward()
    assert logits.grad.abs().min() > 0


def test_competing_logits_turn_a_sigmoid_into_a_softmax_at_any_size():
    logits = torch.tensor([[0.1, 0.2, 0.3], [40.0, 0, -40], [300.0, 0, 0], [0, 0, 0]], dtype=torch.float64)[..., None]
    found = competing_logits(logits[..., None]).sigmoid()
    torch.testing.assert_close(found[..., 0], logits.softmax(dim=1), atol=1e-12, rtol=1e-9)


def test_draws_keep_count_and_share_and_repeat_with_the_seed():
    matches = torch.tensor([-1] * 500 + [0] * 40 + [-2] * 100)
    drawn = draw_boxes(matches, 256, 0.5, torch.Generator().manual_seed(3))
    assert len(drawn.positive) == 40 and len(drawn.negative) == 216
    assert bool((matches[drawn.positive] == 0).all()) and bool((matches[drawn.negative] == -1).all())
    assert len(torch.unique(drawn.negative)) == 216
    few = draw_boxes(matches, 16, 0.25, torch.Generator().manual_seed(3))
    assert len(few.positive) == 4 and len(few.negative) == 12
    again = draw_boxes(matches, 256, 0.5, torch.Generator().manual_seed(3))
    other = draw_boxes(matches, 256, 0.5, torch.Generator().manual_seed(4))
    assert torch.equal(drawn.negative, again.negative) and not torch.equal(drawn.negative, other.negative)
    assert [len(part) for part in draw_boxes(matches[:0], 256, 0.5)] == [0, 0]


def test_own_deltas_are_those_of_the_label():
    deltas = torch.arange(24.0).view(2, 3, 4)
    assert own_deltas(deltas, torch.tensor([2, 0])).tolist() == [[8, 9, 10, 11], [12, 13, 14, 15]]


def test_what_does_not_fit_is_named():
    with pytest.raises(InputError, match=r"labels 0..2.*0..3\nhint: build the model with num_classes=4"):
        class_loss(torch.zeros(2, 3), torch.tensor([0, 3]))
    with pytest.raises(InputError, match=r"labels 1\.\.2 of objects, got 0\.\.1"):
        mask_loss(torch.zeros(2, 3, 4, 4), torch.tensor([0, 1]), torch.zeros(2, 4, 4))
    with pytest.raises(InputError, match="sigmoid, softmax"):
        mask_losses._check(torch.zeros(0, 3, 4, 4), torch.zeros(0).long(), torch.zeros(0, 4, 4), "none")
    with pytest.raises(InputError, match="at least 3, got 2"):
        box_loss(torch.zeros(3, 4), torch.zeros(3, 4), 2)
    with pytest.raises(InputError, match="2 marks of objects"):
        box_losses._check_alike(torch.zeros(2), torch.zeros(3), "marks of objects")
    with pytest.raises(InputError, match="share from 0 to 1"):
        draw_boxes(torch.zeros(1, dtype=torch.int64), 1, 1.5)

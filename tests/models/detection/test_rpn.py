"""The region proposal network and the proposals made of what it says."""

import pytest
import torch
from torch import Tensor, nn

from pixelwise.errors import InputError
from pixelwise.models.detection.outputs import FeatureGroup, Features, Frame, RegionGroup, RegionScores
from pixelwise.models.detection.propose import propose
from pixelwise.models.detection.rpn import RegionHead, RegionProposalNetwork
from references.detection_steps import proposals_by_hand

FRAME = Frame((60, 60), (60, 60), (64, 64))


def random_regions(images: int, counts: tuple[int, ...], numbers: tuple[int, ...] | None = None) -> RegionGroup:
    total = sum(counts)
    corners = torch.rand(total, 2) * 50
    anchors = torch.cat([corners - 5, corners + 5 + torch.rand(total, 2) * 20], dim=1)
    logits, deltas = torch.randn(images, total), torch.randn(images, total, 4) * 0.5
    return RegionGroup(logits, deltas, anchors, counts, numbers or tuple(range(images)))


def test_logits_deltas_and_anchors_are_in_one_order():
    head = RegionHead(2, 3)
    network = RegionProposalNetwork(head, [8], [0.5, 1.0, 2.0])
    level = torch.randn(1, 2, 3, 4)
    (group,) = network(Features((FeatureGroup([level], (0,)),), (Frame((24, 32), (24, 32), (24, 32)),))).groups
    hidden = head.conv(level)
    logits, deltas = head.cls_logits(hidden), head.bbox_pred(hidden)
    for row, column, anchor in ((0, 0, 0), (0, 3, 2), (2, 1, 1)):
        place = (row * 4 + column) * 3 + anchor
        torch.testing.assert_close(group.logits[0, place], logits[0, anchor, row, column])
        torch.testing.assert_close(group.deltas[0, place], deltas[0, anchor * 4 : anchor * 4 + 4, row, column])
        box = group.anchors[place]
        assert ((box[:2] + box[2:]) / 2).tolist() == [column * 8, row * 8]
    assert group.per_level == (36,)


def test_several_sizes_on_one_level_are_anchors_of_each_cell():
    network = RegionProposalNetwork(RegionHead(2, 6), [(8, 16)])
    (group,) = network(Features((FeatureGroup([torch.randn(2, 2, 2, 2)], (0, 1)),), (FRAME, FRAME))).groups
    assert group.logits.shape == (2, 24)
    assert group.deltas.shape == (2, 24, 4)
    assert group.anchors.shape == (24, 4)


def test_a_head_for_other_anchors_is_refused():
    with pytest.raises(InputError, match="3 anchors per cell on every level"):
        RegionProposalNetwork(RegionHead(2, 3), [(8, 16)])


def test_the_head_starts_as_in_the_paper():
    head = RegionHead(64, 3, depth=2)
    convolutions = [part for part in head.modules() if isinstance(part, nn.Conv2d)]
    assert len(convolutions) == 4
    assert all(part.bias.eq(0).all() for part in convolutions)
    assert float(convolutions[0].weight.detach().std()) == pytest.approx(0.01, rel=0.05)


@pytest.mark.parametrize(("before", "after"), [(5, 8), (100, 6), (100, 100)])
def test_proposals_are_those_of_the_definition(before: int, after: int):
    group = random_regions(2, (20, 9, 1))
    frames = (FRAME, Frame((40, 64), (40, 64), (64, 64)))
    found = propose(RegionScores((group,), frames), before, after)
    for number, boxes in enumerate(found):
        levels = []
        start = 0
        for count in group.per_level:
            here = slice(start, start + count)
            levels.append(
                (group.logits[number, here].tolist(), group.deltas[number, here].tolist(), group.anchors[here].tolist())
            )
            start += count
        wanted = proposals_by_hand(levels, frames[number].resized, before, after, 0.7)
        torch.testing.assert_close(boxes, torch.tensor(wanted), atol=1e-4, rtol=0)


def test_groups_are_put_back_into_the_order_of_the_images():
    first, second = random_regions(2, (6, 3), (0, 2)), random_regions(1, (5,), (1,))
    found = propose(RegionScores((first, second), (FRAME,) * 3))
    alone = propose(RegionScores((second._replace(numbers=(0,)),), (FRAME,)))
    torch.testing.assert_close(found[1], alone[0])
    images = RegionScores((first, second), (FRAME,) * 3).per_image()
    assert images[1].logits is not None
    torch.testing.assert_close(images[2].logits, first.logits[1])
    torch.testing.assert_close(images[1].anchors, second.anchors)


def test_proposals_carry_no_gradient():
    group = random_regions(1, (6,))
    group = group._replace(logits=group.logits.requires_grad_(), deltas=group.deltas.requires_grad_())
    assert not propose(RegionScores((group,), (FRAME,)))[0].requires_grad


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_not_finite_give_no_proposals_that_are_not(value: float):
    group = random_regions(1, (12, 4))
    logits, deltas = group.logits.clone(), group.deltas.clone()
    logits[0, 3] = value
    deltas[0, 5, 2] = value
    deltas[0, 6, 0] = value
    (boxes,) = propose(RegionScores((group._replace(logits=logits, deltas=deltas),), (FRAME,)))
    assert len(boxes) > 0
    assert boxes.isfinite().all()
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    (boxes,) = propose(RegionScores((group._replace(logits=torch.full((1, 16), torch.nan)),), (FRAME,)))
    assert boxes.shape == (0, 4)


def test_anchors_outside_the_image_give_no_proposals():
    anchors: Tensor = torch.tensor([[-20.0, -20, -10, -10], [62, 0, 70, 10]])
    group = RegionGroup(torch.zeros(1, 2), torch.zeros(1, 2, 4), anchors, (2,), (0,))
    assert propose(RegionScores((group,), (FRAME,)))[0].shape == (0, 4)

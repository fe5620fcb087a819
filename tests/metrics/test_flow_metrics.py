"""Flow scores against loops, hand-worked cases, and the two ways to average."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.metrics.flow import FLOW_GROUPS, FLOW_MEASURES, FLOW_SUMS, flow_scores, flow_sums, named_flow_scores
from references import flow_errors


def image(seed: int, size: tuple[int, int] = (11, 13)) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    draws = torch.Generator().manual_seed(seed)
    truth = 25 * torch.randn(2, *size, generator=draws)
    flow = truth + 4 * torch.randn(2, *size, generator=draws)
    valid, occluded = torch.rand(2, *size, generator=draws) < torch.tensor([0.8, 0.3])[:, None, None]
    return flow, truth, valid, occluded


@pytest.mark.parametrize("known_occlusion", [True, False])
def test_sums_equal_loops(known_occlusion: bool):
    flow, truth, valid, occluded = image(1)
    hidden = occluded if known_occlusion else None
    found = flow_sums(flow, truth, valid, hidden)
    vectors = (each.double().movedim(0, -1).numpy() for each in (flow, truth))
    expected = flow_errors.sums(*vectors, valid.numpy(), hidden.numpy() if known_occlusion else None)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-9)


def one_pixel(flow: tuple[float, float], truth: tuple[float, float]) -> dict[str, float]:
    answer, right = (torch.tensor(each).view(2, 1, 1) for each in (flow, truth))
    return dict(zip(FLOW_MEASURES, flow_scores(flow_sums(answer, right))[0].tolist(), strict=True))


def test_hand_worked_pixels():
    # KITTI: an error of 4 pixels is an outlier where the motion is below 80 pixels, and none where it is above.
    assert one_pixel((4.0, 0.0), (0.0, 0.0)) == pytest.approx(
        {"epe": 4, "angular_error": math.degrees(math.atan(4)), "over_1px": 1, "over_3px": 1, "over_5px": 0, "fl": 1}
    )
    slow, fast = one_pixel((64.0, 0.0), (60.0, 0.0)), one_pixel((104.0, 0.0), (100.0, 0.0))
    assert (slow["fl"], fast["fl"]) == (1, 0)
    assert fast["over_3px"] == 1
    assert one_pixel((0.0, 1.0), (1.0, 0.0))["angular_error"] == pytest.approx(60)
    assert one_pixel((3.0, 4.0), (3.0, 4.0)) == dict.fromkeys(FLOW_MEASURES, 0)


def test_bins_of_motion_have_their_lower_end():
    truth = torch.tensor([[9.999, 10, 39.99, 40, 60.0]])[None].repeat(2, 1, 1) * torch.tensor([1.0, 0])[:, None, None]
    pixels = flow_sums(truth, truth)[:, 0].tolist()
    assert dict(zip(FLOW_GROUPS, pixels, strict=True)) == {
        "all": 5, "0-10": 1, "10-40": 2, "40+": 2, "visible": 0, "occluded": 0
    }  # fmt: skip


def test_pooled_and_per_image_differ_where_images_do():
    still, moving = torch.zeros(2, 10, 10), torch.zeros(2, 10, 30)
    moving[0] = 2
    images = torch.stack([flow_sums(torch.zeros_like(each), each) for each in (still, moving)])
    named = named_flow_scores(images)
    assert named["epe_pooled"] == pytest.approx(300 * 2 / 400)
    assert named["epe_per_image"] == pytest.approx((0 + 2) / 2)
    assert named["over_1px_pooled"] == pytest.approx(0.75)
    assert {name for name in named if "40+" in name or "occluded" in name} == set()
    assert named["epe_pooled/0-10"] == named["epe_pooled"]


def test_a_group_is_averaged_over_the_images_that_have_it():
    near, far = torch.ones(2, 4, 4), torch.full((2, 4, 4), 50.0)
    images = torch.stack([flow_sums(each + 3, each) for each in (near, far)])
    named = named_flow_scores(images)
    assert named["epe_per_image/40+"] == pytest.approx(3 * math.sqrt(2))
    assert named["epe_per_image/0-10"] == pytest.approx(3 * math.sqrt(2))


def test_sums_add_up_and_take_leading_axes():
    flow, truth, valid, occluded = image(2, (8, 10))
    whole = flow_sums(flow, truth, valid, occluded)
    halves = [flow_sums(flow[:, rows], truth[:, rows], valid[rows], occluded[rows]) for rows in (slice(3), slice(3, 8))]
    torch.testing.assert_close(sum(halves), whole)
    stacked = torch.stack([*halves, whole]).expand(5, 3, 6, 7)
    assert flow_scores(stacked).shape == (5, 3, 6, 6)
    assert whole.shape == (len(FLOW_GROUPS), len(FLOW_SUMS))


def test_unknown_truth_does_not_count():
    flow, truth, *_ = image(3)
    spoilt = truth.clone()
    spoilt[:, 0, 0], spoilt[0, 1, 1] = torch.nan, torch.inf
    valid = torch.ones(truth.shape[1:], dtype=torch.bool)
    valid[0, 0] = valid[1, 1] = False
    assert torch.equal(flow_sums(flow, spoilt), flow_sums(flow, truth, valid))
    assert torch.equal(flow_sums(flow, spoilt, valid), flow_sums(flow, truth, valid))
    none = flow_sums(flow, truth, torch.zeros_like(valid))
    assert none.eq(0).all()
    assert flow_scores(none).isnan().all()


def test_an_answer_that_is_not_finite_is_refused_where_it_counts():
    flow, truth, valid, _ = image(4)
    row, column = (int(each) for each in valid.nonzero()[0])
    flow[0, row, column] = torch.nan
    with pytest.raises(InputError, match="finite flow at every pixel whose truth is known, got 1 pixels with"):
        flow_sums(flow, truth, valid)
    valid[row, column] = False
    assert flow_sums(flow, truth, valid).isfinite().all()


@pytest.mark.compile
def test_another_size_is_refused():
    with pytest.raises(InputError, match=r"a flow of the truth's shape \(2, 4, 4\), got \(2, 2, 2\)"):
        flow_sums(torch.zeros(2, 2, 2), torch.zeros(2, 4, 4))

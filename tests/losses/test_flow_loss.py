"""The multi-scale end-point error against loops, in both reductions, and what the published weights amount to."""

import numpy as np
import pytest
import torch
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.losses.flow import MEAN_WEIGHTS, SUM_WEIGHTS, multiscale_epe, pooled_flow
from references import flow_errors

STRIDES = (4, 8, 16, 32, 64)


def case(size: tuple[int, int], batch: int = 2) -> tuple[list[Tensor], Tensor, Tensor]:
    draws = torch.Generator().manual_seed(size[0])
    flows = [torch.randn(batch, 2, -(-size[0] // s), -(-size[1] // s), generator=draws).double() for s in STRIDES]
    truth = 20 * torch.randn(batch, 2, *size, generator=draws).double()
    valid = torch.rand(batch, *size, generator=draws) < 0.7
    valid[0, :9, :9] = False  # whole places without truth
    return flows, truth, valid


def last(maps: Tensor) -> np.ndarray:
    return maps.movedim(1, -1).numpy()


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("size", [(64, 64), (37, 70), (1, 3)])
def test_it_equals_loops(size: tuple[int, int], reduction: str):
    flows, truth, valid = case(size)
    weights = SUM_WEIGHTS if reduction == "sum" else MEAN_WEIGHTS
    found = multiscale_epe(flows, truth, valid, reduction=reduction)
    answers = [last(flow) for flow in flows]
    expected = flow_errors.multiscale(answers, last(truth), valid.numpy(), weights, reduction == "mean", 20)
    assert float(found) == pytest.approx(expected, rel=1e-12)


def test_own_weights_and_units():
    flows, truth, valid = case((32, 48))
    found = multiscale_epe(flows[:2], truth, valid, "mean", weights=(0.5, 2), unit=1)
    expected = flow_errors.multiscale([last(f) for f in flows[:2]], last(truth), valid.numpy(), (0.5, 2), True, 1)
    assert float(found) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("stride", [1, 4, 8])
def test_pooled_truth_equals_loops(stride: int):
    _, truth, valid = case((21, 30), batch=1)
    found, known = pooled_flow(truth, valid, stride)
    means, counted = flow_errors.pooled(last(truth)[0], valid[0].numpy(), stride)
    assert np.array_equal(known[0].numpy(), counted)
    np.testing.assert_allclose(last(found)[0], means, atol=1e-12)


def test_unknown_truth_may_hold_anything():
    flows, truth, valid = case((40, 64))
    expected = multiscale_epe(flows, truth, valid)
    spoilt = truth.masked_fill(~valid[:, None], torch.nan)
    flows = [flow.requires_grad_() for flow in flows]
    found = multiscale_epe(flows, spoilt, valid)
    assert torch.equal(found, expected)
    found.backward()
    assert all(flow.grad.isfinite().all() for flow in flows)


def test_the_same_errors_weigh_four_two_one_one_one_in_a_sum_and_sixteen_to_one_in_a_mean():
    truth = torch.zeros(2, 2, 64, 128)
    shares = {}
    for reduction in ("sum", "mean"):
        alone = []
        for level in range(5):
            flows = [torch.zeros(2, 2, 64 // s, 128 // s) for s in STRIDES]
            flows[level][:, 0] = 1
            alone.append(float(multiscale_epe(flows, truth, reduction=reduction)))
        shares[reduction] = [value / alone[-1] for value in alone]
    assert shares["sum"] == pytest.approx([4, 2, 1, 1, 1], rel=1e-5)
    assert shares["mean"] == pytest.approx([16, 8, 4, 2, 1], rel=1e-5)


def test_a_sum_is_divided_by_the_pairs_and_a_mean_by_nothing_else():
    flows, truth, valid = case((64, 64))
    twice = [torch.cat([flow, flow]) for flow in flows], torch.cat([truth, truth]), torch.cat([valid, valid])
    for reduction in ("sum", "mean"):
        once, doubled = multiscale_epe(flows, truth, valid, reduction), multiscale_epe(*twice, reduction)
        assert float(doubled) == pytest.approx(float(once), rel=1e-12)


def test_a_perfect_answer_and_no_truth_have_gradients_of_zero():
    flows = [torch.zeros(1, 2, 64 // s, 64 // s, requires_grad=True) for s in STRIDES]
    for valid in (torch.ones(1, 64, 64, dtype=torch.bool), torch.zeros(1, 64, 64, dtype=torch.bool)):
        loss = multiscale_epe(flows, torch.zeros(1, 2, 64, 64), valid, "mean")
        gradients = torch.autograd.grad(loss, flows)
        assert loss.detach() == 0
        assert all(gradient.eq(0).all() for gradient in gradients)


def test_the_gradient_is_that_of_numbers():
    flows, truth, valid = case((8, 12), batch=1)
    flows = [flow.requires_grad_() for flow in flows]
    assert torch.autograd.gradcheck(lambda *each: multiscale_epe(each, truth, valid), flows)


def test_wrong_arguments_are_named():
    flows, truth, valid = case((64, 64))
    with pytest.raises(InputError, match=r"5 weights of at least 0, one of each flow, got \(1, 2\)"):
        multiscale_epe(flows, truth, valid, weights=(1, 2))
    with pytest.raises(InputError, match=r"2 weights of at least 0.*got \(1, -2\)"):
        multiscale_epe(flows[:2], truth, valid, weights=(1, -2))
    with pytest.raises(InputError, match="halved some times and rounded up, got 5x5 for 64x64"):
        multiscale_epe([torch.zeros(2, 2, 5, 5)], truth, valid, weights=(1,))


@pytest.mark.compile
def test_an_unknown_reduction_is_named():
    flows, truth, valid = case((64, 64))
    with pytest.raises(InputError, match='a reduction "sum" or "mean", got \'average\''):
        multiscale_epe(flows, truth, valid, reduction="average")

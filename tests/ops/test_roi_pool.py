"""RoIPool against its definition, its corners, gradients, tracing and the peer."""

import sys

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from pixelwise.errors import InputError
from pixelwise.ops.roi_pool import _roi_pool, roi_pool
from references.roi import roi_pool_by_hand


def some_regions(number: int, images: int = 2, dtype: torch.dtype = torch.float64) -> Tensor:
    """Regions in and around an image of about ten pixels, some reversed, some with corners at half pixels."""
    corners = torch.randn(number, 4, dtype=dtype) * 6 + 5
    corners[::2] = (corners[::2] * 2).round() / 2
    return torch.cat([torch.randint(0, images, (number, 1)).to(dtype), corners], 1)


@pytest.mark.parametrize("scale", [1.0, 0.5])
@pytest.mark.parametrize("size", [(7, 7), (2, 3), (1, 1)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_values_equal_the_definition(size: tuple[int, int], scale: float, layout: torch.memory_format) -> None:
    features = torch.randn(2, 3, 9, 11, dtype=torch.float64).contiguous(memory_format=layout)
    regions = some_regions(12)
    out = roi_pool(features, regions, size, scale)
    assert_close(out, torch.from_numpy(roi_pool_by_hand(features.numpy(), regions.numpy(), size, scale)))
    assert out.is_contiguous(memory_format=layout)


def test_fast_rcnns_bins_overlap_where_they_do_not_divide_the_region() -> None:
    ramp = torch.arange(25.0).view(1, 1, 5, 5)
    # Five rows in two bins: rows 0 to 2 and 2 to 4.
    assert torch.equal(roi_pool(ramp, torch.tensor([[0.0, 0, 0, 4, 4]]), 2)[0, 0], torch.tensor([[12.0, 14], [22, 24]]))


def test_regions_of_different_sizes_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    sides = torch.tensor([1.0, 60, 3, 30, 2, 62, 5, 14])
    regions = torch.stack([torch.zeros(8), torch.ones(8), torch.ones(8), 1 + sides, 1 + sides], 1)
    features = torch.randn(1, 2, 64, 64)
    expected = torch.cat([roi_pool(features, regions[k : k + 1], 2) for k in range(8)])
    assert torch.equal(roi_pool(features, regions, 2), expected)
    monkeypatch.setattr(sys.modules[roi_pool.__module__], "VALUES_IN_CACHE", 1)
    assert torch.equal(roi_pool(features, regions, 2), expected)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), 1e30])
@pytest.mark.parametrize("column", [1, 2, 3, 4])
def test_a_box_that_is_not_finite_gives_zeros(bad: float, column: int) -> None:
    features, regions = torch.rand(1, 2, 6, 6) + 1, torch.tensor([[0.0, 1, 1, 4, 4]]).repeat(2, 1)
    regions[0, column] = bad
    out = roi_pool(features, regions, 2)
    assert out.isfinite().all()
    assert torch.equal(out[1:], roi_pool(features, regions[1:], 2))
    if bad != 1e30:
        assert torch.equal(out[0], torch.zeros(2, 2, 2))


def test_a_nan_spoils_its_bins_wherever_it_stands() -> None:
    regions = torch.tensor([[0.0, 0, 0, 3, 3]])
    for place in range(4):
        features = torch.rand(1, 1, 4, 4)
        features[0, 0, place % 2, place // 2] = torch.nan
        assert roi_pool(features, regions, 2).isnan().flatten().tolist() == [True, False, False, False]


def test_minus_infinity_is_a_value() -> None:
    features = torch.full((1, 1, 4, 4), -torch.inf)
    assert torch.equal(roi_pool(features, torch.tensor([[0.0, 0, 0, 3, 3]]), 2), torch.full((1, 1, 2, 2), -torch.inf))


@pytest.mark.parametrize("shape", [(0, 3, 7, 7), (2, 0, 7, 7), (2, 3, 7, 7)])
def test_no_boxes_give_no_results_and_zero_gradient(shape: tuple[int, ...]) -> None:
    features = torch.rand(shape, requires_grad=True)
    out = roi_pool(features, torch.zeros(0, 5), (2, 3))
    assert out.shape == (0, shape[1], 2, 3)
    out.sum().backward()
    assert torch.equal(features.grad, torch.zeros(shape))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_exact(dtype: torch.dtype) -> None:
    features, regions = torch.rand(2, 4, 12, 12).to(dtype), some_regions(20, dtype=torch.float32)
    out = roi_pool(features, regions, 7)
    assert out.dtype == dtype
    assert torch.equal(out, roi_pool(features.float(), regions, 7).to(dtype))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gradients(layout: torch.memory_format) -> None:
    # Values far apart, so that a small step does not change which is the largest.
    features = torch.randperm(75).double().view(1, 3, 5, 5).contiguous(memory_format=layout).requires_grad_()
    regions = torch.tensor([[0, 0, 0, 4, 4], [0, 0, 2, 3, 4], [0, 2, 2, 4, 4], [0, 9, 9, 12, 12]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: roi_pool(x, regions, 2), features)


def test_the_first_of_equal_maxima_gets_the_gradient() -> None:
    features = torch.ones(1, 1, 4, 4, requires_grad=True)
    roi_pool(features, torch.tensor([[0.0, 0, 0, 3, 3]]), 1).sum().backward()
    assert features.grad.flatten().tolist() == [1.0] + [0.0] * 15


def test_runs_agree_bit_for_bit() -> None:
    features, regions = torch.randn(2, 5, 12, 12, requires_grad=True), some_regions(100, dtype=torch.float32)
    runs = [torch.autograd.grad(roi_pool(features, regions, 7).sin().sum(), features)[0] for _ in range(2)]
    assert torch.equal(*runs)


def test_refusals() -> None:
    with pytest.raises(InputError, match=r"from 0 to 1 .* got 2 in row 0"):
        roi_pool(torch.rand(2, 3, 5, 5), torch.tensor([[2.0, 0, 0, 1, 1]]), 2)
    with pytest.raises(InputError, match="wanted features with pixels"):
        roi_pool(torch.rand(2, 3, 5, 0), torch.tensor([[0.0, 0, 0, 1, 1]]), 2)
    with pytest.raises(InputError, match="at least 1 x 1"):
        roi_pool(torch.rand(2, 3, 5, 5), torch.tensor([[0.0, 0, 0, 1, 1]]), (0, 2))


@pytest.mark.compile
def test_traces_as_one_node() -> None:
    class Head(torch.nn.Module):
        def forward(self, x: Tensor, boxes: Tensor) -> Tensor:
            return roi_pool(x, boxes, 3, 0.5)

    features, regions = torch.rand(2, 3, 12, 12, requires_grad=True), some_regions(5, dtype=torch.float32)
    expected = roi_pool(features, regions, 3, 0.5)
    torch.compiler.reset()
    out = torch.compile(Head(), fullgraph=True, backend="aot_eager")(features, regions)
    assert torch.equal(out, expected)
    assert_close(torch.autograd.grad(out.sum(), features), torch.autograd.grad(expected.sum(), features))
    program = torch.export.export(Head(), (features.detach(), regions))
    calls = [node.target for node in program.graph.nodes if node.op == "call_function"]
    assert calls[0] == torch.ops.pixelwise.roi_pool.default
    torch.library.opcheck(_roi_pool, (features, regions, 1.0, 2, 3, True))


def test_agrees_with_torchvision() -> None:
    torchvision = pytest.importorskip("torchvision")
    regions = some_regions(50, dtype=torch.float32)
    ours = torch.randn(2, 4, 10, 12, requires_grad=True)
    theirs = ours.detach().clone().requires_grad_()
    out, expected = roi_pool(ours, regions, 5, 0.7), torchvision.ops.roi_pool(theirs, regions, 5, 0.7)
    assert torch.equal(out, expected)
    grad = torch.rand_like(out)
    assert_close(torch.autograd.grad(out, ours, grad), torch.autograd.grad(expected, theirs, grad))

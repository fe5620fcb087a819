"""Position-sensitive RoIAlign against its definition, gradients, tracing and the peer."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from pixelwise.errors import InputError
from pixelwise.ops.ps_roi_align import _ps_roi_align, ps_roi_align
from references.roi import ps_roi_align_by_hand

REGIONS = torch.tensor([[0, 0, 0, 9, 9], [0, 0, 5, 4, 9], [1, 5.3, 5.1, 9.2, 14], [1, -3, 2, 2, 3.5]])


@pytest.mark.parametrize("ratio", [-1, 2])
@pytest.mark.parametrize("size", [(2, 3), (1, 1), (3, 3)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_values_equal_the_definition(size: tuple[int, int], ratio: int, layout: torch.memory_format) -> None:
    features = torch.randn(2, 2 * size[0] * size[1], 10, 8, dtype=torch.float64).contiguous(memory_format=layout)
    expected = ps_roi_align_by_hand(features.numpy(), REGIONS.double().numpy(), size, 0.8, ratio)
    assert_close(ps_roi_align(features, REGIONS.double(), size, 0.8, ratio), torch.from_numpy(expected))


def test_each_bin_reads_channels_of_its_own() -> None:
    features = torch.arange(12.0).view(1, 12, 1, 1).expand(1, 12, 6, 6)
    out = ps_roi_align(features, torch.tensor([[0.0, 1, 1, 5, 5]]), (2, 3), 1.0, 2)
    assert torch.equal(out[0], torch.arange(12.0).view(2, 2, 3))


@pytest.mark.parametrize("corner", [2.0, float("nan"), float("inf")])
def test_regions_without_extent_or_not_finite_give_zeros(corner: float) -> None:
    out = ps_roi_align(torch.rand(1, 4, 6, 6), torch.tensor([[0.0, 2, 1, corner, 4]]), 2)
    assert torch.equal(out, torch.zeros(1, 1, 2, 2))


@pytest.mark.parametrize("shape", [(0, 4, 7, 7), (2, 0, 7, 7), (2, 4, 7, 7)])
def test_no_boxes_give_no_results_and_zero_gradient(shape: tuple[int, ...]) -> None:
    features = torch.rand(shape, requires_grad=True)
    out = ps_roi_align(features, torch.zeros(0, 5), 2)
    assert out.shape == (0, shape[1] // 4, 2, 2)
    out.sum().backward()
    assert torch.equal(features.grad, torch.zeros(shape))


def test_gradients() -> None:
    features = torch.rand(2, 4, 4, 4, dtype=torch.float64, requires_grad=True)
    for ratio in (-1, 2):
        assert torch.autograd.gradcheck(lambda x, r=ratio: ps_roi_align(x, REGIONS.double(), 2, 0.5, r), features)


def test_half_precision_rounds_only_the_result() -> None:
    features = torch.rand(2, 8, 9, 9).bfloat16()
    assert_close(ps_roi_align(features, REGIONS, 2), ps_roi_align(features.float(), REGIONS, 2).bfloat16())


def test_refusals() -> None:
    with pytest.raises(InputError, match="a multiple of 6 channels, one for each of 2 x 3 bins, got 8 channels"):
        ps_roi_align(torch.rand(2, 8, 5, 5), REGIONS, (2, 3))
    with pytest.raises(InputError, match=r"from 0 to 0 .* got 1 in row 2"):
        ps_roi_align(torch.rand(1, 8, 5, 5), REGIONS, 2)


@pytest.mark.compile
def test_traces_as_one_node() -> None:
    class Head(torch.nn.Module):
        def forward(self, x: Tensor, boxes: Tensor) -> Tensor:
            return ps_roi_align(x, boxes, 2, 0.5)

    features = torch.rand(2, 8, 12, 12, requires_grad=True)
    expected = ps_roi_align(features, REGIONS, 2, 0.5)
    torch.compiler.reset()
    out = torch.compile(Head(), fullgraph=True, backend="aot_eager")(features, REGIONS)
    assert_close(out, expected)
    assert_close(torch.autograd.grad(out.sum(), features), torch.autograd.grad(expected.sum(), features))
    program = torch.export.export(Head(), (features.detach(), REGIONS))
    calls = [node.target for node in program.graph.nodes if node.op == "call_function"]
    assert calls == [torch.ops.pixelwise.ps_roi_align.default]
    torch.library.opcheck(_ps_roi_align, (features, REGIONS, 1.0, 2, 2, 2))


def test_agrees_with_torchvision() -> None:
    torchvision = pytest.importorskip("torchvision")
    ours = torch.rand(2, 50, 10, 10, requires_grad=True)
    theirs = ours.detach().clone().requires_grad_()
    for ratio in (-1, 2):
        out = ps_roi_align(ours, REGIONS, 5, 0.9, ratio)
        expected = torchvision.ops.ps_roi_align(theirs, REGIONS, 5, 0.9, ratio)
        assert_close(out, expected, atol=1e-5, rtol=0)
        grad = torch.rand_like(out)
        assert_close(torch.autograd.grad(out, ours, grad), torch.autograd.grad(expected, theirs, grad))

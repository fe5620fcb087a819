"""RoIAlign against its definition, published literals, its corners, gradients, tracing and the peer."""

from itertools import product

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from pixelwise.errors import InputError
from pixelwise.ops.roi_align import _roi_align, roi_align
from references.roi import roi_align_by_hand

CASES = list(product([-1, 1, 2, 3], [False, True], [1.0, 0.5]))


def some_regions(number: int, images: int = 2, dtype: torch.dtype = torch.float64, ordered: bool = True) -> Tensor:
    """Regions in and around an image of about ten pixels."""
    corners = torch.randn(number, 4, dtype=dtype) * 6 + 5
    if ordered:
        corners = torch.cat([corners[:, :2].minimum(corners[:, 2:]), corners[:, :2].maximum(corners[:, 2:])], 1)
    return torch.cat([torch.randint(0, images, (number, 1)).to(dtype), corners], 1)


@pytest.mark.parametrize(("ratio", "aligned", "scale"), CASES)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_values_equal_the_definition(ratio: int, aligned: bool, scale: float, layout: torch.memory_format) -> None:
    features = torch.randn(2, 3, 9, 11, dtype=torch.float64).contiguous(memory_format=layout)
    regions = some_regions(6, ordered=aligned and ratio < 1)
    out = roi_align(features, regions, (3, 2), scale, ratio, aligned)
    expected = roi_align_by_hand(features.numpy(), regions.numpy(), (3, 2), scale, ratio, aligned)
    assert_close(out, torch.from_numpy(expected))
    assert out.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (6, 1)])
def test_features_of_one_pixel_width(size: tuple[int, int]) -> None:
    features, regions = torch.randn(1, 2, *size, dtype=torch.float64), some_regions(8, 1)
    expected = roi_align_by_hand(features.numpy(), regions.numpy(), (2, 2), 1.0, -1, True)
    assert_close(roi_align(features, regions, 2, aligned=True), torch.from_numpy(expected))


@pytest.mark.parametrize(("aligned", "first", "last"), [(False, 7.5, 16.5), (True, 4.5, 13.5)])
def test_detectron2s_ramp(aligned: bool, first: float, last: float) -> None:
    ramp = torch.arange(25.0).view(1, 1, 5, 5)
    out = roi_align(ramp, torch.tensor([[0.0, 1, 1, 3, 3]]), 4, 1.0, 0, aligned)
    rows = torch.arange(4.0)[:, None] * 2.5 + torch.arange(4.0) * 0.5 + first
    assert torch.equal(out[0, 0], rows)
    assert out[0, 0, -1, -1] == last


def test_an_empty_box_gives_zeros_and_no_gradient() -> None:
    features = torch.rand(1, 1, 5, 5, requires_grad=True)
    out = roi_align(features, torch.tensor([[0.0, 3, 4, 5, 4]]), 7, 1.0, 0, aligned=True)
    assert torch.equal(out, torch.zeros(1, 1, 7, 7))
    out.sum().backward()
    assert torch.equal(features.grad, torch.zeros(1, 1, 5, 5))


@pytest.mark.parametrize("shape", [(0, 3, 7, 7), (2, 3, 0, 4), (2, 0, 7, 7), (2, 3, 7, 7)])
def test_no_boxes_give_no_results_and_zero_gradient(shape: tuple[int, ...]) -> None:
    features = torch.rand(shape, requires_grad=True)
    out = roi_align(features, torch.zeros(0, 5), (2, 3))
    assert out.shape == (0, shape[1], 2, 3)
    out.sum().backward()
    assert torch.equal(features.grad, torch.zeros(shape))


def test_no_channels() -> None:
    assert roi_align(torch.rand(1, 0, 7, 7), torch.tensor([[0.0, 0, 0, 3, 3]]), 2).shape == (1, 0, 2, 2)


def test_a_list_holds_the_boxes_of_each_image() -> None:
    features = torch.rand(3, 2, 8, 8)
    boxes = [torch.tensor([[0.0, 0, 4, 4], [1, 1, 7, 6]]), torch.zeros(0, 4), torch.tensor([[2.0, 2, 5, 5]])]
    table = torch.tensor([[0.0, 0, 0, 4, 4], [0, 1, 1, 7, 6], [2, 2, 2, 5, 5]])
    assert torch.equal(roi_align(features, boxes, 3), roi_align(features, table, 3))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize(("ratio", "column", "aligned"), list(product([-1, 2], [1, 2, 3, 4], [False, True])))
def test_a_box_that_is_not_finite_gives_zeros(bad: float, ratio: int, column: int, aligned: bool) -> None:
    features, regions = torch.rand(1, 2, 6, 6, requires_grad=True), torch.tensor([[0.0, 1, 1, 4, 4]]).repeat(2, 1)
    regions[0, column] = bad
    out = roi_align(features, regions, 2, 1.0, ratio, aligned)
    assert torch.equal(out[0], torch.zeros(2, 2, 2))
    assert torch.equal(out[1:], roi_align(features, regions[1:], 2, 1.0, ratio, aligned))
    assert torch.autograd.grad(out.sum(), features)[0].isfinite().all()


@pytest.mark.parametrize("far", [1e4, 1e6, 1e9, 1e30])
def test_a_huge_box_costs_no_more_than_the_image(far: float) -> None:
    regions = torch.tensor([[0, -far, -far, far, far]])
    out = roi_align(torch.ones(1, 1, 8, 8), regions, 2)
    # The image is a vanishing part of each bin.
    assert (out >= 0).all()
    assert out.max() <= 2 * (10 / far) ** 2


@pytest.mark.parametrize("side", [13.0, 50.0])
def test_a_box_larger_than_the_image_equals_the_definition(side: float) -> None:
    features = torch.randn(1, 1, 5, 4, dtype=torch.float64)
    regions = torch.tensor([[0, -side, -side / 2, side, side], [0, 1, 1, 1.5, 1.25]], dtype=torch.float64)
    expected = roi_align_by_hand(features.numpy(), regions.numpy(), (2, 3), 1.0, -1, True)
    assert_close(roi_align(features, regions, (2, 3), aligned=True), torch.from_numpy(expected))


def test_boxes_off_the_image_give_zeros() -> None:
    regions = torch.tensor([[0.0, 20, 20, 30, 30], [0, -30, -30, -20, -20]])
    assert torch.equal(roi_align(torch.rand(1, 2, 6, 6), regions, 2), torch.zeros(2, 2, 2, 2))


def test_a_spoilt_pixel_spoils_only_the_bins_that_read_it() -> None:
    features = torch.rand(1, 1, 8, 8)
    features[0, 0, 0, 0] = torch.nan
    regions = torch.tensor([[0.0, 4, 4, 7, 7], [0, 0, 0, 4, 4], [0, 2, 2, 7, 7]])
    out = roi_align(features, regions, 2, sampling_ratio=2, aligned=True)
    assert out.isnan().flatten(1).sum(1).tolist() == [0, 1, 0]


def test_regions_of_different_sizes_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    sides = torch.tensor([1.0, 60, 3, 30, 2, 62, 5, 14], dtype=torch.float64)
    regions = torch.stack([torch.zeros(8), torch.ones(8), torch.ones(8), 1 + sides, 1 + sides], 1).double()
    for layout in (torch.contiguous_format, torch.channels_last):
        features = torch.randn(1, 2, 64, 64, dtype=torch.float64).contiguous(memory_format=layout)
        expected = torch.cat([roi_align(features, regions[k : k + 1], 2) for k in range(8)])
        assert_close(roi_align(features, regions, 2), expected)
        monkeypatch.setattr("pixelwise.ops.roi_bins.MOST_TAPS", 600)
        assert_close(roi_align(features, regions, 2), expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_rounds_only_the_result(dtype: torch.dtype) -> None:
    features = torch.rand(2, 4, 30, 30).to(dtype).requires_grad_()
    regions = some_regions(20, dtype=torch.float32)
    for boxes in (regions, regions.to(dtype)):
        out = roi_align(features, boxes, 7)
        assert out.dtype == dtype
        assert_close(out, roi_align(features.float(), boxes.float(), 7).to(dtype))
        (grad,) = torch.autograd.grad(out, features, torch.ones_like(out))
        assert grad.dtype == dtype


@pytest.mark.parametrize(("ratio", "aligned"), list(product([-1, 2], [False, True])))
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gradients(ratio: int, aligned: bool, layout: torch.memory_format) -> None:
    features = torch.rand(1, 3, 5, 5, dtype=torch.float64).contiguous(memory_format=layout).requires_grad_()
    regions = torch.tensor([[0, 0, 0, 4, 4], [0, 0, 2, 3, 4], [0, 2, 2, 4, 4]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: roi_align(x, regions, 2, 1.0, ratio, aligned), features)
    (grad,) = torch.autograd.grad(roi_align(features, regions, 2).sum(), features)
    assert grad.is_contiguous(memory_format=layout)


def test_boxes_get_no_gradient() -> None:
    features, regions = torch.rand(1, 1, 5, 5, requires_grad=True), torch.tensor([[0.0, 0, 0, 4, 4]]).requires_grad_()
    roi_align(features, regions, 2).sum().backward()
    assert regions.grad is None


def test_runs_agree_bit_for_bit() -> None:
    features, regions = torch.randn(2, 5, 40, 40, requires_grad=True), some_regions(200, dtype=torch.float32)
    regions[:, 1:] *= 3
    runs = []
    for threads in (1, 2, 2):
        torch.set_num_threads(threads)
        out = roi_align(features, regions, 7)
        runs.append((out, *torch.autograd.grad(out.sin().sum(), features)))
    assert all(torch.equal(a, b) for run in runs[1:] for a, b in zip(runs[0], run, strict=True))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((torch.rand(3, 5, 5), torch.zeros(1, 5), 2), r"float features of shape \(images"),
        ((torch.zeros(1, 3, 5, 5, dtype=torch.int32), torch.zeros(1, 5), 2), r"got torch.int32"),
        ((torch.rand(1, 3, 5, 5), torch.zeros(1, 4), 2), r"5 columns \(image, x0, y0, x1, y1\)"),
        ((torch.rand(1, 3, 5, 5), torch.zeros(1, 5).long(), 2), r"got torch.int64 of shape \(1, 5\)"),
        ((torch.rand(1, 3, 5, 5), [torch.zeros(1, 5)], 2), r"wanted boxes\[0\] as a float tensor with 4 columns"),
        ((torch.rand(2, 3, 5, 5), [torch.zeros(1, 4)], 2), r"each of the 2 images, got 1 tensors"),
        ((torch.rand(1, 3, 5, 5), torch.zeros(1, 5), 0), r"at least 1 x 1 .*, got 0 x 0"),
        ((torch.rand(1, 3, 5, 5), torch.zeros(1, 5), (1, 2, 3)), r"one or two numbers, got \(1, 2, 3\)"),
        ((torch.rand(1, 3, 0, 5), torch.zeros(1, 5), 2), r"wanted features with pixels"),
        ((torch.rand(2, 3, 5, 5), torch.tensor([[0.0] * 5, [2.0] * 5]), 2), r"from 0 to 1 .* got 2 in row 1"),
        ((torch.rand(2, 3, 5, 5), torch.tensor([[-1.0] * 5]), 2), r"got -1 in row 0"),
        ((torch.rand(2, 3, 5, 5), torch.tensor([[torch.nan] * 5]), 2), r"got nan in row 0"),
        ((torch.rand(1, 3, 5, 5), torch.zeros(1, 5, device="meta"), 2), r"boxes on cpu"),
    ],
)
def test_refusals(arguments: tuple[object, ...], text: str) -> None:
    # The shape checker would refuse some of these first, with its own words.
    with pytest.raises(InputError, match=text):
        getattr(roi_align, "__wrapped__", roi_align)(*arguments)


@pytest.mark.compile
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_compiles_without_a_break(layout: torch.memory_format) -> None:
    features = torch.rand(2, 3, 12, 12).contiguous(memory_format=layout).requires_grad_()
    regions = some_regions(5, dtype=torch.float32)

    def twice(x: Tensor, boxes: Tensor) -> Tensor:
        return roi_align(x * 2, boxes, 3, 0.5, 2, True) * 2

    torch.compiler.reset()
    out, expected = (
        torch.compile(twice, fullgraph=True, backend="aot_eager")(features, regions),
        twice(features, regions),
    )
    assert_close(out, expected)
    assert_close(torch.autograd.grad(out.sum(), features), torch.autograd.grad(expected.sum(), features))


@pytest.mark.compile
def test_exports_as_one_named_node() -> None:
    class Head(torch.nn.Module):
        def forward(self, x: Tensor, boxes: Tensor) -> Tensor:
            return roi_align(x, boxes, 3, 0.5, 2, True)

    number = torch.export.Dim("number")
    arguments = (torch.rand(1, 3, 12, 12), some_regions(5, 1, torch.float32))
    program = torch.export.export(Head(), arguments, dynamic_shapes={"x": None, "boxes": {0: number}})
    calls = [node.target for node in program.graph.nodes if node.op == "call_function"]
    assert calls == [torch.ops.pixelwise.roi_align.default]
    more = some_regions(9, 1, torch.float32)
    assert_close(program.module()(arguments[0], more), roi_align(arguments[0], more, 3, 0.5, 2, True))


@pytest.mark.compile
def test_the_custom_ops_keep_torchs_rules() -> None:
    features, regions = torch.rand(2, 3, 8, 8, requires_grad=True), some_regions(4, dtype=torch.float32)
    torch.library.opcheck(_roi_align, (features, regions, 1.0, 2, 3, 2, False))
    last = features.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    torch.library.opcheck(_roi_align, (last, regions, 1.0, 2, 3, -1, True))


@pytest.mark.parametrize(("ratio", "aligned", "scale"), CASES)
def test_agrees_with_torchvision(ratio: int, aligned: bool, scale: float) -> None:
    torchvision = pytest.importorskip("torchvision")
    regions = some_regions(30, dtype=torch.float32, ordered=aligned and ratio < 1)
    ours = torch.rand(2, 4, 10, 12, requires_grad=True)
    theirs = ours.detach().clone().requires_grad_()
    out = roi_align(ours, regions, 5, scale, ratio, aligned)
    expected = torchvision.ops.roi_align(theirs, regions, 5, scale, ratio, aligned)
    assert_close(out, expected, atol=1e-5, rtol=0)
    grad = torch.rand_like(out)
    assert_close(torch.autograd.grad(out, ours, grad), torch.autograd.grad(expected, theirs, grad), atol=2e-5, rtol=0)

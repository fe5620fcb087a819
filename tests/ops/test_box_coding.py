"""Deltas and back: round trips, the clamp, and pairs that have no delta."""

import math
from inspect import unwrap

import pytest
import torch

from pixelwise.errors import InputError
from pixelwise.ops.box_coding import decode_boxes, encode_boxes
from pixelwise.ops.boxes import clip_boxes_to_image, remove_small_boxes
from references import boxes as slow

NAN, INF = float("nan"), float("inf")
FAST_RCNN = (10.0, 10.0, 5.0, 5.0)


def _boxes(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    boxes = torch.rand(*shape, 4, dtype=dtype) * 50
    boxes[..., 2:] += boxes[..., :2] + 1
    return boxes


@pytest.mark.parametrize("weights", [(1, 1, 1, 1), FAST_RCNN])
def test_deltas_equal_the_slow_definition_and_lead_back(weights) -> None:
    boxes, anchors = _boxes(30), _boxes(30)
    deltas = encode_boxes(boxes, anchors, weights)
    expected = [slow.encode(b, a, weights) for b, a in zip(boxes.tolist(), anchors.tolist(), strict=True)]
    # The weights are float32 numbers, all of which are whole.
    torch.testing.assert_close(deltas, torch.tensor(expected, dtype=torch.float64))
    torch.testing.assert_close(decode_boxes(deltas, anchors, weights), boxes)


def test_values_by_hand() -> None:
    anchor, box = torch.tensor([[0.0, 0, 2, 4]]), torch.tensor([[0.0, 0, 4, 4]])
    assert encode_boxes(box, anchor, FAST_RCNN).tolist() == [pytest.approx([5, 0, 5 * math.log(2), 0])]
    assert decode_boxes(torch.tensor([[0.5, -0.25, math.log(2), 0]]), anchor).tolist() == [pytest.approx([0, -1, 4, 3])]


def test_growth_is_cut_at_the_published_limit() -> None:
    anchor = torch.tensor([[0.0, 0, 16, 16]])
    grown = decode_boxes(torch.tensor([[0.0, 0, 100, INF], [0, 0, -INF, -100]]), anchor)
    assert grown[0].tolist() == pytest.approx([-492, -492, 508, 508], abs=1e-3)
    assert grown[1].tolist() == [8, 8, 8, 8]
    weighted = decode_boxes(torch.tensor([[0.0, 0, 100, 0]]), anchor, FAST_RCNN)
    assert weighted[0, 2] - weighted[0, 0] == pytest.approx(1000, abs=1e-3)


def test_several_classes_share_an_anchor() -> None:
    deltas, anchors = torch.randn(6, 3, 4), _boxes(6, dtype=torch.float32)
    found = decode_boxes(deltas, anchors[:, None])
    for kind in range(3):
        assert torch.equal(found[:, kind], decode_boxes(deltas[:, kind], anchors))
    assert decode_boxes(torch.zeros(0, 3, 4), torch.zeros(0, 1, 4)).shape == (0, 3, 4)
    assert encode_boxes(torch.zeros(0, 4), torch.zeros(0, 4)).shape == (0, 4)


@pytest.mark.parametrize(
    "odd", [[1, 1, 1, 5], [1, 5, 5, 5], [5, 1, 1, 5], [NAN, 1, 5, 5], [1, 1, INF, 5], [-INF, -INF, INF, INF]]
)
def test_pairs_without_a_delta_give_zeros_and_no_gradient(odd: list[float]) -> None:
    boxes = torch.tensor([[1.0, 2, 3, 4], odd], requires_grad=True)
    anchors = torch.tensor([odd, [1.0, 2, 3, 4]], requires_grad=True)
    assert encode_boxes(boxes, anchors).tolist() == [[0] * 4] * 2
    encode_boxes(boxes, anchors).sum().backward()
    for tensor in (boxes, anchors):
        assert tensor.grad is not None
        assert tensor.grad.tolist() == [[0] * 4] * 2


def test_decoded_nan_is_dropped_by_the_filter() -> None:
    anchors = torch.tensor([[0.0, 0, 9, 9]]).expand(4, 4)
    deltas = torch.tensor([[NAN, 0, 0, 0], [0, 0, 0, NAN], [INF, 0, 0, 0], [0.0, 0, 0, 0]])
    found = decode_boxes(deltas, anchors)
    assert found.isfinite().all(-1).tolist() == [False, False, False, True]
    assert remove_small_boxes(clip_boxes_to_image(found, (20, 20)), 1).tolist() == [3]


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_half_precision_deltas_do_not_round_the_anchors(half: torch.dtype) -> None:
    anchors = torch.tensor([[3001.0, 2999, 3017, 3015]])
    found = decode_boxes(torch.zeros(1, 4, dtype=half), anchors)
    assert torch.equal(found, anchors)
    assert encode_boxes(anchors, anchors).dtype == torch.float32
    assert decode_boxes(torch.zeros(1, 4, dtype=half), anchors.to(half)).dtype == half


def test_gradients() -> None:
    boxes, anchors = _boxes(3).requires_grad_(), _boxes(3).requires_grad_()
    assert torch.autograd.gradcheck(encode_boxes, (boxes, anchors))
    deltas = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(decode_boxes, (deltas, anchors))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: unwrap(encode_boxes)(torch.zeros(3, 4).long(), torch.zeros(3, 4)), "torch.int64 (3, 4)"),
        (lambda: unwrap(encode_boxes)(torch.zeros(3, 4), torch.zeros(2, 4)), "wanted boxes and anchors as floats"),
        (lambda: unwrap(decode_boxes)(torch.zeros(3, 8), torch.zeros(3, 4)), "wanted deltas as numbers"),
        (lambda: unwrap(decode_boxes)(torch.zeros(3, 2, 4), torch.zeros(3, 4)), "anchors[:, None]"),
        (lambda: decode_boxes(torch.zeros(3, 4), torch.zeros(3, 4), (1, 1, 1)), "four positive weights, got (1, 1, 1)"),
        (lambda: decode_boxes(torch.zeros(3, 4), torch.zeros(3, 4), (0, 1, 1, 1)), "four positive weights"),
        (lambda: decode_boxes(torch.zeros(3, 4), torch.zeros(3, 4), (NAN, 1, 1, 1)), "four positive weights"),
        (lambda: decode_boxes(torch.zeros(3, 4), torch.zeros(3, 4, device="meta")), "(3, 4) on meta"),
    ],
)
def test_what_cannot_be_coded_is_named(call, text: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert text in str(caught.value)


@pytest.mark.compile
@pytest.mark.parametrize("work", [encode_boxes, decode_boxes])
def test_compile_and_export_pass_through(work) -> None:
    boxes, anchors = _boxes(5, dtype=torch.float32), _boxes(5, dtype=torch.float32)
    compiled = torch.compile(work, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(boxes, anchors), work(boxes, anchors))

    class Module(torch.nn.Module):
        def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            return work(a, b, FAST_RCNN)

    n = torch.export.Dim("n", min=2)
    program = torch.export.export(Module(), (boxes, anchors), dynamic_shapes=({0: n}, {0: n}))
    more = _boxes(9, dtype=torch.float32)
    torch.testing.assert_close(program.module()(more, more.flip(0)), work(more, more.flip(0), FAST_RCNN))


def test_agreement_with_torchvision() -> None:
    pytest.importorskip("torchvision")
    from torchvision.models.detection._utils import BoxCoder  # noqa: PLC0415

    coder = BoxCoder(FAST_RCNN)
    boxes, anchors = _boxes(100, dtype=torch.float32), _boxes(100, dtype=torch.float32)
    deltas = encode_boxes(boxes, anchors, FAST_RCNN)
    torch.testing.assert_close(deltas, coder.encode_single(boxes, anchors), atol=1e-5, rtol=1e-5)
    wild = torch.randn(100, 4) * 10
    torch.testing.assert_close(
        decode_boxes(wild, anchors, FAST_RCNN), coder.decode_single(wild, anchors), rtol=1e-6, atol=1e-5
    )

"""Pairwise overlaps against plain Python, by hand, on degenerate boxes, and in every precision."""

import math
from collections.abc import Callable
from inspect import unwrap

import pytest
import torch

from pixelwise.errors import InputError
from pixelwise.ops.box_overlap import box_iou, complete_box_iou, distance_box_iou, generalized_box_iou
from references import boxes as slow

NAN, INF = float("nan"), float("inf")
PAIRS = [
    (box_iou, slow.iou),
    (generalized_box_iou, slow.giou),
    (distance_box_iou, slow.diou),
    (complete_box_iou, slow.ciou),
]
ALL = [fast for fast, _ in PAIRS]
WHOLE = torch.tensor([[0, 0, 100, 100], [0, 0, 50, 50], [200, 200, 300, 300], [0, 0, 25, 25]])
FRACTIONS = torch.tensor(
    [
        [285.3538, 185.5758, 1193.5110, 851.4551],
        [285.1472, 188.7374, 1192.4984, 851.0669],
        [279.2440, 197.9812, 1189.4746, 849.2019],
    ]
)
EXACT = {torch.float64: 1e-7, torch.float32: 1e-5, torch.int64: 1e-5, torch.int32: 1e-5}


def _expected(one: Callable[..., float], boxes: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """All pairs, from the values as they are after rounding to the boxes' dtype."""
    rows = [[one(a, b) for b in others.double().tolist()] for a in boxes.double().tolist()]
    return torch.tensor(rows, dtype=torch.float64)


@pytest.mark.parametrize(("fast", "one"), PAIRS)
@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32]
)
@pytest.mark.parametrize("boxes", [WHOLE, FRACTIONS])
def test_all_pairs_equal_the_slow_definition(fast, one, dtype: torch.dtype, boxes: torch.Tensor) -> None:
    boxes = boxes.to(dtype)
    found = fast(boxes, boxes[:3])
    assert found.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    torch.testing.assert_close(found.double(), _expected(one, boxes, boxes[:3]), atol=EXACT.get(dtype, 1e-5), rtol=0)


@pytest.mark.parametrize(("fast", "one"), PAIRS)
def test_random_boxes_in_batches_and_any_layout(fast, one) -> None:
    boxes = torch.rand(2, 3, 20, 4, dtype=torch.float64)
    boxes[..., 2:] += boxes[..., :2] + 0.01
    others = boxes.flip(-2)[..., :7, :]
    found = fast(boxes, others)
    assert found.shape == (2, 3, 20, 7)
    torch.testing.assert_close(found[1, 2], _expected(one, boxes[1, 2], others[1, 2]), atol=1e-6, rtol=0)
    strided = boxes.transpose(-1, -2).contiguous().transpose(-1, -2)
    assert torch.equal(fast(strided, others), found)


def test_values_by_hand() -> None:
    a, b = torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[1.0, 0, 3, 2]])
    assert box_iou(a, b).item() == pytest.approx(2 / 6)
    assert generalized_box_iou(a, b).item() == pytest.approx(2 / 6)
    assert distance_box_iou(a, b).item() == pytest.approx(2 / 6 - 1 / 13)
    far = torch.tensor([[4.0, 0, 6, 2]])
    assert generalized_box_iou(a, far).item() == pytest.approx(-4 / 12)
    assert distance_box_iou(a, far).item() == pytest.approx(-16 / 40)
    flat = torch.tensor([[0.0, 0, 2, 1]])
    aspect = 4 / math.pi**2 * (math.atan(1) - math.atan(2)) ** 2
    expected = 0.5 - 0.25 / 8 - aspect**2 / (0.5 + aspect)
    assert complete_box_iou(a, flat).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("fast", ALL)
def test_no_boxes_give_empty_matrices(fast) -> None:
    assert fast(torch.zeros(0, 4), torch.rand(3, 4)).shape == (0, 3)
    assert fast(torch.rand(3, 4), torch.zeros(0, 4)).shape == (3, 0)
    assert fast(torch.zeros(2, 0, 4), torch.zeros(2, 0, 4)).shape == (2, 0, 0)


def test_boxes_without_area_reversed_nan_and_infinite_overlap_nothing() -> None:
    odd = torch.tensor(
        [
            [1.0, 1, 1, 1],
            [0, 0, 0, 9],
            [3, 3, 1, 1],
            [3, 1, 1, 3],
            [NAN, 0, 2, 2],
            [0, 0, INF, 2],
            [-INF, -INF, INF, INF],
        ]
    )
    normal = torch.tensor([[0.0, 0, 4, 4]])
    assert box_iou(odd, normal).flatten().tolist() == [0] * 7
    assert not box_iou(odd, odd).any()
    assert torch.equal(box_iou(odd.half(), odd.half()), torch.zeros(7, 7))


def test_points_and_reversed_boxes_have_finite_extensions() -> None:
    point = torch.tensor([[1.0, 1, 1, 1]])
    for fast in ALL[1:]:
        assert fast(point, point).item() == 0
        assert fast(point, torch.tensor([[3.0, 3, 1, 1], [0, 0, 0, 5], [7, 7, 7, 7]])).isfinite().all()
    assert generalized_box_iou(point, torch.tensor([[3.0, 1, 5, 3]])).item() == pytest.approx(-0.5)


@pytest.mark.parametrize("fast", ALL[1:])
@pytest.mark.parametrize("bad", [NAN, INF])
def test_nan_and_infinity_show_in_the_extensions(fast, bad: float) -> None:
    found = fast(torch.tensor([[0.0, 0, bad, 2], [0, 0, 1, 1]]), torch.tensor([[0.0, 0, 1, 1]]))
    assert found.isnan().tolist() == [[True], [False]]


@pytest.mark.parametrize("fast", ALL)
def test_gradients(fast) -> None:
    boxes = torch.rand(4, 4, dtype=torch.float64)
    boxes[:, 2:] += boxes[:, :2] + 0.1
    others = (torch.rand(3, 4, dtype=torch.float64) + torch.tensor([0, 0, 1.5, 1.5])).requires_grad_()
    # The weight of CIoU's last term is constant by definition, so it has no numerical twin.
    if fast is not complete_box_iou:
        assert torch.autograd.gradcheck(fast, (boxes.requires_grad_(), others))
    degenerate = torch.tensor([[1.0, 1, 1, 1], [0, 0, 0, 4], [3, 3, 1, 1], [0, 0, 2, 2]], requires_grad=True)
    fast(degenerate, degenerate).sum().backward()
    assert degenerate.grad is not None
    assert degenerate.grad.isfinite().all()


@pytest.mark.parametrize(("fast", "one"), PAIRS)
def test_blocks_of_rows_change_nothing(fast, one) -> None:
    boxes, others = torch.rand(2, 501, 4), torch.rand(2, 300, 4)
    boxes[..., 2:] += boxes[..., :2]
    others[..., 2:] += others[..., :2]
    found = fast(boxes, others)
    assert torch.equal(found, fast(boxes.clone().requires_grad_(), others).detach())
    assert torch.equal(found, fast(boxes, others))
    torch.testing.assert_close(
        found[1, 500, 299].item(), one(boxes[1, 500].tolist(), others[1, 299].tolist()), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("fmt", ["xywh", "cxcywh"])
def test_other_formats(fmt: str) -> None:
    ours = {"xywh": [[0, 0, 2, 2], [1, 0, 2, 2]], "cxcywh": [[1, 1, 2, 2], [2, 1, 2, 2]]}[fmt]
    for dtype in (torch.float32, torch.float16, torch.int64):
        boxes = torch.tensor(ours, dtype=dtype)
        assert box_iou(boxes[:1], boxes[1:], fmt).item() == pytest.approx(1 / 3)


def test_large_integers_do_not_wrap() -> None:
    side = 3_000_000_000  # its square exceeds int64
    boxes = torch.tensor([[0, 0, side, side], [0, 0, side, side // 2]])
    assert box_iou(boxes[:1], boxes[1:]).item() == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: unwrap(box_iou)(torch.zeros(3, 4), torch.zeros(3)), "wanted boxes2 as numbers of shape (..., 4)"),
        (lambda: unwrap(box_iou)(torch.zeros(4), torch.zeros(3, 4)), "one box is a set of shape (1, 4)"),
        (lambda: unwrap(generalized_box_iou)(torch.zeros(2, 3, 4), torch.zeros(3, 4)), "(2, 3, 4) on cpu and (3, 4)"),
        (lambda: box_iou(torch.zeros(1, 4), torch.zeros(1, 4, device="meta")), "on cpu and (1, 4) on meta"),
        (lambda: box_iou(torch.zeros(1, 4), torch.zeros(1, 4), "xywhr"), "'xywhr'"),
        (lambda: unwrap(complete_box_iou)(torch.zeros(1, 4).bool(), torch.zeros(1, 4)), "torch.bool"),
        (lambda: unwrap(distance_box_iou)(torch.zeros(1, 5), torch.zeros(1, 5)), "(1, 5)"),
    ],
)
def test_what_cannot_be_paired_is_named(call, text: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert text in str(caught.value)


@pytest.mark.compile
@pytest.mark.parametrize("fast", ALL)
def test_compile_and_export_pass_through(fast) -> None:
    boxes, others = torch.rand(5, 4), torch.rand(7, 4) + torch.tensor([0, 0, 1, 1])
    assert torch.allclose(
        torch.compile(fast, fullgraph=True, backend="aot_eager")(boxes, others), fast(boxes, others), atol=1e-6
    )

    class Module(torch.nn.Module):
        def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            return fast(a, b)

    n, m = torch.export.Dim("n"), torch.export.Dim("m")
    program = torch.export.export(Module(), (boxes, others), dynamic_shapes=({0: n}, {0: m}))
    assert torch.allclose(program.module()(others, boxes), fast(others, boxes), atol=1e-6)


@pytest.mark.parametrize("name", ["box_iou", "generalized_box_iou", "distance_box_iou", "complete_box_iou"])
def test_agreement_with_torchvision(name: str) -> None:
    theirs = getattr(pytest.importorskip("torchvision").ops, name)
    fast = next(one for one in ALL if one.__name__ == name)
    boxes = torch.rand(200, 4) * 50
    boxes[:, 2:] += boxes[:, :2]
    torch.testing.assert_close(fast(boxes, boxes[:90]), theirs(boxes, boxes[:90]), atol=1e-5, rtol=0)

"""Areas, formats, clipping and small boxes: hand-worked values, degenerate boxes, named errors."""

from inspect import unwrap

import pytest
import torch

from pixelwise.errors import InputError
from pixelwise.ops.boxes import FORMATS, box_area, box_convert, clip_boxes_to_image, remove_small_boxes
from references import boxes as slow

NAN, INF = float("nan"), float("inf")
PROPER = torch.tensor([[0, 0, 100, 100], [0, 0, 0, 0], [10, 15, 30, 35], [23, 35, 93, 95]], dtype=torch.float)
CORNER_AND_SIZE = torch.tensor([[0, 0, 100, 100], [0, 0, 0, 0], [10, 15, 20, 20], [23, 35, 70, 60]], dtype=torch.float)
CENTRE_AND_SIZE = torch.tensor(
    [[50, 50, 100, 100], [0, 0, 0, 0], [20, 25, 20, 20], [58, 65, 70, 60]], dtype=torch.float
)
IN_FORMAT = dict(zip(FORMATS, (PROPER, CORNER_AND_SIZE, CENTRE_AND_SIZE), strict=True))


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int32])
def test_area_of_every_format_and_dtype(fmt: str, dtype: torch.dtype) -> None:
    area = box_area(IN_FORMAT[fmt].to(dtype), fmt)
    assert area.dtype == {torch.float64: torch.float64, torch.int32: torch.int64}.get(dtype, torch.float32)
    assert area.tolist() == [10000, 0, 400, 4200]


def test_area_does_not_overflow_half_precision_or_wrap_bytes() -> None:
    assert box_area(torch.tensor([[0, 0, 1000, 1000]], dtype=torch.float16)).tolist() == [1_000_000]
    assert box_area(torch.tensor([[10, 10, 250, 250], [250, 0, 10, 10]], dtype=torch.uint8)).tolist() == [57600, 0]


def test_area_of_degenerate_boxes() -> None:
    boxes = torch.tensor([[5.0, 5, 1, 9], [5, 5, 1, 1], [0, 0, INF, 1], [NAN, 0, 1, 1]])
    assert box_area(boxes)[:3].tolist() == [0, 0, INF]
    assert box_area(boxes)[3].isnan()


def test_area_keeps_batch_axes_and_differs_from_no_definition() -> None:
    boxes = torch.randn(2, 3, 5, 4, dtype=torch.float64)
    expected = [slow.area(box) for box in boxes.reshape(-1, 4).tolist()]
    assert box_area(boxes).flatten().tolist() == pytest.approx(expected)
    assert box_area(boxes).shape == (2, 3, 5)
    assert box_area(torch.zeros(0, 4)).shape == (0,)
    proper = torch.cat([boxes[..., :2], boxes[..., :2] + boxes[..., 2:].abs() + 1], dim=-1).requires_grad_()
    assert torch.autograd.gradcheck(box_area, proper)


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("start", FORMATS)
def test_every_format_becomes_every_other(start: str, to: str) -> None:
    given = IN_FORMAT[start].clone()
    converted = box_convert(given, start, to)
    assert torch.equal(converted, IN_FORMAT[to])
    assert converted.data_ptr() != given.data_ptr()
    assert torch.equal(given, IN_FORMAT[start])
    strided = given.t().contiguous().t()
    assert torch.equal(box_convert(strided, start, to), IN_FORMAT[to])
    assert box_convert(given.half(), start, to).dtype == torch.float16
    assert torch.autograd.gradcheck(lambda boxes: box_convert(boxes, start, to), given.double().requires_grad_())


def test_integers_stay_whole_except_for_centres() -> None:
    boxes = torch.tensor([[1, 1, 4, 3]], dtype=torch.int32)
    assert box_convert(boxes, "xyxy", "xywh").tolist() == [[1, 1, 3, 2]]
    assert box_convert(boxes, "xyxy", "xywh").dtype == torch.int64
    assert box_convert(boxes, "xyxy", "cxcywh").tolist() == [[2.5, 2.0, 3.0, 2.0]]
    assert box_convert(torch.tensor([[200, 0, 100, 9]], dtype=torch.uint8), "xywh", "xyxy").tolist() == [
        [200, 0, 300, 9]
    ]


def test_reversed_infinite_and_empty_boxes_convert() -> None:
    assert box_convert(torch.tensor([[4.0, 3, 1, 1]]), "xyxy", "xywh").tolist() == [[4, 3, -3, -2]]
    assert box_convert(torch.tensor([[0.0, 0, INF, 1]]), "xyxy", "cxcywh").tolist() == [[INF, 0.5, INF, 1]]
    assert box_convert(torch.zeros(2, 0, 4), "xyxy", "cxcywh").shape == (2, 0, 4)


def test_clipping_moves_coordinates_to_the_border() -> None:
    boxes = torch.tensor([[-5.0, -6, 300, 200], [10, 20, 30, 40], [-9, 0, -3, 5], [-INF, 2, INF, 3], [9, 9, 2, 2]])
    clipped = clip_boxes_to_image(boxes, (100, 150))
    assert clipped.tolist() == [[0, 0, 150, 100], [10, 20, 30, 40], [0, 0, 0, 5], [0, 2, 150, 3], [9, 9, 2, 2]]
    assert clip_boxes_to_image(torch.tensor([[NAN, 0, 200.0, 1]]), (10, 10)).isnan().tolist() == [
        [True, False, False, False]
    ]
    assert clip_boxes_to_image(boxes.long().clamp(-50, 500)[:2], (100, 150)).tolist() == clipped[:2].tolist()
    assert clip_boxes_to_image(torch.zeros(3, 0, 4), (5, 5)).shape == (3, 0, 4)
    assert clip_boxes_to_image(boxes.half(), (100, 150)).dtype == torch.float16


def test_small_reversed_and_nan_boxes_are_left_out_in_order() -> None:
    boxes = torch.tensor([[0.0, 0, 5, 5], [0, 0, 5, 1], [0, 0, 2, 2], [5, 5, 0, 0], [0, 0, NAN, 9], [1, 1, INF, 4]])
    assert remove_small_boxes(boxes, 2).tolist() == [0, 2, 5]
    assert remove_small_boxes(boxes, 0).tolist() == [0, 1, 2, 5]
    assert remove_small_boxes(boxes, -9).tolist() == [0, 1, 2, 5]
    assert remove_small_boxes(boxes, 2.5).dtype == torch.int64
    assert remove_small_boxes(torch.zeros(0, 4), 1).shape == (0,)
    assert remove_small_boxes(torch.zeros(2, 4, dtype=torch.uint8), 0).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: unwrap(box_area)(torch.zeros(3, 5)),
            "wanted boxes as numbers of shape (..., 4), got torch.float32 of",
        ),
        (lambda: unwrap(box_area)(torch.tensor(1.0)), "torch.zeros(0, 4)"),
        (lambda: unwrap(box_area)(torch.zeros(3, 4, dtype=torch.bool)), "torch.bool"),
        (lambda: box_area(torch.zeros(3, 4), "xyxyxyxy"), "xyxy, xywh, cxcywh, got 'xyxyxyxy'"),
        (lambda: box_convert(torch.zeros(3, 4), "xyxy", "cxcywhr"), "'cxcywhr'"),
        (lambda: box_convert(torch.zeros(3, 4), "XYXY", "xyxy"), "'XYXY'"),
        (lambda: clip_boxes_to_image(torch.zeros(3, 4), (-1, 4)), "got (-1, 4)"),
        (lambda: unwrap(remove_small_boxes)(torch.zeros(3), 1), "(3,)"),
    ],
)
def test_what_is_no_box_is_named(call, text: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert text in str(caught.value)


@pytest.mark.compile
def test_compile_and_export_pass_through() -> None:
    def work(boxes: torch.Tensor) -> torch.Tensor:
        moved = clip_boxes_to_image(box_convert(boxes, "cxcywh", "xyxy"), (50, 60))
        return box_area(moved) + moved.sum(-1)

    boxes = torch.rand(7, 4) * 60
    assert torch.allclose(torch.compile(work, fullgraph=True, backend="aot_eager")(boxes), work(boxes))
    with torch._dynamo.config.patch(capture_dynamic_output_shape_ops=True):
        small = torch.compile(remove_small_boxes, fullgraph=True, backend="aot_eager")(boxes, 20.0)
    assert torch.equal(small, remove_small_boxes(boxes, 20.0))

    class Module(torch.nn.Module):
        def forward(self, boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return work(boxes), remove_small_boxes(boxes, 20.0)

    program = torch.export.export(Module(), (boxes,), dynamic_shapes={"boxes": {0: torch.export.Dim("n", min=2)}})
    more = torch.rand(12, 4) * 60
    for found, wanted in zip(program.module()(more), Module()(more), strict=True):
        assert torch.allclose(found, wanted)


def test_agreement_with_torchvision() -> None:
    ops = pytest.importorskip("torchvision").ops
    boxes = torch.rand(100, 4) * 50
    boxes[:, 2:] += boxes[:, :2]
    assert torch.equal(box_area(boxes), ops.box_area(boxes))
    assert torch.equal(clip_boxes_to_image(boxes, (40, 60)), ops.clip_boxes_to_image(boxes, (40, 60)))
    assert torch.equal(remove_small_boxes(boxes, 9), ops.remove_small_boxes(boxes, 9))
    for start in FORMATS:
        for to in FORMATS:
            assert torch.allclose(box_convert(boxes, start, to), ops.box_convert(boxes, start, to), atol=1e-5)

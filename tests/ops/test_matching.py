"""Matches: published literals, the slow definition, ties, crowds, truths that nothing overlaps."""

from inspect import unwrap

import pytest
import torch

from pixelwise.errors import InputError
from pixelwise.ops.box_overlap import box_iou
from pixelwise.ops.matching import BELOW, BETWEEN, match_boxes
from references import boxes as slow

NAN = float("nan")


def test_the_literal_of_detectron2() -> None:
    quality = torch.tensor([[0.15, 0.45, 0.2, 0.6], [0.3, 0.65, 0.05, 0.1], [0.05, 0.4, 0.25, 0.4]])
    # Its matches [1, 1, 2, 0] with labels [-1, 1, 0, 1] (left out, object, background, object).
    assert match_boxes(quality, high=0.7, low=0.3, rescue=True).tolist() == [BETWEEN, 1, BELOW, 0]
    assert match_boxes(quality, high=0.7, low=0.3).tolist() == [BETWEEN, BETWEEN, BELOW, BETWEEN]


@pytest.mark.parametrize("rescue", [False, True])
@pytest.mark.parametrize("thresholds", [(0.7, 0.3), (0.5, 0.5), (1, 0)])
@pytest.mark.parametrize("shape", [(1, 1), (4, 30), (30, 4), (0, 5), (5, 0), (0, 0)])
def test_all_cases_equal_the_slow_definition(shape, thresholds, rescue: bool) -> None:
    high, low = thresholds
    for _ in range(5):
        # Few values, so that ties and exact thresholds are frequent.
        quality = torch.randint(0, 11, shape) / 10
        found = match_boxes(quality, high, low, rescue)
        rows = torch.tensor([high, low]).tolist()
        assert found.tolist() == slow.match(quality.tolist(), rows[0], rows[1], rescue, shape[1])
        assert found.dtype == torch.int64


def test_a_rescued_box_gets_what_it_overlaps_most_itself() -> None:
    quality = torch.tensor([[0.2, 0.0], [0.25, 0.4]])
    assert match_boxes(quality, high=0.7, low=0.3, rescue=True).tolist() == [1, 1]


def test_every_one_of_equals_is_rescued() -> None:
    quality = torch.tensor([[0.2, 0.2, 0.1]])
    assert match_boxes(quality, high=0.7, low=0.3, rescue=True).tolist() == [0, 0, BELOW]


def test_a_true_box_that_nothing_overlaps_rescues_nothing() -> None:
    truth = torch.tensor([[5.0, 5, 5, 5], [0, 0, 10, 10]])
    boxes = torch.tensor([[0.0, 0, 10, 9], [50, 50, 60, 60], [1, 1, 3, 3]])
    assert match_boxes(box_iou(truth, boxes), 0.7, 0.3, rescue=True).tolist() == [1, BELOW, BELOW]


def test_nan_is_background_and_does_not_spread() -> None:
    quality = torch.tensor([[0.9, NAN, 0.1], [0.1, 0.9, 0.2]])
    assert match_boxes(quality, 0.7, 0.3).tolist() == [0, BELOW, BELOW]
    assert match_boxes(quality, 0.95, 0.3, rescue=True).tolist() == [BETWEEN, BELOW, BELOW]
    assert match_boxes(torch.full((2, 3), NAN), 0.7, 0.3, rescue=True).tolist() == [BELOW] * 3


def test_crowds_are_never_matched_but_are_no_background() -> None:
    quality = torch.tensor([[0.9, 0.9, 0.4, 0.1, 0.2], [0.1, 0.8, 0.2, 0.1, 0.25]])
    crowd = torch.tensor([True, False])
    assert match_boxes(quality, 0.7, 0.3, crowd=crowd).tolist() == [BETWEEN, 1, BETWEEN, BELOW, BELOW]
    weak = torch.tensor([[0.9, 0.9], [0.1, 0.2]])
    assert match_boxes(weak, 0.7, 0.3, rescue=True, crowd=crowd).tolist() == [BETWEEN, 1]
    only = match_boxes(quality, 0.7, 0.0, rescue=True, crowd=torch.tensor([True, True]))
    assert only.tolist() == [BETWEEN] * 5
    assert match_boxes(torch.zeros(0, 2), 0.7, 0.3, crowd=torch.zeros(0, dtype=torch.bool)).tolist() == [BELOW] * 2


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_every_precision(dtype: torch.dtype) -> None:
    quality = torch.tensor([[0.75, 0.5, 0.25]], dtype=dtype)
    assert match_boxes(quality, 0.75, 0.5, rescue=True).tolist() == [0, BETWEEN, BELOW]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: unwrap(match_boxes)(torch.zeros(3), 0.7, 0.3), "got torch.float32 of shape (3,)"),
        (lambda: unwrap(match_boxes)(torch.zeros(3, 2).long(), 0.7, 0.3), "box_iou(truth, boxes)"),
        (lambda: match_boxes(torch.zeros(3, 2), 0.3, 0.7), "low 0.7 and high 0.3"),
        (lambda: match_boxes(torch.zeros(3, 2), 0.3, NAN), "low nan"),
        (
            lambda: unwrap(match_boxes)(torch.zeros(3, 2), 0.7, 0.3, False, torch.zeros(2).bool()),
            "each of 3 true boxes",
        ),
        (lambda: unwrap(match_boxes)(torch.zeros(3, 2), 0.7, 0.3, False, torch.zeros(3)), "iscrowd.bool()"),
    ],
)
def test_what_cannot_be_matched_is_named(call, text: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert text in str(caught.value)


@pytest.mark.compile
def test_compile_and_export_pass_through() -> None:
    class Module(torch.nn.Module):
        def forward(self, quality: torch.Tensor, crowd: torch.Tensor) -> torch.Tensor:
            return match_boxes(quality, 0.7, 0.3, True, crowd)

    quality, crowd = torch.rand(4, 20), torch.rand(4) < 0.3
    expected = Module()(quality, crowd)
    assert torch.equal(torch.compile(Module(), fullgraph=True, backend="aot_eager")(quality, crowd), expected)
    g, n = torch.export.Dim("g", min=2), torch.export.Dim("n", min=2)
    program = torch.export.export(Module(), (quality, crowd), dynamic_shapes=({0: g, 1: n}, {0: g}))
    more, none = torch.rand(6, 31), torch.zeros(6, dtype=torch.bool)
    assert torch.equal(program.module()(more, none), Module()(more, none))


@pytest.mark.parametrize("rescue", [False, True])
def test_agreement_with_torchvision(rescue: bool) -> None:
    pytest.importorskip("torchvision")
    from torchvision.models.detection._utils import Matcher  # noqa: PLC0415

    quality = torch.rand(6, 300).pow(2)
    assert torch.equal(match_boxes(quality, 0.7, 0.3, rescue), Matcher(0.7, 0.3, rescue)(quality.clone()))

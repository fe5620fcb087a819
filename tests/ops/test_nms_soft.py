"""Soft suppression: its definition, hand-worked scores, gradients, odd input, refusals, tracing."""

from math import exp

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from pixelwise.errors import InputError
from pixelwise.ops.nms import nms
from pixelwise.ops.soft_nms import soft_nms
from references.nms import soft_nms_by_hand

NAN, INF = float("nan"), float("inf")


def crowded(count: int) -> tuple[Tensor, Tensor]:
    corner = torch.rand(count, 2, dtype=torch.float64) * 40
    sides = torch.rand(count, 2, dtype=torch.float64) * 30
    return torch.cat([corner, corner + sides], dim=1), torch.rand(count, dtype=torch.float64)


@pytest.mark.parametrize("method", ["gaussian", "linear"])
@pytest.mark.parametrize("lowest", [0.0, 0.001, 0.3])
def test_the_definition(method: str, lowest: float) -> None:
    boxes, scores = crowded(60)
    keep, lowered = soft_nms(boxes, scores, method, 0.4, 0.25, lowest)  # type: ignore[arg-type]
    expected = soft_nms_by_hand(boxes.tolist(), scores.tolist(), method, 0.4, 0.25, lowest)
    assert keep.tolist() == [i for i, _ in expected]
    assert_close(lowered, torch.tensor([score for _, score in expected], dtype=torch.float64))
    assert (lowered.diff() <= 0).all()


def test_scores_by_hand() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 20], [50, 50, 60, 60]])  # the first two overlap by 1/2
    scores = torch.tensor([0.9, 0.8, 0.5])
    keep, lowered = soft_nms(boxes, scores)
    assert keep.tolist() == [0, 2, 1] if 0.8 * exp(-0.5) < 0.5 else [0, 1, 2]
    assert_close(lowered, torch.tensor([0.9, 0.5, 0.8 * exp(-(0.5**2) / 0.5)]))
    keep, lowered = soft_nms(boxes, scores, "linear", iou_threshold=0.6)
    assert keep.tolist() == [0, 1, 2]
    assert_close(lowered, scores)
    assert soft_nms(boxes, scores, max_output=1)[0].tolist() == [0]
    assert soft_nms(boxes, scores, score_threshold=0.6)[0].tolist() == [0]


def test_a_narrow_gaussian_is_hard_suppression_of_every_overlap() -> None:
    boxes, scores = crowded(60)
    assert soft_nms(boxes, scores, sigma=1e-9)[0].tolist() == nms(boxes, scores, 0.0).tolist()


def test_gradients_reach_the_scores() -> None:
    boxes, scores = crowded(12)
    scores = scores.requires_grad_()
    for method in ("gaussian", "linear"):
        assert torch.autograd.gradcheck(lambda s, m=method: soft_nms(boxes, s, m)[1], scores)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype: torch.dtype) -> None:
    boxes, scores = (part.to(dtype) for part in crowded(40))
    keep, lowered = soft_nms(boxes, scores)
    expected_keep, expected = soft_nms(boxes.float(), scores.float())
    assert torch.equal(keep, expected_keep)
    assert torch.equal(lowered, expected.to(dtype))


def test_odd_boxes_and_scores() -> None:
    sound = [0.0, 0, 10, 10]
    boxes = torch.tensor([sound, [NAN, 0, 10, 10], [9, 0, 1, 10], [0, 0, INF, 10], sound, sound])
    scores = torch.tensor([INF, 0.9, 0.8, 0.7, NAN, -INF])
    keep, lowered = soft_nms(boxes, scores, score_threshold=-INF)
    assert keep.tolist() == [0, 1, 2, 3]
    assert lowered.tolist() == pytest.approx([torch.finfo(torch.float32).max, 0.9, 0.8, 0.7])


def test_no_boxes_and_none_above_the_threshold() -> None:
    for boxes, scores in ((torch.zeros(0, 4), torch.zeros(0)), (torch.rand(3, 4), torch.zeros(3))):
        keep, lowered = soft_nms(boxes, scores)
        assert keep.shape == lowered.shape == (0,)
        assert keep.dtype == torch.int64


def test_refusals() -> None:
    unchecked = getattr(soft_nms, "__wrapped__", soft_nms)
    boxes, scores = torch.rand(3, 4), torch.rand(3)
    with pytest.raises(InputError, match=r'wanted the method "gaussian" or "linear", got "hard"\nhint: .*call nms'):
        unchecked(boxes, scores, "hard")
    for sigma in (0.0, -1.0, NAN):
        with pytest.raises(InputError, match=rf"wanted a sigma above 0, got {sigma}\nhint: the paper"):
            unchecked(boxes, scores, sigma=sigma)
    with pytest.raises(InputError, match="wanted 3 float scores"):
        unchecked(boxes, scores[:2])
    with pytest.raises(InputError, match="wanted an iou_threshold from 0 to 1, got 2"):
        unchecked(boxes, scores, iou_threshold=2.0)


@pytest.mark.compile
def test_compile_and_export() -> None:
    class Lower(torch.nn.Module):
        def forward(self, boxes: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
            keep, lowered = soft_nms(boxes, scores)
            return boxes[keep], lowered

    inputs = crowded(20)
    expected = Lower()(*inputs)
    compiled = torch.compile(Lower(), fullgraph=True, backend="aot_eager")(*inputs)
    exported = torch.export.export(Lower(), inputs).module()(*inputs)
    for results in (compiled, exported):
        for ours, theirs in zip(results, expected, strict=True):
            assert_close(ours, theirs)

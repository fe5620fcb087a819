"""Boxes around masks and overlaps of masks, against loops over pixels."""

from inspect import unwrap

import numpy as np
import pytest
import torch

from pixelwise.errors import InputError
from pixelwise.ops import masks as module
from pixelwise.ops.masks import mask_iou, masks_to_boxes
from references import masks as slow


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float16, torch.float32])
def test_boxes_equal_the_slow_definition(dtype: torch.dtype) -> None:
    masks = (torch.rand(30, 7, 9) < torch.rand(30, 1, 1) ** 3).to(dtype)
    masks[0] = 0
    expected = [slow.mask_box(mask) for mask in masks.numpy()]
    assert masks_to_boxes(masks).tolist() == expected
    assert masks_to_boxes(masks.transpose(1, 2)).tolist() == [[y0, x0, y1, x1] for x0, y0, x1, y1 in expected]
    assert masks_to_boxes(masks).dtype == torch.float32


def test_ends_are_exclusive_and_empty_stacks_work() -> None:
    masks = torch.zeros(2, 4, 5, dtype=torch.bool)
    masks[0, 3, 4] = True
    assert masks_to_boxes(masks).tolist() == [[4, 3, 5, 4], [0, 0, 0, 0]]
    assert masks_to_boxes(torch.full((1, 2, 2), float("nan"))).tolist() == [[0, 0, 2, 2]]
    for shape in ((0, 3, 4), (2, 0, 4), (2, 3, 0)):
        assert masks_to_boxes(torch.zeros(shape)).tolist() == [[0] * 4] * shape[0]


@pytest.mark.parametrize("block", [2**18, 40, 1])
def test_overlaps_equal_the_slow_definition_in_blocks_too(block: int, monkeypatch) -> None:
    monkeypatch.setattr(module, "BLOCK", block)
    first, second = torch.rand(6, 8, 9) < torch.rand(6, 1, 1), torch.rand(4, 8, 9) < 0.5
    first[0], second[1] = False, False
    crowd = torch.tensor([False, True, True, False])
    for marks in (None, crowd):
        flags = [False] * 4 if marks is None else marks.tolist()
        expected = [[slow.mask_iou(a, b, c) for b, c in zip(second.numpy(), flags, strict=True)] for a in first.numpy()]
        np.testing.assert_allclose(mask_iou(first, second, marks), expected, rtol=1e-6)
    assert torch.equal(mask_iou(first.float() * 0.2, second.to(torch.uint8) * 255), mask_iou(first, second))


def test_overlaps_of_no_masks_and_no_pixels() -> None:
    assert mask_iou(torch.zeros(0, 3, 3), torch.ones(2, 3, 3)).shape == (0, 2)
    assert mask_iou(torch.zeros(2, 3, 3), torch.ones(0, 3, 3)).shape == (2, 0)
    assert mask_iou(torch.zeros(2, 0, 3), torch.ones(1, 0, 3)).tolist() == [[0], [0]]


def test_counts_are_exact_beyond_float32_and_under_autocast() -> None:
    masks = torch.ones(1, 4097, 4096, dtype=torch.bool)
    masks[0, 0, 1:] = False
    assert module._counts(masks.flatten(1), masks.flatten(1))[0].item() == 2**24 + 1
    thirds = torch.zeros(1, 30, 100, dtype=torch.bool)
    thirds[0, :10] = True
    with torch.autocast("cpu", torch.bfloat16):
        assert module._counts(thirds.flatten(1), thirds.flatten(1))[0].item() == 1000
        assert mask_iou(thirds, torch.ones_like(thirds)).item() == pytest.approx(1 / 3, rel=1e-6)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: unwrap(masks_to_boxes)(torch.zeros(3, 3)), "mask[None]"),
        (lambda: unwrap(mask_iou)(torch.zeros(1, 3, 3), torch.zeros(3, 3)), "masks2 of shape (N, height, width)"),
        (lambda: unwrap(mask_iou)(torch.zeros(1, 3, 3), torch.zeros(1, 3, 4)), "(3, 3) on cpu and (3, 4) on cpu"),
        (lambda: mask_iou(torch.zeros(1, 3, 3), torch.zeros(1, 3, 3, device="meta")), "on meta"),
        (lambda: unwrap(mask_iou)(torch.zeros(1, 3, 3), torch.zeros(1, 3, 3), torch.zeros(1)), "iscrowd.bool()"),
        (
            lambda: unwrap(mask_iou)(torch.zeros(1, 3, 3), torch.zeros(1, 3, 3), torch.zeros(2).bool()),
            "each of 1 masks",
        ),
    ],
)
def test_what_is_no_mask_is_named(call, text: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert text in str(caught.value)


@pytest.mark.compile
def test_compile_and_export_pass_through() -> None:
    class Module(torch.nn.Module):
        def forward(self, a: torch.Tensor, b: torch.Tensor, crowd: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return masks_to_boxes(a), mask_iou(a, b, crowd)

    def draw(n: int, m: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return torch.rand(n, 6, 7) > 0.6, torch.rand(m, 6, 7) > 0.6, torch.rand(m) > 0.5

    given, more = draw(3, 4), draw(5, 2)
    compiled = torch.compile(Module(), fullgraph=True, backend="aot_eager")
    n, m = torch.export.Dim("n"), torch.export.Dim("m")
    program = torch.export.export(Module(), given, dynamic_shapes=({0: n}, {0: m}, {0: m})).module()
    for found, wanted in ((compiled(*given), Module()(*given)), (program(*more), Module()(*more))):
        assert torch.equal(found[0], wanted[0])
        assert torch.allclose(found[1], wanted[1])


def test_agreement_with_torchvision() -> None:
    ops = pytest.importorskip("torchvision").ops
    masks = torch.rand(20, 30, 40) > 0.99
    masks[3] = False
    expected = ops.masks_to_boxes(masks)
    expected[masks.flatten(1).any(1), 2:] += 1  # its ends are inclusive
    assert torch.equal(masks_to_boxes(masks), expected)

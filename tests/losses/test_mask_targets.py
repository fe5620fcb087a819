"""The true masks of regions, read from run lengths, are what RoIAlign reads from whole masks."""

import numpy as np
import pytest
import torch
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.losses.detection import mask_targets as module
from pixelwise.losses.detection.mask_targets import mask_targets
from pixelwise.ops import roi_align
from pixelwise.ops.run_lengths import Rle, encode_mask, read_runs


def two_images() -> tuple[list[Tensor], list[Rle]]:
    """Masks of two images of different size, four each; among them one pixel, half an image and nothing."""
    images = [torch.rand(4, 30, 40) > 0.5, torch.rand(4, 21, 17) > 0.5]
    for masks in images:
        masks[0, :, : masks.shape[2] // 2] = False
        masks[1] = False
        masks[1, 12, 13] = True
        masks[2] = False
    return images, [encode_mask(mask.numpy()) for masks in images for mask in masks]


def some_boxes(number: int) -> Tensor:
    boxes = torch.rand(number, 4, dtype=torch.float64) * torch.tensor([30.0, 20, 30, 20]) - 4
    boxes[:, 2:] = boxes[:, :2] + torch.rand(number, 2) * 30
    boxes[0], boxes[1] = torch.tensor([-500.0, -500, 900, 900]), torch.tensor([5.0, 5, 5, 5])
    return boxes


def from_whole_masks(images: list[Tensor], boxes: Tensor, owners: Tensor, size: int) -> Tensor:
    found = torch.zeros(len(boxes), size, size, dtype=boxes.dtype)
    for number, masks in enumerate(images):
        here = (owners // 4 == number).nonzero().squeeze(1)
        rois = torch.cat([owners[here, None] % 4, boxes[here]], dim=1)
        found[here] = roi_align(masks[:, None].to(boxes.dtype), rois, size)[:, 0]
    return found


@pytest.mark.parametrize("at_once", [module.AT_ONCE, 700, 1])
def test_they_are_what_roi_align_reads_from_the_whole_mask(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", at_once)
    images, masks = two_images()
    boxes, owners = some_boxes(120), torch.arange(120) % 8
    found = mask_targets(masks, boxes, owners, 7)
    torch.testing.assert_close(found, from_whole_masks(images, boxes, owners, 7), atol=1e-9, rtol=0)
    for nothing, something in ((2, 0), (6, 4)):
        assert found[owners == nothing].max() == 0 and found[owners == something].max() > 0.5


def test_objects_without_regions_and_regions_without_order_change_nothing() -> None:
    images, masks = two_images()
    boxes, owners = some_boxes(9), torch.tensor([7, 3, 7, 3, 3, 0, 7, 0, 3])
    found = mask_targets(masks, boxes, owners, 28)
    torch.testing.assert_close(found, from_whole_masks(images, boxes, owners, 28), atol=1e-9, rtol=0)
    # An object that no region asks for is not even read.
    masks[5] = {"size": [21, 17], "counts": "not run lengths"}
    assert torch.equal(mask_targets(masks, boxes, owners, 28), found)
    with pytest.raises(InputError, match="compressed run lengths"):
        mask_targets(masks, boxes, torch.full((9,), 5), 28)


def test_a_mask_up_to_the_border_is_whole_there() -> None:
    mask = encode_mask(np.ones((8, 9), np.bool_))
    found = mask_targets([mask], torch.tensor([[0.0, 0, 9, 8]]), torch.zeros(1, dtype=torch.long), 4)
    torch.testing.assert_close(found, torch.ones(1, 4, 4))


def test_no_more_is_held_at_once_than_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 1000)
    runs = [read_runs(mask) for mask in two_images()[1]]
    tables = list(module._windows(runs))
    assert [first for first, *_ in tables[1:]] == [after for _, after, *_ in tables[:-1]]
    for first, after, table, facts in tables:
        assert (len(table) - 1) * table.shape[1] <= 1000 or after - first == 1
        assert facts.shape == (7, after - first)
    # One region far larger than the others makes none of them dear.
    samples = np.array([2, 900, 3, 2, 2])
    parts = [part.tolist() for part in module._parts(np.array([0, 1, 2, 3]), samples, 7, 20)]
    assert parts == [[0, 3, 2], [1]]


def test_no_regions_and_half_precision() -> None:
    _, masks = two_images()
    assert mask_targets([], torch.zeros(0, 4), torch.zeros(0, dtype=torch.long), 28).shape == (0, 28, 28)
    boxes, owners = some_boxes(20), torch.arange(20) % 8
    with torch.autocast("cpu", torch.bfloat16):
        found = mask_targets(masks, boxes.float(), owners, 7)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, mask_targets(masks, boxes, owners, 7).float(), atol=1e-4, rtol=0)

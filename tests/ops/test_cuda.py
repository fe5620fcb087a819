"""Operations on a GPU give what they give in main memory, values and gradients. Skipped where there is no GPU."""

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from pixelwise.dense import densify
from pixelwise.models.segmentation.patch import patch_classifier
from pixelwise.ops import (
    all_pairs_correlation,
    batched_nms,
    box_iou,
    correlation,
    deform_conv2d,
    lookup_correlation,
    mask_iou,
    match_boxes,
    max_unpool,
    nms,
    paste_masks,
    paste_masks_full,
    ps_roi_align,
    pyramid_roi_align,
    roi_align,
    roi_pool,
    soft_nms,
    warp,
)

DEVICE = "cuda"

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")

TOLERANCE = 1e-5
"""Of the largest value, in float32: sums run in another order there."""


def crowd(number: int, side: float = 400.0) -> Tensor:
    """Boxes of which many overlap."""
    start = torch.rand(number, 2) * side
    return torch.cat([start, start + 5 + torch.rand(number, 2) * 60], dim=1)


def regions(number: int, side: float) -> Tensor:
    """Rows (image, x0, y0, x1, y1) for two images, some of them reaching over the border."""
    return torch.cat([torch.randint(0, 2, (number, 1)).float(), crowd(number, side - 30) - 10], dim=1)


def there(given: Sequence[Tensor]) -> list[Tensor]:
    return [one.detach().to(DEVICE) for one in given]


def assert_near(found: Tensor, expected: Tensor) -> None:
    assert found.device.type == DEVICE and found.dtype == expected.dtype
    scale = max(1.0, float(expected.abs().max())) if expected.numel() else 1.0
    torch.testing.assert_close(found.cpu(), expected, atol=TOLERANCE * scale, rtol=0)


def assert_alike(op: Callable[..., Tensor], *given: Tensor, learned: int = 0) -> None:
    """Values, and gradients of the first `learned` arguments."""
    mine, others = list(given), there(given)
    for place in range(learned):
        mine[place], others[place] = (one[place].detach().clone().requires_grad_() for one in (mine, others))
    expected, found = op(*mine), op(*others)
    assert_near(found.detach(), expected.detach())
    if learned:
        weights = torch.rand_like(expected)
        wanted = torch.autograd.grad((expected * weights).sum(), mine[:learned])
        for gradient, one in zip(
            torch.autograd.grad((found * weights.to(DEVICE)).sum(), others[:learned]), wanted, strict=True
        ):
            assert_near(gradient, one)


@pytest.mark.parametrize("number", [0, 1, 300, 6000])
def test_suppression_keeps_the_same_boxes_in_the_same_order(number: int) -> None:
    boxes, scores, classes = crowd(number), torch.rand(number), torch.randint(0, 5, (number,))
    assert nms(*there([boxes, scores]), 0.5).tolist() == nms(boxes, scores, 0.5).tolist()
    assert (
        batched_nms(*there([boxes, scores, classes]), 0.7).tolist() == batched_nms(boxes, scores, classes, 0.7).tolist()
    )


def test_soft_suppression_keeps_the_same_boxes() -> None:
    boxes, scores = crowd(200), torch.rand(200)
    (kept, weights), (expected, wanted) = soft_nms(*there([boxes, scores])), soft_nms(boxes, scores)
    assert kept.tolist() == expected.tolist()
    assert_near(weights, wanted)


def test_overlaps_and_matches_are_the_same() -> None:
    boxes, others = crowd(60), crowd(500)
    assert_alike(box_iou, boxes, others)
    assert_alike(lambda a, b: match_boxes(box_iou(a, b), 0.5, 0.3, True), boxes, others)
    masks = torch.rand(7, 30, 40) > 0.5
    assert_alike(mask_iou, masks, masks)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("ratio", [2, 0])
def test_regions_are_pooled_alike(ratio: int, layout: torch.memory_format) -> None:
    features = torch.rand(2, 8, 40, 50).contiguous(memory_format=layout)
    boxes = regions(64, 160)
    assert_alike(lambda x, rois: roi_align(x, rois, 7, 0.25, ratio), features, boxes, learned=1)
    assert_alike(lambda x, rois: roi_align(x, rois, (3, 5), 0.25, ratio, True), features, boxes, learned=1)
    assert_alike(lambda x, rois: roi_pool(x, rois, 7, 0.25), features, boxes, learned=1)
    assert_alike(lambda x, rois: ps_roi_align(x, rois, 2, 0.25, ratio), features, boxes, learned=1)


@pytest.mark.parametrize("bins", [7, (3, 5)])
def test_regions_of_a_pyramid_are_pooled_alike(bins: int | tuple[int, int]) -> None:
    levels, scales = (
        [torch.rand(2, 8, 128 >> level, 160 >> level) for level in range(4)],
        (1 / 4, 1 / 8, 1 / 16, 1 / 32),
    )
    boxes = regions(200, 400)
    boxes[::3, 3:] += 200
    assert_alike(lambda *given: pyramid_roi_align(given[:4], given[4], bins, scales), *levels, boxes, learned=4)


def test_features_in_half_precision_are_pooled_there() -> None:
    features, boxes = torch.rand(2, 8, 40, 50), regions(64, 160)
    found = roi_align(features.to(DEVICE, torch.bfloat16), boxes.to(DEVICE), 7, 0.25, 2)
    # bfloat16 has 8 significant bits: the features lose 2**-9 of their value, and so do the results.
    torch.testing.assert_close(found.float().cpu(), roi_align(features, boxes, 7, 0.25, 2), atol=2**-8, rtol=0)


def test_deformable_convolutions_are_alike() -> None:
    images, weight, bias = torch.rand(2, 8, 20, 24), torch.rand(6, 4, 3, 3) - 0.5, torch.rand(6)
    offset, mask = torch.randn(2, 2 * 2 * 9, 20, 24) * 2, torch.rand(2, 2 * 9, 20, 24)
    assert_alike(
        lambda x, o, w, b, m: deform_conv2d(x, o, w, b, padding=1, mask=m),
        images,
        offset,
        weight,
        bias,
        mask,
        learned=5,
    )


def test_correlations_are_alike() -> None:
    first, second = torch.rand(2, 16, 24, 32), torch.rand(2, 16, 24, 32)
    assert_alike(lambda a, b: correlation(a, b, 6, 2), first, second, learned=2)
    places = torch.rand(2, 2, 24, 32) * 20
    assert_alike(
        lambda a, b, at: lookup_correlation(all_pairs_correlation(a, b, 2), at, 3), first, second, places, learned=2
    )


def test_images_are_warped_alike() -> None:
    images, flow = torch.rand(2, 3, 30, 40), torch.randn(2, 2, 30, 40) * 5
    assert_alike(lambda x, way: warp(x, way)[0], images, flow, learned=2)
    assert torch.equal(warp(*there([images, flow]))[1].cpu(), warp(images, flow)[1])


def test_maxima_are_put_back_alike() -> None:
    values, places = torch.nn.functional.max_pool2d(torch.rand(2, 4, 20, 24), 2, return_indices=True)
    assert_alike(lambda x, at: max_unpool(x, at, (20, 24)), values, places, learned=1)


def test_masks_are_pasted_alike() -> None:
    masks, boxes = torch.rand(40, 28, 28), crowd(40, 200) - 20
    windows, expected = paste_masks(*there([masks, boxes]), (180, 220)), paste_masks(masks, boxes, (180, 220))
    assert windows.corners == expected.corners
    # Values within rounding of the threshold may fall on its other side.
    apart = sum(int((one.cpu() != other).sum()) for one, other in zip(windows.windows, expected.windows, strict=True))
    assert apart <= 2
    assert windows.run_lengths()[0]["size"] == [180, 220]
    whole = paste_masks_full(*there([masks, boxes]), (180, 220))
    assert whole.device.type == DEVICE
    assert int((whole.cpu() != expected.full()).sum()) <= 2


def test_a_dense_map_is_that_of_main_memory() -> None:
    # In float64, where convolutions are not rounded to a GPU's shorter formats.
    dense = densify(patch_classifier(3, 33, width=4, hidden=8).double(), 33)
    image = torch.rand(1, 3, 60, 70, dtype=torch.float64)
    with torch.inference_mode():
        expected = dense(image)
        assert_near(dense.to(DEVICE)(image.to(DEVICE)), expected)

"""Pasted masks against the formula at each pixel, against torchvision, and round trips by cropping."""

from inspect import unwrap

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from pixelwise.errors import InputError
from pixelwise.ops.masks import mask_iou
from pixelwise.ops.paste import CroppedMasks, _alike, paste_masks, paste_masks_full
from pixelwise.ops.run_lengths import decode_mask
from references.masks import pasted

NAN, INF = float("nan"), float("inf")
SIZE = (40, 50)


def _boxes(number: int, reach: float = 60) -> torch.Tensor:
    """Boxes of all sizes, some of which leave the image."""
    corners = torch.rand(number, 2) * reach - 15
    return torch.cat([corners, corners + torch.rand(number, 2) * 40], dim=1)


@pytest.mark.parametrize("cells", [(28, 28), (14, 7), (1, 1)])
@pytest.mark.parametrize("padding", [0, 1, 2])
def test_every_pixel_equals_the_formula(cells: tuple[int, int], padding: int) -> None:
    masks, boxes = torch.rand(12, *cells), _boxes(12)
    found = paste_masks_full(masks, boxes, SIZE, padding=padding)
    for one, mask, box in zip(found, masks.numpy(), boxes.tolist(), strict=True):
        soft = pasted(mask, box, SIZE, padding)
        clear = np.abs(soft - 0.5) > 1e-5  # nearer the threshold rounding decides
        np.testing.assert_array_equal(one.numpy()[clear], soft[clear] >= 0.5)
        assert clear.mean() > 0.99


def test_windows_hold_what_whole_images_hold() -> None:
    masks, boxes = torch.rand(9, 28, 28), _boxes(9)
    cropped = paste_masks(masks, boxes, SIZE, threshold=0.3)
    full = paste_masks_full(masks, boxes, SIZE, threshold=0.3)
    assert torch.equal(cropped.full(), full)
    assert len(cropped) == 9
    assert sum(window.sum() for window in cropped.windows) == full.sum()
    for rle, mask in zip(cropped.run_lengths(), full, strict=True):
        np.testing.assert_array_equal(decode_mask(rle), mask)
    for window, (row, column) in zip(cropped.windows, cropped.corners, strict=True):
        assert 0 <= row <= row + window.shape[0] <= SIZE[0]
        assert 0 <= column <= column + window.shape[1] <= SIZE[1]


def test_values_by_hand() -> None:
    # 2 cells in a box of 4 pixels become 4 in 8, framed: 2 pixels a cell, and one more at the end as published.
    full = paste_masks_full(torch.ones(1, 2, 2), torch.tensor([[3.0, 2, 7, 6]]), (10, 12))
    inside = [y for y in range(10) if full[0, y].any()], [x for x in range(12) if full[0, :, x].any()]
    assert inside == ([2, 3, 4, 5, 6], [3, 4, 5, 6, 7])
    assert full.sum() == 25 - 4  # the corners of the frame are a quarter inside


def test_degenerate_boxes_and_values_have_defined_masks() -> None:
    boxes = torch.tensor(
        [[5.5, 5, 5.5, 5], [9, 9, 3, 3], [0, 9, 8, 3], [NAN, 0, 5, 5], [0, 0, INF, 5], [90, 90, 95, 95], [-9, 5, -3, 9]]
    )
    cropped = paste_masks(torch.ones(7, 3, 3), boxes, SIZE)
    assert [tuple(window.shape) for window in cropped.windows] == [(1, 1)] + [(0, 0)] * 6
    assert cropped.corners == [(5, 5)] + [(0, 0)] * 6
    assert cropped.windows[0].item() is True
    bad = torch.ones(1, 8, 8)
    bad[0, 0, 0], bad[0, 7, 7], bad[0, 0, 7] = NAN, INF, -INF
    box = torch.tensor([[0.0, 0, 40, 40]])
    assert torch.equal(paste_masks_full(bad, box, SIZE), paste_masks_full(bad.nan_to_num(0, 0, 0), box, SIZE))
    assert not paste_masks_full(bad, box, SIZE)[0, 0, 0]
    assert paste_masks_full(bad, box, SIZE)[0, 20, 20]


def test_a_gigantic_box_costs_only_what_shows() -> None:
    full = paste_masks_full(torch.ones(2, 28, 28), torch.tensor([[-1e8, -1e8, 1e8, 1e8], [-1e30, -1, 1e30, 9]]), (6, 7))
    assert full[0].all()
    assert full[1].all()


def test_groups_share_a_size_without_much_waste_and_change_nothing() -> None:
    shown = [[1, 40], [40, 1], [30, 30], [31, 29], [2, 20], [0, 0], [2000, 3000], [0, 0], [1999, 2999]]
    groups = _alike(shown)
    assert sorted(index for group in groups for index in group) == list(range(9))
    for group in groups:
        height, width = (max(shown[index][axis] for index in group) for axis in (0, 1))
        useful = sum(shown[index][0] * shown[index][1] for index in group)
        assert len(group) == 1 or len(group) * height * width <= 2 * useful
    assert sorted(map(sorted, groups))[-2:] == [[6], [8]]  # too large for one block
    masks, boxes = torch.rand(30, 28, 28), _boxes(30)
    together = paste_masks(masks, boxes, SIZE)
    for place in range(30):
        alone = paste_masks(masks[place, None], boxes[place, None], SIZE)
        assert torch.equal(alone.windows[0], together.windows[place])
        assert alone.corners[0] == together.corners[place]


def test_no_masks_and_images_without_pixels() -> None:
    none = paste_masks(torch.zeros(0, 28, 28), torch.zeros(0, 4), SIZE)
    assert (len(none), none.run_lengths(), none.full().shape) == (0, [], (0, *SIZE))
    assert paste_masks_full(torch.ones(2, 3, 3), torch.zeros(2, 4), (0, 5)).shape == (2, 0, 5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.uint8, torch.int64])
def test_every_dtype_and_layout_and_autocast_give_the_same(dtype: torch.dtype) -> None:
    masks, boxes = (torch.rand(5, 9, 9) > 0.5).float(), _boxes(5)
    expected = paste_masks_full(masks, boxes, SIZE)
    assert torch.equal(paste_masks_full(masks.to(dtype), boxes, SIZE), expected)
    assert torch.equal(paste_masks_full(masks.transpose(1, 2).contiguous().transpose(1, 2), boxes, SIZE), expected)
    # Half-precision boxes are read as they are, not rounded again.
    halves = boxes.half()
    assert torch.equal(paste_masks_full(masks, halves, SIZE), paste_masks_full(masks, halves.float(), SIZE))
    with torch.autocast("cpu", torch.bfloat16):
        soft = torch.rand(5, 28, 28)
        found = paste_masks_full(soft, boxes, SIZE)
    assert torch.equal(found, paste_masks_full(soft, boxes, SIZE))


def test_cropped_and_pasted_masks_come_back() -> None:
    # As detectron2's test: masks cropped to 28 x 28 and pasted again overlap their originals by 0.94 or more.
    y, x = torch.meshgrid(torch.arange(200) + 0.5, torch.arange(240) + 0.5, indexing="ij")
    scores = []
    for _ in range(20):
        radius = torch.rand(2) * 50 + 20
        centre = torch.rand(2) * 60 + 80
        truth = ((x - centre[0]) / radius[0]) ** 2 + ((y - centre[1]) / radius[1]) ** 2 < 1
        box = torch.cat([centre - radius, centre + radius])
        steps = (torch.arange(28) + 0.5) / 28
        grid = torch.stack(
            [
                ((box[0] + steps * 2 * radius[0]) / 120 - 1).expand(28, 28),
                ((box[1] + steps * 2 * radius[1]) / 100 - 1)[:, None].expand(28, 28),
            ],
            dim=-1,
        )
        small = F.grid_sample(truth[None, None].float(), grid[None], align_corners=False)[0]
        scores.append(mask_iou(paste_masks_full((small >= 0.5).float(), box[None], (200, 240)), truth[None]).item())
    assert np.mean(scores) > 0.94


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: unwrap(paste_masks)(torch.ones(2, 1, 3, 3), torch.zeros(2, 4), SIZE), "the channel of the label"),
        (lambda: unwrap(paste_masks)(torch.ones(2, 3, 3), torch.zeros(3, 4), SIZE), "(2, 3, 3) and boxes (3, 4)"),
        (lambda: paste_masks(torch.ones(2, 0, 3), torch.zeros(2, 4), SIZE), "with pixels"),
        (lambda: unwrap(paste_masks)(torch.ones(2, 3, 3), torch.zeros(2, 4).long(), SIZE), "torch.int64 on cpu"),
        (lambda: paste_masks(torch.ones(2, 3, 3), torch.zeros(2, 4, device="meta"), SIZE), "on meta"),
        (lambda: paste_masks(torch.ones(2, 3, 3), torch.zeros(2, 4), (-1, 3)), "got (-1, 3) and 1"),
        (lambda: paste_masks(torch.ones(2, 3, 3), torch.zeros(2, 4), SIZE, padding=-1), "and -1"),
        (lambda: paste_masks_full(torch.ones(2, 3, 3), torch.zeros(2, 4), SIZE, 0.0), "pass logits.sigmoid()"),
        (lambda: paste_masks(torch.ones(2, 3, 3), torch.zeros(2, 4), SIZE, NAN), "a threshold above 0"),
    ],
)
def test_what_cannot_be_pasted_is_named(call, text: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert text in str(caught.value)


@pytest.mark.compile
def test_compile_and_export_pass_through() -> None:
    class Module(torch.nn.Module):
        def forward(self, masks: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
            return paste_masks_full(masks, boxes, SIZE)

    masks, boxes = torch.rand(6, 28, 28), _boxes(6)
    boxes[0] = NAN
    boxes[1, 2:] = boxes[1, :2] - 3
    compiled = torch.compile(Module(), fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(masks, boxes), Module()(masks, boxes))
    n = torch.export.Dim("n")
    program = torch.export.export(Module(), (masks, boxes), dynamic_shapes=({0: n}, {0: n})).module()
    more, others = torch.rand(9, 28, 28), _boxes(9)
    assert torch.equal(program(more, others), Module()(more, others))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(program(more, others), Module()(more, others))


@pytest.mark.parametrize("cells", [28, 14])
def test_agreement_with_torchvision(cells: int) -> None:
    pytest.importorskip("torchvision")
    from torchvision.models.detection.roi_heads import paste_masks_in_image  # noqa: PLC0415

    for kind in ("soft", "binary"):
        masks, boxes = torch.rand(60, cells, cells), _boxes(60, 170) * 1.7
        boxes[:, 2:].clamp_(min=3)  # torchvision fails on boxes that lie beside the image
        masks = masks if kind == "soft" else masks.round()
        theirs = paste_masks_in_image(masks[:, None], boxes, (300, 400))[:, 0]
        ours = paste_masks(masks, boxes, (300, 400))
        assert isinstance(ours, CroppedMasks)
        different = ours.full() != (theirs >= 0.5)
        assert (theirs[different] - 0.5).abs().lt(4e-6).all()
        # Masks of zeros and ones have many values of exactly 0.5, which rounding puts on either side.
        assert kind == "binary" or not different.any()

"""Regions read from groups of features, and the heads that judge them."""

import pytest
import torch
from jaxtyping import TypeCheckError
from torch import nn

from pixelwise.errors import InputError
from pixelwise.models.detection.box_head import BoxPredictor, TwoLayerHead, conv_head
from pixelwise.models.detection.mask_head import MaskPredictor, mask_head
from pixelwise.models.detection.outputs import FeatureGroup, Features, Frame
from pixelwise.models.detection.parts import heads_on_pyramid
from pixelwise.models.detection.region_reader import RegionReader
from pixelwise.models.detection.roi_heads import RoiHeads
from pixelwise.ops import pyramid_levels, roi_align, roi_pool

SMALL, LARGE = Frame((64, 64), (64, 64), (64, 64)), Frame((512, 512), (512, 512), (512, 512))


def features_of(*sizes: int) -> list[torch.Tensor]:
    return [torch.randn(1, 2, size, size) for size in sizes]


def two_groups() -> Features:
    """Images 0 and 2 are large and run together, image 1 is small."""
    large = [torch.randn(2, 2, side, side) for side in (128, 64, 32, 16, 8)]
    small = [torch.randn(1, 2, side, side) for side in (16, 8, 4, 2, 1)]
    return Features((FeatureGroup(large, (0, 2)), FeatureGroup(small, (1,))), (LARGE, SMALL, LARGE))


BOXES = [
    torch.tensor([[0.0, 0, 500, 500], [3, 4, 20, 30]]),
    torch.tensor([[1.0, 2, 60, 50], [5, 5, 9, 9], [0, 0, 0, 0]]),
    torch.tensor([[100.0, 100, 350, 300]]),
]


@pytest.mark.parametrize("pooling", ["align", "pool"])
def test_each_region_is_read_from_its_own_image_and_level(pooling: str):
    features = two_groups()
    found = RegionReader((4, 8, 16, 32), 3, pooling)(features, BOXES)
    places = {0: (0, 0), 1: (1, 0), 2: (0, 1)}
    row = 0
    for number, boxes in enumerate(BOXES):
        group, index = places[number]
        for box, level in zip(boxes, pyramid_levels(boxes).tolist(), strict=True):
            one = features.groups[group].levels[level - 2][index : index + 1]
            if pooling == "align":
                wanted = roi_align(one, [box[None]], 3, 0.5**level, 2)
            else:
                wanted = roi_pool(one, [box[None]], 3, 0.5**level)
            torch.testing.assert_close(found[row], wanted[0])
            row += 1
    assert row == len(found)


@pytest.mark.parametrize("pooling", ["align", "pool"])
def test_one_level_is_read_at_its_stride(pooling: str):
    level = torch.randn(1, 2, 4, 4)
    boxes = torch.tensor([[3.0, 5, 40, 60]])
    found = RegionReader((16,), 7, pooling)(Features((FeatureGroup([level], (0,)),), (SMALL,)), [boxes])
    wanted = roi_align(level, [boxes], 7, 1 / 16, 2) if pooling == "align" else roi_pool(level, [boxes], 7, 1 / 16)
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("pooling", ["align", "pool"])
def test_no_regions_give_no_maps(pooling: str):
    found = RegionReader((4, 8, 16, 32), 3, pooling)(two_groups(), [torch.zeros(0, 4)] * 3)
    assert found.shape == (0, 2, 3, 3)


def test_boxes_for_another_number_of_images_are_refused():
    with pytest.raises(InputError, match="boxes for each of the 3 images"):
        RegionReader((4, 8, 16, 32), 3)(two_groups(), BOXES[:2])


def test_an_unknown_pooling_is_refused():
    with pytest.raises((InputError, TypeCheckError), match="pool"):
        RegionReader((4,), 3, "warp")


def test_vectors_read_maps_channel_by_channel():
    head = TwoLayerHead(2, 3, bins=2)
    maps = torch.randn(4, 2, 2, 2).contiguous(memory_format=torch.channels_last)
    flat = torch.stack([maps[:, c, y, x] for c in range(2) for y in range(2) for x in range(2)], dim=1)
    wanted = head.fc7(head.fc6(flat).relu()).relu()
    torch.testing.assert_close(head(maps), wanted)


def test_deltas_of_a_class_lie_together():
    predictor = BoxPredictor(3, 5)
    vectors = torch.randn(2, 3)
    logits, deltas = predictor(vectors)
    assert logits.shape == (2, 5)
    torch.testing.assert_close(deltas[:, 4], predictor.bbox_pred(vectors)[:, 16:20])
    none = predictor(torch.zeros(0, 3))
    assert none.deltas.shape == (0, 5, 4)


def test_the_convolutional_head_gives_vectors():
    assert conv_head(4, 6, bins=3).eval()(torch.randn(2, 4, 3, 3)).shape == (2, 6)


def test_masks_are_twice_as_large_as_their_maps():
    maps = mask_head(2, 4)(torch.randn(3, 2, 14, 14))
    assert MaskPredictor(4, 4, 5)(maps).shape == (3, 5, 28, 28)
    assert MaskPredictor(4, 4, 5)(maps[:0]).shape == (0, 5, 28, 28)


def test_half_precision_heads_give_full_precision_scores():
    heads = heads_on_pyramid(2, 3, "align", masks=True).bfloat16()
    levels = [level.bfloat16() for level in features_of(16, 8, 4, 2, 1)]
    features = Features((FeatureGroup(levels, (0,)),), (SMALL,))
    assert heads.box_scores(features, [BOXES[1]]).logits.dtype == torch.float32
    assert heads.mask_scores(features, [BOXES[1]]).dtype == torch.float32


def test_half_a_mask_branch_is_refused():
    reader = RegionReader((4,), 3)
    with pytest.raises(InputError, match="a mask branch with all its parts, or none"):
        RoiHeads(reader, nn.Flatten(), BoxPredictor(18, 2), mask_regions=reader)


def test_fewer_than_two_classes_are_refused():
    with pytest.raises(InputError, match="num_classes of at least 2"):
        heads_on_pyramid(2, 1, "align", masks=False)

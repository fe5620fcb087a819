"""Pyramids and single levels."""

import pytest
import torch
from torch import nn

from pixelwise.backbones import resnet18
from pixelwise.errors import InputError
from pixelwise.models.detection.fpn import FeaturePyramid, PyramidBackbone
from pixelwise.models.detection.single_level import SingleLevelBackbone


def nearest_by_hand(coarse: torch.Tensor, height: int, width: int) -> torch.Tensor:
    out = torch.empty(*coarse.shape[:2], height, width)
    for row in range(height):
        for column in range(width):
            out[..., row, column] = coarse[..., row * coarse.shape[2] // height, column * coarse.shape[3] // width]
    return out


def test_each_level_is_its_own_features_plus_the_coarser_level_smoothed():
    pyramid = FeaturePyramid([2, 3, 4], 5)
    levels = [torch.randn(1, 2, 7, 9), torch.randn(1, 3, 4, 5), torch.randn(1, 4, 2, 3)]
    sides = [inner(level) for inner, level in zip(pyramid.inner_blocks, levels, strict=True)]
    middle = sides[1] + nearest_by_hand(sides[2], 4, 5)
    finest = sides[0] + nearest_by_hand(middle, 7, 9)
    wanted = [smooth(one) for smooth, one in zip(pyramid.layer_blocks, (finest, middle, sides[2]), strict=True)]
    found = pyramid(levels)
    for one, other in zip(found, wanted, strict=False):
        torch.testing.assert_close(one, other)
    torch.testing.assert_close(found[3], wanted[2][:, :, ::2, ::2])
    assert len(found) == 4


def test_a_pyramid_on_a_resnet_has_five_levels_of_the_stated_strides():
    backbone = PyramidBackbone(resnet18(width=4), 8)
    assert backbone.strides == (4, 8, 16, 32, 64)
    levels = backbone(torch.rand(1, 3, 64, 96))
    assert [tuple(level.shape[1:]) for level in levels] == [(8, 16, 24), (8, 8, 12), (8, 4, 6), (8, 2, 3), (8, 1, 2)]


def test_normalised_convolutions_have_no_bias():
    pyramid = FeaturePyramid([2, 3], 5, norm=True)
    assert all(part.bias is None for part in pyramid.modules() if isinstance(part, nn.Conv2d))
    assert sum(isinstance(part, nn.BatchNorm2d) for part in pyramid.modules()) == 4


@pytest.mark.parametrize(("stage", "stride"), [(4, 16), (5, 32)])
def test_one_level_is_that_of_the_stage(stage: int, stride: int):
    body = resnet18(width=4).eval()
    images = torch.rand(1, 3, 64, 96)
    wanted = body.levels(images)[stage - 2]
    backbone = SingleLevelBackbone(body, stage)
    (level,) = backbone(images)
    assert backbone.strides == (stride,)
    assert backbone.channels == (level.shape[1],)
    torch.testing.assert_close(level, wanted)


def test_other_stages_are_refused():
    with pytest.raises(InputError, match="stage 4 or 5"):
        SingleLevelBackbone(resnet18(width=4), 3)

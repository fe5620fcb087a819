"""What papers and published weights say about detectors, as figures."""

import pytest
import torch

from pixelwise.backbones import resnet50
from pixelwise.models.detection.encoders import freeze_encoder, with_norms
from pixelwise.models.detection.faster_rcnn import faster_rcnn_resnet50_fpn, faster_rcnn_resnet50_fpn_v2
from pixelwise.models.detection.mask_rcnn import mask_rcnn_resnet50_fpn, mask_rcnn_resnet50_fpn_v2
from pixelwise.ops import anchors


@pytest.mark.parametrize(
    ("builder", "parameters", "entries"),
    [
        (faster_rcnn_resnet50_fpn, 41_755_286, 295),
        (mask_rcnn_resnet50_fpn, 44_401_393, 307),
    ],
)
def test_first_versions_are_as_large_as_published(builder, parameters: int, entries: int):
    """As torchvision 0.28 states them ("num_params"): frozen batch normalisation has no parameters."""
    with torch.device("meta"):
        model = builder(norms="published")
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters
    assert len(model.state_dict()) == entries


@pytest.mark.parametrize(
    ("builder", "parameters", "entries"),
    [
        (faster_rcnn_resnet50_fpn_v2, 43_712_278, 404),
        (mask_rcnn_resnet50_fpn_v2, 46_359_409, 432),
    ],
)
def test_second_versions_are_as_large_as_published(builder, parameters: int, entries: int):
    with torch.device("meta"):
        model = builder()
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters
    assert len(model.state_dict()) == entries


@pytest.mark.parametrize(("trainable", "fixed"), [(0, 53), (1, 43), (2, 24), (3, 11), (4, 1), (5, 0)])
def test_freezing_fixes_as_many_tensors_as_published(trainable: int, fixed: int):
    """Torchvision's test_models_detection_utils: with frozen batch normalisation, whose numbers never train."""
    with torch.device("meta"):
        body = with_norms(resnet50(), "frozen")
    body.register_module("fc", torch.nn.Identity())
    freeze_encoder(body, trainable)
    assert sum(not parameter.requires_grad for parameter in body.parameters()) == fixed


def test_a_pyramid_has_the_anchors_of_the_published_weights():
    """Lin et al. 2017, section 4.1: one area per level, three ratios; rounded as published."""
    with torch.device("meta"):
        rpn = mask_rcnn_resnet50_fpn().rpn
    levels = anchors([(1, 1)] * 5, (1, 1), rpn.sizes, rpn.ratios)
    assert levels[0].tolist() == [[-23, -11, 23, 11], [-16, -16, 16, 16], [-11, -23, 11, 23]]
    assert levels[4].tolist() == [[-362, -181, 362, 181], [-256, -256, 256, 256], [-181, -362, 181, 362]]


def test_a_mask_is_28_pixels_wide_and_read_from_14():
    """He et al. 2017, figure 4, right."""
    with torch.device("meta"):
        heads = mask_rcnn_resnet50_fpn().roi_heads
    assert heads.mask_regions.size == 14
    assert heads.box_regions.size == 7
    assert heads.mask_predictor.conv5_mask.stride == (2, 2)

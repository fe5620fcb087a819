"""Published facts of fcn_resnet50: torchvision's list of weights, and Dai et al. 2017."""

import torch
from torch import nn

from pixelwise.models.segmentation.deformable import deform_last_stage
from pixelwise.models.segmentation.fcn_resnet import fcn_resnet50
from pixelwise.ops import DeformConv2d

PARAMETERS = 35_322_218
"""With the auxiliary head and 21 classes: torchvision, FCN_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1."""

AUXILIARY = 1024 * 256 * 9 + 2 * 256 + 256 * 21 + 21
"""A 3x3 convolution from layer3's 1024 channels to 256, batch normalisation, 21 scores."""


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_number_of_parameters():
    with torch.device("meta"):
        assert count(fcn_resnet50(21, auxiliary=True)) == PARAMETERS
        assert count(fcn_resnet50(21)) == PARAMETERS - AUXILIARY


def test_scores_have_stride_8_before_the_interpolation():
    with torch.device("meta"):
        network = fcn_resnet50(21)
        images = torch.empty(1, 3, 520, 520)
        assert network.backbone.strides == (4, 8, 8, 8)
        assert network.classifier(network.backbone.levels(images)[-1]).shape == (1, 21, 65, 65)
        assert network(images).shape == (1, 21, 520, 520)


def test_three_deformable_layers_are_all_of_the_last_stage():
    # Dai et al. 2017, section 3.1 and table 1: the default is the last three 3x3 layers, those of conv5.
    with torch.device("meta"):
        network = fcn_resnet50(21)
        plain = count(network)
    deform_last_stage(network.backbone)
    names = [name for name, part in network.named_modules() if isinstance(part, DeformConv2d)]
    assert names == [f"backbone.layer4.{block}.conv2" for block in range(3)]
    # Each finds 2 numbers for each of 9 samples from 512 channels, by a 3x3 convolution with a bias.
    assert count(network) - plain == 3 * (512 * 9 + 1) * 18

"""Verdicts: yes with a small measured difference, no with the node and a large one."""

import pytest
import torch
from torch import nn

from pixelwise.dense import check
from pixelwise.errors import InputError
from pixelwise.models import UNet
from references.published_networks import SqueezeExcite, membrane_classifier, vgg


def test_an_unpadded_classifier_has_all_three():
    verdict = check(membrane_classifier(4), 65, channels=1)
    assert verdict.patch_exact.exact
    assert verdict.stride_exact.exact
    assert verdict.tile_exact.exact
    assert verdict.patch_exact.deviation < 1e-5
    assert verdict.stride_exact.deviation < 1e-5
    assert str(verdict).startswith("patch-exact  yes; measured ")


def test_a_padded_classifier_is_stride_exact_only():
    network = nn.Sequential(*vgg("1M2M", 4), nn.Flatten(), nn.Linear(8 * 16, 3))
    verdict = check(network, 16)
    assert not verdict.patch_exact.exact
    assert verdict.patch_exact.node == "0 (conv2d)"
    assert verdict.patch_exact.deviation > 1e-3
    assert verdict.stride_exact.exact
    assert verdict.stride_exact.deviation < 1e-5


def test_a_segmentation_network_is_tile_exact():
    verdict = check(UNet(2, width=4, depth=2), 192)
    assert verdict.tile_exact.exact
    assert verdict.tile_exact.deviation < 1e-4
    assert not verdict.stride_exact.exact
    assert "makes a finer map by itself" in verdict.stride_exact.reason


@pytest.mark.parametrize("layer", [nn.InstanceNorm2d(8), nn.GroupNorm(2, 8), SqueezeExcite(8)])
def test_image_wide_operations_are_measured(layer):
    torch.manual_seed(0)
    verdict = check(nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), layer, nn.Conv2d(8, 2, 1)), 64)
    assert not verdict.tile_exact.exact
    assert verdict.tile_exact.node.startswith("1")
    assert verdict.tile_exact.deviation > 1e-4


def test_an_image_can_be_given():
    verdict = check(membrane_classifier(2), 65, torch.rand(1, 300, 70))
    assert verdict.patch_exact.deviation < 1e-5
    with pytest.raises(InputError, match="at least one patch, 65x65, got 64x70"):
        check(membrane_classifier(2), 65, torch.rand(1, 64, 70))

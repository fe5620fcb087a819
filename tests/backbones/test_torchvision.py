"""Random weights carried both ways between torchvision's models and ours, where torchvision can be imported."""

import pytest
import torch
from torch import nn

from pixelwise import backbones
from pixelwise.backbones import load_weights_into

torchvision = pytest.importorskip("torchvision", exc_type=ImportError)


def shaken(network: nn.Module) -> nn.Module:
    """Statistics unlike those at the start, so that the order of the layers shows."""
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.running_mean, std=0.1)
            nn.init.uniform_(part.running_var, 0.5, 1.5)
            nn.init.uniform_(part.weight, 0.5, 1.0)
    return network.eval()


def assert_agreement(ours: nn.Module, theirs: nn.Module) -> None:
    images = torch.randn(1, 3, 96, 130)
    with torch.inference_mode():
        mine, other = ours(images), theirs(images)
    assert float((mine - other).abs().max()) <= 1e-5 * float(other.abs().max())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vgg16", "vgg16_bn", "resnet18", "resnet34", "resnet50", "resnet101"])
def test_scores_agree_with_weights_from_either_side(name: str):
    theirs = shaken(getattr(torchvision.models, name)())
    ours = getattr(backbones, name)().eval()
    load_weights_into(ours, theirs.state_dict(), "torchvision")
    assert_agreement(ours, theirs)
    ours = shaken(getattr(backbones, name)())
    theirs.load_state_dict(ours.state_dict())
    assert_agreement(ours, theirs)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet50", "resnet101"])
@pytest.mark.parametrize("dilate", [(False, True, True), (False, False, True), (True, True, True)])
def test_dilations_are_torchvisions(name: str, dilate: tuple[bool, bool, bool]):
    theirs = shaken(getattr(torchvision.models, name)(replace_stride_with_dilation=list(dilate)))
    ours = getattr(backbones, name)(dilate=dilate).eval()
    load_weights_into(ours, theirs.state_dict(), "torchvision")
    assert_agreement(ours, theirs)

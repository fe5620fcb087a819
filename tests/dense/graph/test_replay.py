"""The steps are the network: replayed one by one they give its scores, on other sizes too."""

import pytest
import torch
from torch import nn

from pixelwise.dense.graph.replay import Replay
from pixelwise.dense.graph.trace import trace
from pixelwise.models import UNet
from references.published_networks import VGG16, ConvNextBlock, SqueezeExcite, membrane_classifier, resnet, vgg

NETWORKS = {
    "vgg": nn.Sequential(*vgg(VGG16, 2, normalised=True)),
    "resnet": resnet((1, 1, 1, 1), 2),
    "unet": UNet(2, width=2, depth=2),
    "valid unet": UNet(2, width=2, depth=2, padded=False),
    "convnext": nn.Sequential(nn.Conv2d(3, 4, 4, 4), ConvNextBlock(4), nn.PixelShuffle(2), nn.Upsample(scale_factor=2)),
    "bilinear": nn.Sequential(
        nn.Conv2d(3, 4, 2, 2), nn.Upsample(scale_factor=4, mode="bilinear"), nn.PixelUnshuffle(2)
    ),
    "squeeze": nn.Sequential(nn.Conv2d(3, 4, 3), SqueezeExcite(4), nn.Softmax(dim=1)),
    "norms": nn.Sequential(nn.Conv2d(3, 4, 3), nn.InstanceNorm2d(4, affine=True), nn.GroupNorm(2, 4)),
    "global": nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)),
}


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_replaying_gives_the_scores(network: nn.Module):
    torch.manual_seed(0)
    network = network.double().eval()
    replay = Replay(network, trace(network, (92, 92)))
    for size in ((92, 92), (60, 108)):
        pixels = torch.rand(2, 3, *size, dtype=torch.float64)
        with torch.no_grad():
            wanted, found = network(pixels), replay(pixels)
        assert found.shape == wanted.shape
        assert (found - wanted).abs().max() < 1e-12


def test_a_classifier_is_replayed_on_its_patch():
    network = membrane_classifier(2).eval()
    pixels = torch.rand(3, 1, 65, 65)
    with torch.no_grad():
        assert torch.allclose(Replay(network, trace(network, (65, 65), 1))(pixels), network(pixels), atol=1e-6)

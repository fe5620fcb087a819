"""Published facts of the U-Net: Ronneberger, Fischer, Brox 2015, figure 1 and section 3."""

import math

import pytest
import torch
from torch import nn

from pixelwise.models import catalog
from pixelwise.models.segmentation.unet import accepted_size, margin


@pytest.fixture(scope="module")
def paper() -> nn.Module:
    torch.manual_seed(0)
    return catalog["unet_paper"](2).eval()


def test_an_image_of_572_gives_scores_of_388(paper: nn.Module):
    shapes = paper.to("meta")(torch.empty(1, 3, 572, 572, device="meta")).shape
    assert shapes == (1, 2, 388, 388)


def test_it_has_23_convolutional_layers():
    meta = catalog["unet_paper"](2)
    layers = [part for part in meta.modules() if isinstance(part, nn.Conv2d | nn.ConvTranspose2d)]
    assert len(layers) == 23  # "In total the network has 23 convolutional layers."
    assert sum(isinstance(part, nn.ConvTranspose2d) for part in layers) == 4


def test_channels_double_down_and_halve_up():
    net = catalog["unet_paper"](2)
    assert [level[0].out_channels for level in net.down] == [64, 128, 256, 512, 1024]
    assert [(step.up.in_channels, step.up.out_channels) for step in net.up] == [
        (1024, 512), (512, 256), (256, 128), (128, 64)
    ]  # fmt: skip
    assert [(step.convolve[0].in_channels, step.convolve[0].out_channels) for step in net.up] == [
        (1024, 512), (512, 256), (256, 128), (128, 64)
    ]  # fmt: skip
    assert (net.classify.in_channels, net.classify.out_channels, net.classify.kernel_size) == (64, 2, (1, 1))
    assert not any(isinstance(part, nn.BatchNorm2d) for part in net.modules())


def test_the_margin_is_92():
    assert margin(4) == 92 == (572 - 388) // 2
    assert accepted_size(572, 4) == 572


def test_the_number_of_parameters_by_hand():
    def conv3(before: int, after: int) -> int:
        return before * after * 9 + after

    down = sum(
        conv3(a, b) + conv3(b, b) for a, b in [(3, 64), (64, 128), (128, 256), (256, 512), (512, 1024)]
    )  # 18 847 680 for RGB; the paper's gray images would take 1152 fewer
    up = sum(
        (2 * b * b * 4 + b) + conv3(2 * b, b) + conv3(b, b) for b in [512, 256, 128, 64]
    )  # up-convolution of 2x2, then two convolutions
    classify = 64 * 2 + 2
    counted = sum(weight.numel() for weight in catalog["unet_paper"](2).parameters())
    assert counted == down + up + classify == 31_031_810


def test_initial_weights_have_the_deviation_of_the_paper():
    # "... drawing the initial weights from a Gaussian distribution with a standard deviation of sqrt(2/N)", "e.g. for a
    # 3x3 convolution and 64 feature channels in the previous layer N = 9 * 64 = 576".
    torch.manual_seed(0)
    net = catalog["unet_paper"](2)
    second = net.down[0][2]
    assert second.in_channels == 64
    for part in net.modules():
        if isinstance(part, nn.Conv2d):
            incoming = part.in_channels * part.kernel_size[0] * part.kernel_size[1]
        elif isinstance(part, nn.ConvTranspose2d):
            incoming = part.in_channels  # each output of a 2x2 up-convolution of stride 2 has one tap per channel
        else:
            continue
        expected, count = math.sqrt(2 / incoming), part.weight.numel()
        # The deviation of n normal draws scatters by 1 / sqrt(2 n) of itself, their mean by 1 / sqrt(n); 5 of those.
        assert abs(part.weight.std() / expected - 1) <= 5 / math.sqrt(2 * count)
        assert abs(part.weight.mean() / expected) <= 5 / math.sqrt(count)
        assert part.bias.eq(0).all()


def test_the_largest_values_are_gaussian_not_uniform():
    torch.manual_seed(0)
    weight = catalog["unet_paper"](2).down[1][2].weight.flatten()
    beyond = (weight.abs() > 2 * weight.std()).float().mean()
    assert beyond == pytest.approx(0.0455, abs=0.003)  # P(|z| > 2); a uniform distribution has none

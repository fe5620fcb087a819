"""Published facts of DeconvNet: Noh, Hong, Han 2015, and the authors' released layer definition."""

import pytest
import torch
from torch import nn

from pixelwise.models.segmentation.deconvnet import DeconvNet, deconvnet

MIRRORED = {
    "deconv5": ([512, 512, 512], 14),
    "deconv4": ([512, 512, 256], 28),
    "deconv3": ([256, 256, 128], 56),
    "deconv2": ([128, 64], 112),
    "deconv1": ([64, 64], 224),
}
"""Outputs of each stage's deconvolutions, and the side of its maps for an image of 224 pixels."""


@pytest.fixture(scope="module")
def paper() -> DeconvNet:
    """The network for the 21 classes of PASCAL VOC, without memory for its weights."""
    with torch.device("meta"):
        return deconvnet(21)


def test_the_mirrored_half_has_the_published_channels(paper: DeconvNet):
    channels = 512
    for stage, (outputs, _) in zip(paper.deconv, MIRRORED.values(), strict=True):
        layers = [layer for layer in stage if isinstance(layer, nn.ConvTranspose2d)]
        assert [layer.out_channels for layer in layers] == outputs
        assert [layer.in_channels for layer in layers] == [channels, *outputs[:-1]]
        assert all((layer.kernel_size, layer.stride, layer.padding) == ((3, 3), (1, 1), (1, 1)) for layer in layers)
        channels = outputs[-1]
    assert (paper.score.in_channels, paper.score.out_channels, paper.score.kernel_size) == (64, 21, (1, 1))


def test_maps_have_the_published_sizes_for_an_image_of_224():
    model = deconvnet(2, width=1, hidden=2).eval()
    sides = []
    for part in (model.fc6, model.fc7, model.fc6_deconv, *model.deconv):
        part.register_forward_hook(lambda module, given, result: sides.append(result.shape[-1]))
    assert model(torch.rand(1, 3, 224, 224)).shape == (1, 2, 224, 224)
    assert sides == [1, 1, 7, *(side for _, side in MIRRORED.values())]


def test_the_bottleneck_is_7x7_and_1x1_and_7x7(paper: DeconvNet):
    layers = [paper.fc6[0], paper.fc7[0], paper.fc6_deconv[0]]
    assert [(layer.in_channels, layer.out_channels, layer.kernel_size) for layer in layers] == [
        (512, 4096, (7, 7)),
        (4096, 4096, (1, 1)),
        (4096, 512, (7, 7)),
    ]


def test_every_layer_but_the_scores_has_batch_normalisation_and_a_relu(paper: DeconvNet):
    # "13 convolutional layers altogether"; "2 fully connected layers"; the mirror of them all.
    kinds = [type(layer) for layer in paper.modules()]
    assert kinds.count(nn.Conv2d) == 13 + 2 + 1
    assert kinds.count(nn.ConvTranspose2d) == 13 + 1
    assert kinds.count(nn.BatchNorm2d) == kinds.count(nn.ReLU) == 29
    assert kinds.count(nn.MaxPool2d) == 5


def test_the_number_of_parameters_layer_by_layer(paper: DeconvNet):
    convolutions = [
        (3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 256),
        (256, 512), (512, 512), (512, 512), (512, 512), (512, 512), (512, 512),
    ]  # fmt: skip
    deconvolutions, before = [], 512
    for outputs, _ in MIRRORED.values():
        for after in outputs:
            deconvolutions.append((before, after))
            before = after
    # A bias, and the scale and shift of batch normalisation; deconvolutions here have no bias beside the shift.
    down = sum(9 * a * b + 3 * b for a, b in convolutions)
    bottleneck = 512 * 49 * 4096 + 3 * 4096 + 4096 * 4096 + 3 * 4096 + 4096 * 49 * 512 + 2 * 512
    up = sum(9 * a * b + 2 * b for a, b in deconvolutions)
    counted = sum(weight.numel() for weight in paper.parameters())
    assert counted == down + bottleneck + up + 64 * 21 + 21


def test_mirrored_weights_start_as_released():
    # weight_filler: gaussian, std 0.01; bias_filler: constant 0.
    model = deconvnet(2, width=4, hidden=16)
    weight = model.fc6_deconv[0].weight
    # The deviation of n normal draws scatters by 1 / sqrt(2 n) of itself; 5 of those.
    assert float(weight.detach().std()) == pytest.approx(0.01, rel=5 / (2 * weight.numel()) ** 0.5)
    assert not model.score.bias.any()

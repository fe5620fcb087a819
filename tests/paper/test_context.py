"""Published facts of the dilated front end and context module: Yu and Koltun 2016, and their released definitions."""

import pytest
import torch
from torch import nn

from pixelwise.dense import receptive_field
from pixelwise.models.segmentation.context import MARGIN, ContextModule, FrontEnd, context_net, front_end


@pytest.fixture(scope="module")
def paper() -> FrontEnd:
    """The large network for the 21 classes of PASCAL VOC, without memory for its weights."""
    with torch.device("meta"):
        return context_net(21, "large", border="reflect")


@pytest.mark.parametrize("size", ["basic", "large"])
def test_the_receptive_field_grows_as_in_table_1(size: str):
    layers = list(ContextModule(3, size))
    stops = [2, 4, 6, 8, 10, 12, 14, 15]  # a convolution and its ReLU; the last has none
    sides = [receptive_field(nn.Sequential(*layers[:stop]), 160).size for stop in stops]
    assert sides == [(side, side) for side in (3, 5, 9, 17, 33, 65, 67, 67)]


@pytest.mark.parametrize(("size", "channels"), [("basic", [1] * 8), ("large", [2, 2, 4, 8, 16, 32, 32, 1])])
def test_layers_are_those_of_table_1(size: str, channels: list[int]):
    layers = [layer for layer in ContextModule(21, size) if isinstance(layer, nn.Conv2d)]
    assert [layer.out_channels for layer in layers] == [21 * factor for factor in channels]
    assert [layer.dilation[0] for layer in layers] == [1, 1, 2, 4, 8, 16, 1, 1]
    assert [layer.kernel_size for layer in layers] == [(3, 3)] * 7 + [(1, 1)]
    # "pointwise truncation max(., 0)" after all layers but the last.
    assert [type(part) for part in ContextModule(21, size)] == [nn.Conv2d, nn.ReLU] * 7 + [nn.Conv2d]


def test_the_basic_module_has_64_c_squared_weights():
    # Table 1: 7 layers of 3x3 and one of 1x1, each from C to C channels, and a bias for each of them.
    channels = 21
    counted = sum(weight.numel() for weight in ContextModule(channels).parameters())
    assert counted == 64 * channels**2 + 8 * channels


def test_the_front_end_sees_380_pixels_at_stride_8():
    network = front_end(2, width=1, hidden=1, border="reflect")
    field = receptive_field(nn.Sequential(network.features, network.head), 380 + 64)
    assert field.size == (380, 380)
    assert field.stride == (8, 8)
    # The released code's label_margin: half of what is seen beyond a cell of 8 pixels.
    assert MARGIN == (380 - 8) // 2 == 186
    assert field.offset == (MARGIN + 4, MARGIN + 4)


def test_released_crops_give_the_released_number_of_scores(paper: FrontEnd):
    # train.py: crops of 500 pixels, (500 - 372) / 8 scores; the released PASCAL network takes 900 pixels, 66 scores.
    coarse = nn.Sequential(paper.features, paper.head, paper.context)
    for side in (500, 900):
        scores = coarse(torch.empty(1, 3, side, side, device="meta"))
        assert scores.shape == (1, 21, (side - 372) // 8, (side - 372) // 8)


def test_the_released_layers(paper: FrontEnd):
    # dilation8_pascal_voc_deploy: no padding before the context module; conv5 dilated by 2, fc6 by 4.
    convolutions = [layer for layer in paper.features if isinstance(layer, nn.Conv2d)]
    assert [layer.out_channels for layer in convolutions] == [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6
    assert [layer.dilation[0] for layer in convolutions] == [1] * 10 + [2] * 3
    assert all(layer.padding == (0, 0) for layer in convolutions)
    assert sum(isinstance(layer, nn.MaxPool2d) for layer in paper.features) == 3
    conv6, conv7, score = (layer for layer in paper.head if isinstance(layer, nn.Conv2d))
    assert (conv6.kernel_size, conv6.dilation, conv6.out_channels) == ((7, 7), (4, 4), 4096)
    assert (conv7.kernel_size, conv7.out_channels) == ((1, 1), 4096)
    assert (score.kernel_size, score.out_channels) == ((1, 1), 21)
    context = [layer.out_channels for layer in paper.context if isinstance(layer, nn.Conv2d)]
    assert context == [42, 42, 84, 168, 336, 672, 672, 21]

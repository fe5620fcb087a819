"""Published facts of the classifiers: Simonyan and Zisserman 2015, He et al. 2016, and torchvision's documentation."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from pixelwise import backbones
from pixelwise.dense import receptive_field

PARAMETERS = {
    "vgg11": 132_863_336,
    "vgg13": 133_047_848,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
    "vgg11_bn": 132_868_840,
    "vgg13_bn": 133_053_736,
    "vgg16_bn": 138_365_992,
    "vgg19_bn": 143_678_248,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
}
"""As torchvision's documentation lists them."""


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_number_of_parameters_is_the_published_one(name: str):
    with torch.device("meta"):
        network = getattr(backbones, name)()
    assert sum(weight.numel() for weight in network.parameters()) == PARAMETERS[name]


@pytest.mark.parametrize("name", PARAMETERS)
def test_an_image_of_224_pixels_ends_as_7_cells_a_side_and_1000_scores(name: str):
    with torch.device("meta"):
        network, images = getattr(backbones, name)().eval(), torch.empty(1, 3, 224, 224)
    levels = network.levels(images)
    assert levels[-1].shape[-2:] == (7, 7)
    assert [level.shape[1] for level in levels] == list(network.channels)
    assert [224 // level.shape[-1] for level in levels] == list(network.strides)
    assert network(images).shape == (1, 1000)


class Deepest(nn.Module):
    """The coarsest level alone."""

    def __init__(self, backbone: backbones.Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, images: Tensor) -> Tensor:
        return self.backbone.levels(images)[-1]


@pytest.mark.compile
@pytest.mark.parametrize(
    ("build", "size"),
    # VGG-16: 404 with the 7x7 cells of fc6 (Long, Shelhamer, Darrell 2015, table 1), which are 6 * 32 more than 212.
    # ResNet-50 and -101: 483 and 1027 are published (Araujo, Norris, Sim 2019) for strides at the end of a stage and
    # none in the last, which tests/dense checks. With strides at the start, as the published weights have them, the
    # same sums give 427 and 971:
    # 11 + 3 * 8 + (8 + 3 * 16) + (16 + 5 * 32) + (32 + 2 * 64) = 427, and 17 * 32 more in ResNet-101.
    [(backbones.vgg16, 212), (backbones.resnet50, 427), (backbones.resnet101, 971)],
)
def test_the_receptive_field_is_the_sum_over_the_table(build: Callable[..., nn.Module], size: int):
    found = receptive_field(Deepest(build(width=2)).eval(), 224)
    assert found.size == (size, size)
    assert found.stride == (32, 32)

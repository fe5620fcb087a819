"""Published facts of FCN: Long, Shelhamer, Darrell 2015."""

import pytest
import torch
from torch import nn

from pixelwise.dense import receptive_field
from pixelwise.models.segmentation.fcn import FCN, fcn8s, fcn16s, fcn32s
from pixelwise.ops import bilinear_kernel


def published(build: object, upsampling: str = "bilinear") -> FCN:
    """The paper's network for the 21 classes of PASCAL VOC, without memory for its weights."""
    with torch.device("meta"):
        return build(21, upsampling=upsampling)  # type: ignore[operator]


def parameters(model: nn.Module) -> int:
    return sum(weight.numel() for weight in model.parameters())


def test_the_number_of_parameters_layer_by_layer():
    def layer(before: int, after: int, kernel: int) -> int:
        return before * after * kernel**2 + after

    convolutions = [
        (3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 256),
        (256, 512), (512, 512), (512, 512), (512, 512), (512, 512), (512, 512),
    ]  # fmt: skip
    features = sum(layer(before, after, 3) for before, after in convolutions)
    coarse = features + layer(512, 4096, 7) + layer(4096, 4096, 1) + layer(4096, 21, 1)
    # Table 1 gives "134M" for FCN-VGG16.
    assert parameters(published(fcn32s)) == coarse == 134_346_581
    assert parameters(published(fcn16s)) == coarse + layer(512, 21, 1) == 134_357_354
    assert parameters(published(fcn8s)) == coarse + layer(512, 21, 1) + layer(256, 21, 1) == 134_362_751


def test_learned_kernels_are_those_of_the_paper_for_each_class():
    # "upscore2" is 4x4 with stride 2, "upscore8" 16x16 with stride 8, "upscore" 64x64 with stride 32.
    assert [tuple(weight.shape[2:]) for name, weight in published(fcn8s, "learned").named_parameters()][-3:] == [
        (4, 4), (4, 4), (16, 16)
    ]  # fmt: skip
    model = fcn32s(2, width=1, hidden=1, upsampling="learned")
    assert torch.equal(model.last.weight, bilinear_kernel(32, 2))


@pytest.mark.parametrize("stride", [32])
def test_the_receptive_field_of_vgg16_is_404_at_stride_32(stride: int):
    # Table 1: "rf size 404, max stride 32".
    model = fcn32s(2, width=1, hidden=1)
    field = receptive_field(nn.Sequential(model.features, model.head))
    assert field.size == (404, 404)
    assert field.stride == (stride, stride)
    assert field.offset == (16.0, 16.0)  # the centre of the cell's 32 pixels


def test_finer_stages_predict_at_16_and_8_pixels():
    # Section 4.2: "combining predictions from both the final layer and the pool4 layer, at stride 16", pool3 at 8.
    images = torch.rand(1, 3, 64, 96)
    shapes = [build(2, width=1, hidden=1).coarse(images).shape[-2:] for build in (fcn32s, fcn16s, fcn8s)]
    assert shapes == [(2, 3), (4, 6), (8, 12)]


def test_it_has_15_convolutions_and_one_score_for_each_level():
    model = published(fcn8s)
    kernels = [layer.kernel_size for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    assert kernels == [(3, 3)] * 13 + [(7, 7), (1, 1)] + [(1, 1)] * 3
    assert [layer.in_channels for layer in model.skip_scores] == [512, 256]  # pool4, pool3
    assert model.head.drop6.p == model.head.drop7.p == 0.5

"""Published receptive fields, and the union of paths against a probe."""

from fractions import Fraction

import pytest
import torch
from torch import Tensor, nn

from pixelwise.dense import receptive_field
from pixelwise.errors import InputError
from pixelwise.models import UNet
from references.published_networks import VGG16, ConvNextBlock, SqueezeExcite, mobilenet_v1, resnet, vgg

# The export of a network cannot trace through the shape checker, which stays outside: nothing of pixelwise is inside.


@pytest.mark.parametrize(
    ("network", "size", "stride"),
    [
        (vgg(VGG16, width=1), 212, 32),
        (resnet((3, 4, 6, 3), width=1, stride_last=True), 483, 32),
        (resnet((3, 4, 23, 3), width=1, stride_last=True), 1027, 32),
        (mobilenet_v1(width=1), 315, 32),
        (nn.Sequential(*vgg(VGG16, width=1), nn.Conv2d(8, 4, 7), nn.Conv2d(4, 2, 1)), 404, 32),
    ],
    ids=["VGG-16", "ResNet-50", "ResNet-101", "MobileNet-v1", "FCN-VGG-16"],
)
def test_published_values(network: nn.Module, size: int, stride: int):
    """google-research/receptive_field, RECEPTIVE_FIELD_TABLE.md; Long et al. 2015, table 1 for the last."""
    field = receptive_field(network, 224)
    assert field.size == (size, size)
    assert field.stride == (stride, stride)
    assert field.alignment == (stride, stride)
    assert field.exact


def test_a_fully_connected_layer_is_a_convolution_over_all_cells():
    head = nn.Sequential(*vgg(VGG16, width=1), nn.Flatten(), nn.Linear(8 * 49, 10))
    assert receptive_field(head, 224).size == (404, 404)


def test_offset_is_the_centre_of_the_first_output():
    plain = receptive_field(nn.Sequential(nn.Conv2d(3, 1, 3, padding=1), nn.MaxPool2d(2)), 16)
    assert plain.offset == (1.0, 1.0)
    unpadded = receptive_field(nn.Conv2d(3, 1, 5), 16)
    assert unpadded.offset == (2.5, 2.5)
    shifted = receptive_field(nn.Sequential(nn.ZeroPad2d((1, 0, 0, 0)), nn.Conv2d(3, 1, (1, 2))), 16)
    assert shifted.offset == (0.5, 0.0)


def test_axes_are_told_apart():
    field = receptive_field(nn.Conv2d(3, 1, (5, 3), stride=(2, 1), dilation=(1, 4)), 32)
    assert (field.size, field.stride, field.alignment) == ((5, 9), (2, 1), (2, 1))


def test_a_finer_output_has_a_fraction_as_stride():
    field = receptive_field(nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.PixelShuffle(2)), 16)
    assert field.stride == (Fraction(1, 2), Fraction(1, 2))
    assert field.alignment == (1, 1)


def probed(network: nn.Module, side: int) -> tuple[int, int]:
    """First and last row that an output sees, relative to it, by NaN; the widest over all outputs in the middle.

    At the border torch's interpolation reads a clamped neighbour with weight 0, which NaN does not respect.
    """
    network = network.double().eval()
    reach = []
    for row in range(side):
        image = torch.rand(1, 3, side, 8, dtype=torch.float64)
        image[0, :, row] = torch.nan
        seen = network(image)[0].isnan().any(dim=0).any(dim=1).nonzero().flatten()
        seen = seen[(seen >= side // 4) & (seen < side - side // 4)]
        reach += [(row - int(out), row - int(out)) for out in seen]
    return min(low for low, _ in reach), max(high for _, high in reach)


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(nn.Conv2d(3, 2, 3, padding=1), nn.MaxPool2d(2), nn.Upsample(scale_factor=2)),
        nn.Sequential(nn.Conv2d(3, 2, 3, 2, 1), nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(2, 1, 1)),
        nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(3, 2, 3, padding=1), nn.ConvTranspose2d(2, 1, 4, 2, 1)),
        nn.Sequential(nn.Conv2d(3, 2, 5, padding="same"), nn.PixelUnshuffle(2), nn.Conv2d(8, 4, 1), nn.PixelShuffle(2)),
        nn.Sequential(nn.AvgPool2d(2), nn.Upsample(scale_factor=2, mode="bicubic")),
        ConvNextBlock(3),
        UNet(2, width=2, depth=1),
    ],
    ids=["nearest", "bilinear", "transposed", "shuffle", "bicubic", "convnext", "unet"],
)
def test_nothing_outside_the_field_changes_an_output(network: nn.Module):
    field = receptive_field(network, (48, 8))
    assert field.size is not None
    assert field.stride == (1, 1)
    low, high = probed(network, 48)
    assert field.size[0] == high - low + 1
    assert field.offset is not None
    assert field.offset[0] == pytest.approx((low + high + 1) / 2)


@pytest.mark.parametrize(
    ("network", "culprit"),
    [
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.InstanceNorm2d(4)), "instance_norm"),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4)), "group_norm"),
        (nn.Sequential(nn.Conv2d(3, 4, 3), SqueezeExcite(4)), "1.gate.0 (adaptive_avg_pool2d)"),
        (nn.UpsamplingBilinear2d(scale_factor=2), "upsample_bilinear2d"),
        (nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)), "adaptive_avg_pool2d"),
    ],
)
def test_unbounded_names_the_node(network: nn.Module, culprit: str):
    field = receptive_field(network, 32)
    assert not field.exact
    assert culprit in field.blocked_by
    assert str(field) == f"unbounded because of {field.blocked_by}"


def test_the_record_reads_well():
    assert str(receptive_field(vgg("1M", width=1), 32)) == (
        "4x4 pixels, stride 2x2, first centre at (1, 1), alignment 2x2"
    )


class Branching(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if x.sum() > 0:
            return x
        return -x


def test_a_network_that_cannot_be_followed_names_the_line():
    with pytest.raises(InputError, match=r"test_receptive_field\.py:\d+ \(if x\.sum\(\) > 0:\)"):
        receptive_field(Branching(), 16)


def test_layers_that_do_not_fit_each_other_are_no_traceback_of_torch(caplog: pytest.LogCaptureFixture):
    network = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(2, 2))
    with pytest.raises(InputError, match=r"for 3 x 9 x 9 images, got RuntimeError: .* in one of torch's own layers"):
        receptive_field(network, 9)
    assert [record for record in caplog.records if record.levelname != "DEBUG"] == []


class Two(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x * 2


def test_two_results_are_refused():
    with pytest.raises(InputError, match="2 results"):
        receptive_field(Two(), 16)

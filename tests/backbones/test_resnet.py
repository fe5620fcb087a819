"""The residual classifiers: levels, sizes, names, and strides turned into dilations."""

import json
from itertools import product
from pathlib import Path

import pytest
import torch
from torch import nn

from pixelwise import backbones
from pixelwise.backbones import Backbone, ResNet, resnet18
from pixelwise.backbones.resnet import BasicBlock, Bottleneck
from pixelwise.errors import InputError

VARIANTS = {"resnet18": 18, "resnet34": 34, "resnet50": 50, "resnet101": 101}


def tiny(name: str, **settings: object) -> ResNet:
    return getattr(backbones, name)(**{"width": 2, "num_classes": 3, **settings}).eval()


def shaken(network: ResNet) -> ResNet:
    """The network in float64 with statistics and scales unlike those at the start."""
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.running_mean, std=0.1)
            nn.init.uniform_(part.running_var, 0.5, 1.5)
            nn.init.uniform_(part.weight, 0.5, 1.0)
            nn.init.normal_(part.bias, std=0.1)
    return network.double()


@pytest.mark.parametrize("name", VARIANTS)
def test_it_is_a_backbone_whose_numbers_hold(name: str):
    network = tiny(name)
    assert isinstance(network, Backbone)
    images = torch.rand(1, 3, 71, 96)
    levels = network.levels(images)
    assert [level.shape[1] for level in levels] == list(network.channels)
    assert [level.shape[-2:] for level in levels] == [(-(-71 // s), -(-96 // s)) for s in network.strides]
    assert network.strides == (4, 8, 16, 32)
    assert network(images).shape == (1, 3)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_name_counts_layers_with_weights(name: str):
    layers = [path for path, part in tiny(name).named_modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    assert len([path for path in layers if "downsample" not in path]) == VARIANTS[name]


@pytest.mark.data
@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_names_and_shapes_are_those_of_the_published_weights(name: str, real_data: Path):
    published = json.loads((real_data / "torchvision_names" / f"sd_{name}.json").read_text())
    with torch.device("meta"):
        network = getattr(backbones, name)()
    assert [[key, list(value.shape)] for key, value in network.state_dict().items()] == published


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck])
@pytest.mark.parametrize("dilate", [each for each in product((False, True), repeat=3) if any(each)])
def test_dilated_levels_hold_the_strided_ones_at_every_second_cell(
    block: type[BasicBlock] | type[Bottleneck], dilate: tuple[bool, bool, bool]
):
    strided = shaken(ResNet(block, (1, 2, 2, 2), num_classes=3, width=2).eval())
    dilated = ResNet(block, (1, 2, 2, 2), num_classes=3, width=2, dilate=dilate).double().eval()
    dilated.load_state_dict(strided.state_dict())
    images = torch.rand(1, 3, 65, 48, dtype=torch.float64)  # odd and even counts of cells
    for ours, theirs, fine, coarse in zip(
        dilated.levels(images), strided.levels(images), dilated.strides, strided.strides, strict=True
    ):
        step = coarse // fine
        assert ours.shape[-2:] == (-(-65 // fine), -(-48 // fine))
        torch.testing.assert_close(ours[..., ::step, ::step], theirs, rtol=1e-12, atol=1e-12)
    assert dilated.strides == tuple(stride >> sum(dilate[:stage]) for stage, stride in enumerate((4, 8, 16, 32)))


def test_without_the_dilation_the_identity_fails():
    strided = shaken(tiny("resnet18"))
    dilated = tiny("resnet18", dilate=(False, False, True)).double()
    dilated.load_state_dict(strided.state_dict())
    for part in dilated.layer4.modules():
        if isinstance(part, nn.Conv2d) and part.kernel_size == (3, 3):
            part.dilation = part.padding = (1, 1)
    images = torch.rand(1, 3, 96, 96, dtype=torch.float64)
    ours, theirs = dilated.levels(images)[-1][..., ::2, ::2], strided.levels(images)[-1]
    assert (ours - theirs).abs().max() > 1e-3 * theirs.abs().max()


def test_the_stride_of_a_bottleneck_is_on_its_3x3():
    first = tiny("resnet50").layer2[0]
    assert (first.conv1.stride, first.conv2.stride, first.downsample[0].stride) == ((1, 1), (2, 2), (2, 2))


def test_levels_are_not_overwritten_by_later_stages():
    network, images = tiny("resnet50"), torch.rand(1, 3, 64, 64)
    first = network.layer1(network.maxpool(network.relu(network.bn1(network.conv1(images)))))
    assert torch.equal(network.levels(images)[0], first)


def test_scores_average_over_the_last_cells():
    network, images = tiny("resnet34"), torch.rand(2, 3, 70, 70)
    by_hand = network.levels(images)[-1].mean(dim=(2, 3)) @ network.fc.weight.T + network.fc.bias
    torch.testing.assert_close(network(images), by_hand)


def test_a_single_pixel_will_do_but_none_will_not():
    network = tiny("resnet18")
    assert network(torch.rand(1, 3, 1, 1)).isfinite().all()
    with pytest.raises(InputError) as refusal:
        network(torch.rand(1, 3, 0, 5))
    assert str(refusal.value) == "wanted images of at least 1x1 pixels, got 0x5\nhint: check how they were cut"


def test_an_image_in_a_batch_gets_the_scores_it_gets_alone():
    network, images = tiny("resnet50"), torch.rand(3, 3, 40, 50)
    torch.testing.assert_close(network(images)[1:2], network(images[1:2]))


@pytest.mark.parametrize("setting", ["num_classes", "width"])
def test_senseless_settings_are_named(setting: str):
    with pytest.raises(InputError, match=f"wanted a ResNet with {setting} >= 1, got {setting} = 0"):
        resnet18(**{setting: 0})


@pytest.mark.parametrize("blocks", [(), (1, 1, 1), (1, 0, 1, 1)])
def test_other_stages_than_four_are_refused(blocks: tuple[int, ...]):
    with pytest.raises(InputError) as refusal:
        ResNet(BasicBlock, blocks)
    assert str(refusal.value) == (
        "wanted at least one block in each of 4 stages, and dilate for the last 3, "
        f"got blocks = {blocks}, dilate = (False, False, False)\n"
        "hint: pass blocks=(3, 4, 6, 3), dilate=(False, True, True) for instance"
    )


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_every_parameter_gets_a_gradient(name: str):
    network = tiny(name).train()
    network(torch.rand(2, 3, 64, 64)).square().sum().backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in network.parameters())
    assert all(weight.grad.abs().max() > 0 for weight in network.parameters())


def test_batch_normalisation_starts_as_scale_1_and_shift_0():
    for part in tiny("resnet50").modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.weight.eq(1).all()
            assert part.bias.eq(0).all()
        if isinstance(part, nn.Conv2d) and part.weight.numel() > 500:
            taps = part.out_channels * part.kernel_size[0] * part.kernel_size[1]
            assert part.weight.std().item() == pytest.approx((2 / taps) ** 0.5, rel=0.16)  # 5 / sqrt(2 * 500)

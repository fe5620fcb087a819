"""The VGG classifiers: levels, sizes, names and initial weights."""

import json
import math
from pathlib import Path

import pytest
import torch
from torch import nn

from pixelwise import backbones
from pixelwise.backbones import VGG, Backbone, vgg11, vgg16_bn
from pixelwise.errors import InputError

VARIANTS = [f"vgg{depth}{ending}" for depth in (11, 13, 16, 19) for ending in ("", "_bn")]


def tiny(name: str, **settings: object) -> VGG:
    return getattr(backbones, name)(**{"width": 2, "hidden": 8, "num_classes": 3, **settings}).eval()


@pytest.mark.parametrize("name", VARIANTS)
def test_it_is_a_backbone_whose_numbers_hold(name: str):
    network = tiny(name)
    assert isinstance(network, Backbone)
    images = torch.rand(2, 3, 71, 96)
    levels = network.levels(images)
    assert [level.shape[1] for level in levels] == list(network.channels) == [2, 4, 8, 16, 16]
    assert [level.shape[-2:] for level in levels] == [(71 // stride, 96 // stride) for stride in network.strides]
    assert network(images).shape == (2, 3)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_name_counts_layers_with_weights(name: str):
    layers = [part for part in tiny(name).modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    assert len(layers) == int(name.removeprefix("vgg").removesuffix("_bn"))


@pytest.mark.data
@pytest.mark.parametrize("name", ["vgg16", "vgg16_bn"])
def test_names_and_shapes_are_those_of_the_published_weights(name: str, real_data: Path):
    published = json.loads((real_data / "torchvision_names" / f"sd_{name}.json").read_text())
    with torch.device("meta"):
        network = getattr(backbones, name)()
    assert [[key, list(value.shape)] for key, value in network.state_dict().items()] == published


def test_the_last_level_is_what_the_features_give():
    network, images = tiny("vgg11_bn"), torch.rand(1, 3, 64, 64)
    levels = network.levels(images)
    assert torch.equal(levels[-1], network.features(images))
    # Rectified in place before each pooling, so a level is never negative.
    assert all(bool((level >= 0).all()) and bool((level > 0).any()) for level in levels)


def test_an_image_in_a_batch_gets_the_scores_it_gets_alone():
    network, images = tiny("vgg16"), torch.rand(3, 3, 40, 50)
    torch.testing.assert_close(network(images)[1:2], network(images[1:2]))


def test_32_pixels_are_the_least():
    network = tiny("vgg11")
    assert network(torch.rand(1, 3, 32, 32)).shape == (1, 3)
    for run in (network, network.levels):
        with pytest.raises(InputError) as refusal:
            run(torch.rand(1, 3, 31, 40))
        assert str(refusal.value) == (
            "wanted images of at least 32x32 pixels, as a VGG halves them five times, got 31x40\n"
            "hint: enlarge or pad them to 32x40"
        )


@pytest.mark.parametrize("setting", ["num_classes", "width", "hidden"])
def test_senseless_settings_are_named(setting: str):
    with pytest.raises(InputError, match=f"wanted a VGG with {setting} >= 1, got {setting} = 0"):
        vgg11(**{setting: 0})


@pytest.mark.parametrize("convolutions", [(), (1, 1, 1, 1), (1, 1, 0, 1, 1)])
def test_other_stages_than_five_are_refused(convolutions: tuple[int, ...]):
    with pytest.raises(InputError) as refusal:
        VGG(convolutions)
    assert str(refusal.value) == (
        f"wanted at least one convolution before each of 5 poolings, got convolutions = {convolutions}\n"
        "hint: pass (2, 2, 3, 3, 3) for instance"
    )


def test_every_parameter_gets_a_gradient():
    network = vgg16_bn(width=2, hidden=8, num_classes=3, dropout=0.0).train()
    network(torch.rand(2, 3, 64, 64)).square().sum().backward()
    assert all(bool(weight.grad.isfinite().all()) for weight in network.parameters())
    # A convolution's bias before batch normalisation only shifts a mean that is taken off again.
    moved = {name for name, weight in network.named_parameters() if weight.grad.abs().max() > 0}
    still = {name for name, _ in network.named_parameters()} - moved
    assert all(name.startswith("features") and name.endswith("bias") for name in still)


def test_dropout_acts_in_training_only():
    network, images = tiny("vgg11", dropout=0.5), torch.rand(1, 3, 32, 32)
    assert torch.equal(network(images), network(images))
    draws = [network.train()(images) for _ in range(8)]
    assert any(not torch.equal(draws[0], other) for other in draws[1:])


def test_initial_weights_have_the_published_deviations():
    network = vgg11(width=16, hidden=64, num_classes=10)
    for part in network.modules():
        if isinstance(part, nn.Conv2d):
            expected = math.sqrt(2 / (part.out_channels * 9))
        elif isinstance(part, nn.Linear):
            expected = 0.01
        else:
            continue
        # The deviation of n normal draws scatters by 1 / sqrt(2 n) of itself; 5 of those.
        assert abs(part.weight.std() / expected - 1) <= 5 / math.sqrt(2 * part.weight.numel())
        assert part.bias.eq(0).all()

"""Encoders of the transformers package: a stand-in for what is ours, the package itself where it is installed."""

import importlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pixelwise.backbones import Backbone, TransformersBackbone, transformers_backbone
from pixelwise.errors import InputError


class Encoder(nn.Module):
    """Two maps, the way transformers gives them."""

    channels = (2, 4)

    def __init__(self, strides: tuple[int, int] = (4, 8)) -> None:
        super().__init__()
        self.stages = nn.ModuleList(
            nn.Conv2d(3, count, stride, stride) for count, stride in zip((2, 4), strides, strict=True)
        )

    def forward(self, images: Tensor) -> SimpleNamespace:
        return SimpleNamespace(feature_maps=tuple(stage(images) for stage in self.stages))


def test_it_is_a_backbone_whose_numbers_hold():
    network = TransformersBackbone(Encoder().train())
    assert isinstance(network, Backbone)
    assert (network.channels, network.strides) == ((2, 4), (4, 8))
    assert network.encoder.training
    images = torch.rand(2, 3, 40, 64)
    assert [level.shape for level in network.levels(images)] == [(2, 2, 10, 16), (2, 4, 5, 8)]


def test_maps_whose_sides_do_not_divide_the_probe_are_refused():
    with pytest.raises(InputError) as refusal:
        TransformersBackbone(Encoder((4, 13)))
    assert str(refusal.value) == (
        "wanted feature maps of which 224x224 pixels are a multiple, got 17x17\n"
        "hint: choose an encoder whose patches are 7, 8, 14, 16, 28 or 32 pixels wide"
    )


@pytest.mark.parametrize("maps", [None, (), (torch.zeros(1, 5, 8),)])
def test_an_encoder_without_maps_is_refused(maps: object):
    encoder = Encoder()
    encoder.forward = lambda images: SimpleNamespace(feature_maps=maps)
    with pytest.raises(InputError) as refusal:
        TransformersBackbone(encoder)
    assert str(refusal.value) == (
        "wanted an encoder that gives feature maps (B, C, h, w), got Encoder without them\n"
        "hint: build it with transformers.AutoBackbone"
    )


def test_without_the_package_the_way_to_get_it_is_named(monkeypatch: pytest.MonkeyPatch):
    def missing(name: str, *_: object) -> object:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(InputError) as refusal:
        transformers_backbone("microsoft/resnet-50")
    assert str(refusal.value) == (
        "wanted the package transformers, for an encoder of it, got none (No module named 'transformers')\n"
        "hint: pip install 'pixelwise[encoders]'"
    )


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Any, str]]:
    """Saves a random encoder of the package, and gives it with its folder."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    transformers = pytest.importorskip("transformers")

    def save(kind: str, **settings: object) -> tuple[Any, str]:
        encoder = transformers.AutoBackbone.from_config(getattr(transformers, kind)(**settings)).eval()
        encoder.save_pretrained(tmp_path / kind)
        return encoder, str(tmp_path / kind)

    return save


def test_a_saved_residual_network_comes_back(saved: Callable[..., tuple[Any, str]]):
    settings = {"embedding_size": 8, "hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]}
    encoder, folder = saved("ResNetConfig", **settings, out_indices=[1, 2, 3, 4])
    network = transformers_backbone(folder, (2, 4)).eval()
    assert (network.channels, network.strides) == ((16, 32), (8, 32))
    images = torch.rand(1, 3, 70, 95)
    levels, whole = network.levels(images), encoder(images).feature_maps
    assert torch.equal(levels[0], whole[1])
    assert torch.equal(levels[1], whole[3])


def test_a_saved_vision_transformer_has_one_stride(saved: Callable[..., tuple[Any, str]]):
    _, folder = saved("Dinov2Config", hidden_size=16, num_hidden_layers=2, num_attention_heads=2, out_indices=[1, 2])
    network = transformers_backbone(folder, (1, 2))
    assert (network.channels, network.strides) == ((16, 16), (14, 14))
    assert transformers_backbone(folder).channels == (16, 16)


def test_models_that_cannot_be_had_are_named(saved: Callable[..., tuple[Any, str]], tmp_path: Path):
    for name in (str(tmp_path / "nowhere"), "nobody/no-such-model"):
        with pytest.raises(InputError) as refusal:
            transformers_backbone(name)
        assert "wanted a folder or a name on the Hugging Face hub" in str(refusal.value)
        assert f"got {name} (" in str(refusal.value)

"""Weights under the names of NVIDIA's flownet2-pytorch and ClementPinard's FlowNetPytorch find their places."""

import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from pixelwise.errors import InputError
from pixelwise.models.flow.flownet_c import FlowNetC
from pixelwise.models.flow.flownet_s import FlowNetS
from pixelwise.models.flow.published import load_published, own_names

SHALLOW = {FlowNetS: ["conv1.0", "conv2.0", "conv3.0", "conv3_1.0"]}
SHALLOW[FlowNetC] = ["conv1.0", "conv2.0", "conv3.0", "conv_redir.0", "conv3_1.0"]
DEEP = [
    "conv4.0", "conv4_1.0", "conv5.0", "conv5_1.0", "conv6.0", "conv6_1.0",
    "predict_flow6", "upsampled_flow6_to_5", "deconv5.0",
    "predict_flow5", "upsampled_flow5_to_4", "deconv4.0",
    "predict_flow4", "upsampled_flow4_to_3", "deconv3.0",
    "predict_flow3", "upsampled_flow3_to_2", "deconv2.0",
    "predict_flow2",
]  # fmt: skip
"""The layers of networks/FlowNetS.py and FlowNetC.py, in the order in which ours has them."""


def published_state(network: nn.Module) -> dict[str, Tensor]:
    """Random weights of the network's shapes, under the published names."""
    layers = list(dict.fromkeys(name.rpartition(".")[0] for name in network.state_dict()))
    published = dict(zip(layers, [*SHALLOW[type(network)], *DEEP], strict=True))
    return {
        f"{published[layer]}.{kind}": torch.randn_like(value)
        for name, value in network.state_dict().items()
        for layer, _, kind in [name.rpartition(".")]
    }


@pytest.mark.parametrize("network", [FlowNetS, FlowNetC])
def test_every_published_name_has_its_place(network: type[nn.Module], tmp_path: Path):
    model = network(4)
    state = published_state(model)
    torch.save({"epoch": 3, "arch": "x", "state_dict": state, "best_EPE": 1.9}, tmp_path / "w.pth.tar")
    assert load_published(model, tmp_path / "w.pth.tar") is model
    assert torch.equal(model.conv3_1[0].weight, state["conv3_1.0.weight"])
    assert torch.equal(model.contraction.stages[1][1][0].bias, state["conv5_1.0.bias"])
    assert torch.equal(model.refinement.steps[0].predict.weight, state["predict_flow6.weight"])
    assert torch.equal(model.refinement.steps[3].raise_features[0].weight, state["deconv2.0.weight"])
    assert torch.equal(model.refinement.steps[1].raise_flow.weight, state["upsampled_flow5_to_4.weight"])
    assert torch.equal(model.refinement.predict.bias, state["predict_flow2.bias"])
    if network is FlowNetC:
        assert torch.equal(model.redirect[0].weight, state["conv_redir.0.weight"])


def test_safetensors_and_names_of_data_parallel_are_read(tmp_path: Path):
    model = FlowNetS(4)
    state = published_state(model)
    save_file({f"module.{name}": value for name, value in state.items()}, tmp_path / "w.safetensors")
    load_published(model, tmp_path / "w.safetensors")
    assert torch.equal(model.conv1[0].weight, state["conv1.0.weight"])


def test_levels_do_not_trade_places():
    found = own_names({f"{name}.weight": torch.zeros(0) for name in DEEP})
    assert len(found) == len(DEEP)
    assert list(found) == [
        name for name in FlowNetS(4).state_dict() if re.match("contr|refin", name) and "weight" in name
    ]


def test_other_biases_are_named(tmp_path: Path):
    save_file(published_state(FlowNetC(4, decoder_bias=False, upsample_bias=False)), tmp_path / "w.safetensors")
    with pytest.raises(InputError, match=r"w\.safetensors.*13 missing \(refinement\.steps\.0\.predict\.bias"):
        load_published(FlowNetC(4), tmp_path / "w.safetensors")


class Hostile:
    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return print, ("run",)


def test_code_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    torch.save({"state_dict": {"conv1.0.weight": Hostile()}}, tmp_path / "w.pth.tar")
    with pytest.raises(InputError, match="can be read without running code"):
        load_published(FlowNetS(4), tmp_path / "w.pth.tar")
    assert capsys.readouterr().out == ""

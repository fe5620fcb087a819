"""Published facts of FlowNet: Dosovitskiy et al. 2015, figures 2 and 3, and the counts of published programs."""

import pytest
import torch
from torch import nn

from pixelwise.models.flow.flownet_c import FlowNetC
from pixelwise.models.flow.flownet_s import FlowNetS


def on_meta(network: type[nn.Module], **settings: object) -> nn.Module:
    with torch.device("meta"):
        return network(**settings)


def parameters(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def test_the_numbers_of_parameters():
    assert parameters(on_meta(FlowNetC)) == 39_175_298  # NVIDIA's flownet2-pytorch, networks/FlowNetC.py
    assert parameters(on_meta(FlowNetS)) == 38_676_506
    without = {"decoder_bias": False, "upsample_bias": False}
    assert parameters(on_meta(FlowNetS, **without)) == 38_675_536  # ClementPinard's FlowNetPytorch
    decoder_biases = 512 + 256 + 128 + 64 + 5 * 2
    assert parameters(on_meta(FlowNetC, **without)) == 39_175_298 - decoder_biases - 4 * 2


@pytest.mark.parametrize("network", [FlowNetS, FlowNetC])
def test_flows_are_at_strides_4_to_64(network: type[nn.Module]):
    images = torch.empty(1, 3, 384, 512, device="meta")
    flows = on_meta(network)(images, images)
    assert [tuple(flow.shape) for flow in flows] == [
        (1, 2, 96, 128), (1, 2, 48, 64), (1, 2, 24, 32), (1, 2, 12, 16), (1, 2, 6, 8)
    ]  # fmt: skip


def convolutions(network: nn.Module) -> dict[str, tuple[int, int, int, int]]:
    return {
        name.removesuffix(".0"): (part.in_channels, part.out_channels, part.kernel_size[0], part.stride[0])
        for name, part in network.named_modules()
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d)
    }


def test_the_layers_of_the_simple_network():
    layers = convolutions(on_meta(FlowNetS))
    shallow = [("conv1", (6, 64, 7, 2)), ("conv2", (64, 128, 5, 2)), ("conv3", (128, 256, 5, 2))]
    assert list(layers.items())[:4] == [*shallow, ("conv3_1", (256, 256, 3, 1))]
    assert_deep_layers(layers)


def test_the_layers_of_the_correlating_network():
    layers = convolutions(on_meta(FlowNetC))
    assert list(layers.items())[:5] == [
        ("conv1", (3, 64, 7, 2)),
        ("conv2", (64, 128, 5, 2)),
        ("conv3", (128, 256, 5, 2)),
        ("redirect", (256, 32, 1, 1)),
        ("conv3_1", (473, 256, 3, 1)),
    ]
    assert_deep_layers(layers)


def assert_deep_layers(layers: dict[str, tuple[int, int, int, int]]) -> None:
    down = [layers[f"contraction.stages.{stage}.{place}"] for stage in range(3) for place in range(2)]
    assert down == [
        (256, 512, 3, 2), (512, 512, 3, 1), (512, 512, 3, 2), (512, 512, 3, 1), (512, 1024, 3, 2), (1024, 1024, 3, 1)
    ]  # fmt: skip
    raised = [layers[f"refinement.steps.{step}.raise_features"] for step in range(4)]
    assert raised == [(1024, 512, 4, 2), (1026, 256, 4, 2), (770, 128, 4, 2), (386, 64, 4, 2)]
    predicted = [layers[f"refinement.steps.{step}.predict"] for step in range(4)] + [layers["refinement.predict"]]
    assert [channels for channels, *_ in predicted] == [1024, 1026, 770, 386, 194]
    assert {tuple(rest) for _, *rest in predicted} == {(2, 3, 1)}
    assert [layers[f"refinement.steps.{step}.raise_flow"] for step in range(4)] == [(2, 2, 4, 2)] * 4


def test_weights_start_as_kaiming_says():
    torch.manual_seed(0)
    weight = FlowNetS(32).contraction.stages[0][0][0].weight.detach()  # 128 -> 256, 3x3
    assert weight.std() == pytest.approx((2 / (1.01 * 128 * 9)) ** 0.5, rel=0.01)
    assert weight.mean().abs() < 0.001


@pytest.mark.parametrize("network", [FlowNetS, FlowNetC])
def test_the_first_flows_are_near_zero(network):
    torch.manual_seed(0)
    pair = torch.randn(2, 1, 3, 64, 128)
    with torch.no_grad():
        flows = network(16)(pair[0], pair[1])
    assert [flow.abs().max().item() < 0.1 for flow in flows] == [True] * 5  # in units of 20 pixels
    assert min(flow.abs().max().item() for flow in flows) > 0

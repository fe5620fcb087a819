"""The layer that finds its own offsets: how it starts, what it learns, what it refuses."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from pixelwise.errors import InputError
from pixelwise.ops.deform_conv import DeformConv2d


@pytest.mark.parametrize("modulated", [True, False])
@pytest.mark.parametrize(("groups", "offset_groups", "bias"), [(1, 1, True), (2, 4, False)])
def test_starts_as_the_plain_convolution(modulated: bool, groups: int, offset_groups: int, bias: bool) -> None:
    settings: dict[str, Any] = {"stride": (2, 1), "padding": (1, 2), "dilation": 2, "groups": groups}
    layer = DeformConv2d(8, 6, (3, 2), **settings, bias=bias, offset_groups=offset_groups, modulated=modulated)
    images = torch.randn(2, 8, 12, 9)
    expected = F.conv2d(images, layer.weight, layer.bias, **settings)
    assert_close(layer(images), expected, atol=1e-5, rtol=1e-5)
    assert (layer.bias is None) != bias


@pytest.mark.parametrize("modulated", [True, False])
def test_every_parameter_gets_a_gradient(modulated: bool) -> None:
    layer = DeformConv2d(4, 6, 3, padding=1, offset_groups=2, modulated=modulated)
    layer(torch.randn(2, 4, 8, 8)).square().sum().backward()
    assert set(layer.state_dict()) == {"weight", "bias", "offset.weight", "offset.bias"}
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_learns_where_to_look() -> None:
    # A smooth picture and the same shifted by (1.5, -0.75): the offsets are all that can explain it.
    rows, columns = torch.meshgrid(torch.arange(24.0), torch.arange(24.0), indexing="ij")

    def picture(down: float, right: float) -> torch.Tensor:
        return (((rows + down) / 4).sin() + ((columns + right) / 5).cos())[None, None]

    layer = DeformConv2d(1, 1, 1, bias=False, modulated=False)
    torch.nn.init.ones_(layer.weight)
    optimizer = torch.optim.Adam([layer.offset.bias], lr=0.1)  # type: ignore[list-item]
    for _ in range(60):
        optimizer.zero_grad()
        error = (layer(picture(0, 0)) - picture(1.5, -0.75))[..., 3:-3, 3:-3]
        error.square().mean().backward()
        optimizer.step()
    assert_close(layer.offset.bias.detach(), torch.tensor([1.5, -0.75]), atol=0.05, rtol=0)


def test_trains_under_autocast() -> None:
    layer = DeformConv2d(3, 4, 3, padding=1)
    with torch.autocast("cpu", torch.bfloat16):
        output = layer(torch.randn(1, 3, 8, 8))
        assert layer(torch.randn(1, 3, 8, 8).bfloat16()).dtype == torch.bfloat16
    assert output.dtype == torch.bfloat16
    output.float().square().sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.dtype == torch.float32


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"groups": 3}, "channels that both kinds of groups divide, got 8 to 6 channels, groups=3, offset_groups=1"),
        ({"offset_groups": 5}, "groups=1, offset_groups=5"),
        ({"groups": 0}, "groups=0"),
        ({"kernel_size": 0}, "kernel_size as one whole number or two, of at least 1, got kernel_size=0"),
        ({"padding": -1}, "padding as one whole number or two, of at least 0"),
    ],
)
def test_numbers_that_do_not_fit_are_named(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        DeformConv2d(**{"in_channels": 8, "out_channels": 6, "kernel_size": 3, **arguments})


def test_inputs_of_other_channels_are_named() -> None:
    with pytest.raises(InputError, match=r"an input of shape \(1, 3, 8, 8\) and a weight of shape \(4, 2, 3, 3\)"):
        DeformConv2d(2, 4, 3)(torch.zeros(1, 3, 8, 8))
    with pytest.raises(InputError, match="at least as large as the dilated kernel"):
        DeformConv2d(2, 4, 3)(torch.zeros(1, 2, 2, 8))


@pytest.mark.compile
def test_compiles_whole() -> None:
    layer = DeformConv2d(4, 6, 3, padding=1)
    images = torch.randn(2, 4, 8, 8)
    assert_close(torch.compile(layer, fullgraph=True, backend="aot_eager")(images), layer(images))

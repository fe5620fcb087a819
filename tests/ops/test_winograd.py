"""Winograd's convolution against torch's own, in value, rounding and use."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pixelwise.errors import InputError
from pixelwise.ops.winograd import WinogradConv2d, matrices, winograd_conv2d, winograd_kernels


def drawn(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(sum(shape)))


def test_one_axis_is_a_correlation():
    to_pixels, to_taps, to_outputs = matrices()
    pixels, taps = drawn(6), drawn(3)
    by_hand = [sum(pixels[start + k] * taps[k] for k in range(3)) for start in range(4)]
    found = to_outputs @ ((to_taps @ taps) * (to_pixels @ pixels))
    torch.testing.assert_close(found, torch.stack(by_hand), rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [(3, 3), (4, 9), (17, 14)])
@pytest.mark.parametrize(("padding", "dilation"), [(0, 1), (1, 1), (2, 2), (5, 3)])
def test_equals_conv2d(size: tuple[int, int], padding: int, dilation: int):
    features, weight, bias = drawn(2, 5, *size), drawn(7, 5, 3, 3), drawn(7)
    wanted = F.conv2d(features, weight, bias, padding=padding, dilation=dilation)
    found = winograd_conv2d(features, winograd_kernels(weight), bias, padding, dilation)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-11)
    without = winograd_conv2d(features, winograd_kernels(weight), None, padding, dilation)
    torch.testing.assert_close(without, wanted - bias[:, None, None], rtol=0, atol=1e-11)


@pytest.mark.parametrize("at_once", [1, 3000])
def test_parts_of_the_tiles_give_the_same(at_once: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pixelwise.ops.winograd.AT_ONCE", at_once)
    features, weight, bias = drawn(5, 5, 17, 14), drawn(7, 5, 3, 3), drawn(7)
    for padding, dilation in ((1, 1), (2, 2)):
        wanted = F.conv2d(features, weight, bias, padding=padding, dilation=dilation)
        found = winograd_conv2d(features, winograd_kernels(weight), bias, padding, dilation)
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-11)


def test_without_images_there_is_an_empty_result():
    # What a detector's mask head is given where nothing was found.
    found = winograd_conv2d(drawn(0, 5, 14, 14), winograd_kernels(drawn(7, 5, 3, 3)), drawn(7), 1)
    assert found.shape == (0, 7, 14, 14)


def test_gradients_are_those_of_conv2d():
    weight = drawn(2, 3, 3, 3)
    features = drawn(1, 3, 5, 6).requires_grad_()
    (wanted,) = torch.autograd.grad(F.conv2d(features, weight, padding=1).pow(2).sum(), features)
    found = winograd_conv2d(features, winograd_kernels(weight), None, 1)
    torch.testing.assert_close(torch.autograd.grad(found.pow(2).sum(), features)[0], wanted, rtol=0, atol=1e-9)


def test_float32_rounds_little_more_than_the_direct_sum():
    features, weight = drawn(1, 256, 20, 20).relu(), drawn(16, 256, 3, 3) / 48
    exact = F.conv2d(features, weight, padding=1)
    found = winograd_conv2d(features.float(), winograd_kernels(weight.float()), None, 1)
    assert float((found - exact).abs().max() / exact.abs().max()) < 5e-6


def test_the_result_is_channels_last():
    found = winograd_conv2d(drawn(2, 3, 9, 9), winograd_kernels(drawn(4, 3, 3, 3)), drawn(4), 1)
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_maps_smaller_than_the_kernel_are_refused():
    with pytest.raises(
        InputError, match=r"wanted features of at least 5x5, padding counted, got 4x9 with a padding of 0"
    ):
        winograd_conv2d(drawn(1, 3, 4, 9), winograd_kernels(drawn(4, 3, 3, 3)), None, 0, 2)


@pytest.mark.parametrize("dilation", [1, 2])
def test_the_layer_is_the_plain_one_but_for_float32(dilation: int):
    plain = nn.Conv2d(4, 6, 3, padding=dilation, dilation=dilation)
    quick = WinogradConv2d(plain)
    features = drawn(1, 4, 12, 9, dtype=torch.float32)
    torch.testing.assert_close(quick(features), plain(features), rtol=0, atol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(quick(features), plain(features))
    quick, plain = quick.double(), plain.double()
    assert torch.equal(quick(features.double()), plain(features.double()))
    assert quick.state_dict().keys() == plain.state_dict().keys()


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 4, 3, stride=2),
        nn.Conv2d(4, 4, 3, groups=2),
        nn.Conv2d(4, 4, 5),
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(4, 4, 3, padding="same"),
        nn.Conv2d(4, 4, 3, dilation=(1, 2)),
        nn.ConvTranspose2d(4, 4, 3),
    ],
    ids=str,
)
def test_other_layers_do_not_suit(layer: nn.Module):
    assert not WinogradConv2d.suits(layer)


def test_plain_layers_suit():
    assert WinogradConv2d.suits(nn.Conv2d(4, 4, 3, padding=2, dilation=2))

"""1x1 convolutions that take oneDNN's routine on one thread."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from pixelwise.dense import fold_batch_norm
from pixelwise.ops import pointwise_conv
from pixelwise.ops.pointwise_conv import PointwiseConv2d


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("bias", [True, False])
def test_scores_and_gradients_are_those_of_the_plain_layer(threads: int, bias: bool, layout: torch.memory_format):
    plain = nn.Conv2d(24, 40, 1, bias=bias)
    quick = PointwiseConv2d(plain)
    images = torch.randn(2, 24, 9, 13).contiguous(memory_format=layout).requires_grad_()
    found, expected = quick(images), plain(images)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    gradients = [torch.autograd.grad(out.square().sum(), (images, plain.weight)) for out in (found, expected)]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-4)
    assert torch.equal(quick.double()(images.double()), plain.double()(images.double()))


@pytest.mark.skipif(not pointwise_conv._onednn(), reason="oneDNN has no routine here")
def test_one_thread_does_not_take_the_routine_that_copies():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    plain = nn.Conv2d(64, 64, 1)
    images = torch.randn(1, 64, 32, 32).contiguous(memory_format=torch.channels_last)
    try:
        steps = []
        for layer in (plain, PointwiseConv2d(plain)):
            with torch.inference_mode(), torch.profiler.profile() as profile:
                layer(images)
            steps.append({event.key for event in profile.key_averages()})
    finally:
        torch.set_num_threads(before)
    # If the first one no longer holds, torch has changed its mind, and this class is no longer needed.
    assert "aten::_slow_conv2d_forward" in steps[0]
    assert "aten::mkldnn_convolution" in steps[1]


def test_without_onednn_nothing_is_dilated(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pointwise_conv, "_onednn", lambda: False)
    plain = nn.Conv2d(8, 8, 1)
    images = torch.randn(1, 8, 5, 5)
    assert torch.equal(PointwiseConv2d(plain)(images), plain(images))


@pytest.mark.parametrize(
    "layer",
    [nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 1, stride=2), nn.Conv2d(4, 4, 1, padding=1), nn.Conv2d(4, 4, 1, groups=2)],
)
def test_other_convolutions_do_not_suit(layer: nn.Conv2d):
    assert not PointwiseConv2d.suits(layer)
    assert not PointwiseConv2d.suits(PointwiseConv2d(nn.Conv2d(4, 4, 1)))


def test_folded_networks_have_them_but_where_a_hook_sits():
    network = nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 2, 1)).eval()
    network[3].register_forward_hook(lambda *_: None)
    folded = fold_batch_norm(network).network
    assert isinstance(folded[0], PointwiseConv2d) and type(folded[3]) is nn.Conv2d
    assert list(folded.state_dict()) == ["0.weight", "0.bias", "3.weight", "3.bias"]
    images = torch.randn(1, 3, 6, 7)
    torch.testing.assert_close(folded(images), network(images), atol=1e-5, rtol=1e-5)

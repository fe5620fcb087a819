"""FlowNetCorr that compares directions of centred features instead of the features as they are."""

import pytest
import torch
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.models.flow.flownet_c import FlowNetC, directions


def features(seed: int = 0) -> Tensor:
    return torch.randn(2, 6, 4, 5, generator=torch.Generator().manual_seed(seed)).relu() + 1


def test_directions_have_one_length_and_forget_scale_and_shift():
    found = directions(features())
    assert torch.allclose(found.square().mean(1), torch.ones(2, 4, 5), atol=1e-5)
    assert torch.allclose(directions(3 * features() + 7), found, atol=1e-5)


def test_directions_are_those_of_the_centred_features():
    given = features()
    centred = given - given.flatten(2).mean(2)[..., None, None]
    by_hand = centred / (centred**2).sum(1, keepdim=True).sqrt() * 6**0.5
    assert torch.allclose(directions(given), by_hand, atol=1e-6)


def test_an_image_of_one_colour_gives_finite_directions_and_gradients():
    flat = torch.ones(1, 6, 4, 5, requires_grad=True)
    found = directions(flat)
    found.sum().backward()
    assert not found.any()
    assert flat.grad is not None
    assert flat.grad.isfinite().all()


def test_both_likenesses_have_the_same_weights_and_other_answers():
    torch.manual_seed(0)
    product, cosine = FlowNetC(4, 4), FlowNetC(4, 4, likeness="cosine")
    cosine.load_state_dict(product.state_dict())
    pair = torch.rand(2, 1, 3, 64, 64)
    with torch.no_grad():
        first, second = (network(pair[0], pair[1])[0] for network in (product, cosine))
    assert not torch.allclose(first, second)


def test_an_untrained_network_finds_a_shifted_texture_more_often_by_directions():
    torch.manual_seed(0)
    network = FlowNetC(8, 4)
    texture = torch.rand(1, 3, 160, 160)
    with torch.no_grad():
        first, second = (network.conv3(network.conv2(network.conv1(each))) for each in (texture, texture.roll(16, 3)))
        found = {}
        for name, (here, there) in {
            "product": (first, second),
            "cosine": (directions(first), directions(second)),
        }.items():
            shifted = torch.stack([(here * there.roll(-2 * step, 3)).mean(1) for step in (-2, -1, 0, 1, 2)])
            found[name] = (shifted[:, 0, 4:-4, 4:-4].argmax(0) == 3).float().mean().item()
    assert found["cosine"] > 0.9
    assert found["cosine"] > found["product"] + 0.2


def test_another_likeness_is_refused():
    # Where the tests check types at run time, that check would speak first.
    unchecked = getattr(FlowNetC.__init__, "__wrapped__", FlowNetC.__init__)
    with pytest.raises(InputError, match="a likeness of product or cosine, got 'dot'"):
        unchecked(FlowNetC.__new__(FlowNetC), 4, 4, likeness="dot")

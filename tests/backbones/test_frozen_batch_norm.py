"""Frozen batch normalisation against the formula, and against what it replaces."""

import pytest
import torch
from torch import nn

from pixelwise.backbones import FrozenBatchNorm2d, frozen, load_weights_into, resnet18
from pixelwise.errors import InputError


def trained(channels: int, affine: bool = True) -> nn.BatchNorm2d:
    """A layer with statistics and scales unlike those at the start."""
    layer = nn.BatchNorm2d(channels, eps=1e-3, affine=affine)
    nn.init.normal_(layer.running_mean)
    nn.init.uniform_(layer.running_var, 0.0, 2.0)
    if affine:
        nn.init.normal_(layer.weight)
        nn.init.normal_(layer.bias)
    return layer


def by_hand(layer: FrozenBatchNorm2d, features: torch.Tensor) -> torch.Tensor:
    result = torch.empty_like(features)
    for channel in range(features.shape[1]):
        deviation = (layer.running_var[channel] + layer.eps) ** 0.5
        centred = features[:, channel] - layer.running_mean[channel]
        result[:, channel] = centred / deviation * layer.weight[channel] + layer.bias[channel]
    return result


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_it_is_the_formula_and_the_layer_in_evaluation(affine: bool, training: bool):
    layer = trained(5, affine).double()
    features = torch.randn(3, 5, 4, 6, dtype=torch.float64)
    result = frozen(layer.train(training))
    assert isinstance(result, FrozenBatchNorm2d)
    torch.testing.assert_close(result(features), by_hand(result, features), rtol=1e-12, atol=1e-12)
    assert torch.equal(result(features), layer.eval()(features))


def test_gradients_pass_through_it():
    layer = frozen(trained(2).double())
    features = torch.randn(2, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, features)


def test_where_gradients_are_wanted_it_is_the_same_and_keeps_no_features():
    layer = frozen(trained(5).double())
    features = torch.randn(3, 5, 40, 60, dtype=torch.float64, requires_grad=True)
    kept: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda one: kept.append(one.numel()) or one, lambda one: one):
        found = layer(features)
    torch.testing.assert_close(found, by_hand(layer, features), rtol=1e-12, atol=1e-12)
    assert max(kept, default=0) == 5
    # In half precision the scales would be rounded, and training would differ from evaluation.
    half = features.detach().bfloat16().requires_grad_()
    for scales in (layer.float(), layer.bfloat16()):
        assert torch.equal(scales(half), scales(half.detach()))


def test_a_variance_of_zero_gives_no_nan():
    layer = FrozenBatchNorm2d(1)
    layer.running_var.zero_()
    assert layer(torch.ones(1, 1, 2, 2)).isfinite().all()


def test_it_has_no_parameters_and_training_changes_nothing():
    layer = frozen(trained(3)).train()
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    layer(torch.randn(4, 3, 5, 5))
    assert list(layer.parameters()) == []
    assert list(before) == ["weight", "bias", "running_mean", "running_var"]
    assert all(torch.equal(before[name], value) for name, value in layer.state_dict().items())


def test_a_state_dict_with_step_counters_loads():
    source, layer = trained(3), FrozenBatchNorm2d(3)
    layer.load_state_dict(source.state_dict())
    assert torch.equal(layer.running_var, source.running_var)
    network = nn.Sequential(FrozenBatchNorm2d(3))
    state = nn.Sequential(source).state_dict()
    network.load_state_dict(state)
    assert "0.num_batches_tracked" in state
    load_weights_into(network, state, "x")
    assert torch.equal(network[0].bias, source.bias)
    with pytest.raises(RuntimeError, match="other"):
        layer.load_state_dict({**source.state_dict(), "other": torch.ones(1)})


def test_a_frozen_network_is_a_copy_with_the_scores_of_evaluation():
    network = resnet18(width=2, num_classes=3)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.running_var, 0.5, 1.5)
    images = torch.rand(2, 3, 40, 50)
    copy = frozen(network)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in copy.modules())
    assert sum(isinstance(part, nn.BatchNorm2d) for part in network.modules()) == 20
    assert copy.training
    assert torch.equal(copy(images), network.eval()(images))
    assert list(copy.state_dict()) == [name for name in network.state_dict() if "tracked" not in name]
    with torch.no_grad():
        copy.conv1.weight.zero_()
    assert network.conv1.weight.abs().max() > 0


def test_a_layer_used_twice_stays_one():
    layer = trained(3)
    network = nn.Sequential(layer, nn.ReLU(), layer, nn.Sequential(layer))
    copy = frozen(network)
    assert copy[0] is copy[2] is copy[3][0]
    features = torch.rand(1, 3, 4, 4)
    assert torch.equal(copy(features), network.eval()(features))


def test_a_layer_without_statistics_is_refused_by_name():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Sequential(nn.BatchNorm2d(4, track_running_stats=False)))
    with pytest.raises(InputError) as refusal:
        frozen(network)
    assert str(refusal.value) == (
        "wanted batch normalisation with stored statistics, got 1.0 with track_running_stats=False\n"
        "hint: train the network with track_running_stats=True, so that there is something to freeze"
    )


def test_it_shows_its_settings():
    assert repr(FrozenBatchNorm2d(7, eps=1e-3)) == "FrozenBatchNorm2d(7, eps=0.001)"

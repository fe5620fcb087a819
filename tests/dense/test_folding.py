"""Folded networks give the same scores, and what cannot be folded stays, with the reason."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pixelwise.dense.folding import FoldedNetwork, fold_batch_norm
from pixelwise.errors import InputError
from pixelwise.models import catalog
from references.published_networks import resnet


def worn(network: nn.Module) -> nn.Module:
    """The network in float64 with batch norms as after training: weights of either sign, statistics off 0 and 1."""
    draws = torch.Generator().manual_seed(5)
    for part in network.double().modules():
        if getattr(part, "running_mean", None) is not None:
            part.running_mean.copy_(torch.randn(part.running_mean.shape, generator=draws))
            part.running_var.copy_(torch.rand(part.running_var.shape, generator=draws) * 3 + 0.05)
            for weight in (part.weight, part.bias):
                if weight is not None:
                    weight.data.copy_(torch.randn(weight.shape, generator=draws))
    return network.eval()


def assert_same(folded: nn.Module, network: nn.Module, size: tuple[int, int] = (32, 48)) -> None:
    images = torch.rand(2, 3, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(6))
    with torch.no_grad():
        expected = network(images)
        assert expected.std() > 1e-3  # scores that are all alike would hide a difference
        torch.testing.assert_close(folded(images), expected, rtol=0, atol=1e-12 * float(expected.abs().max()))


def assert_all_folded(network: nn.Module, count: int, size: tuple[int, int] = (32, 48)) -> FoldedNetwork:
    folded = fold_batch_norm(worn(network), size)
    assert len(folded.folded) == count
    assert folded.left == ()
    assert not any(hasattr(part, "running_var") for part in folded.modules())
    assert_same(folded, network, size)
    return folded


class Frozen(nn.Module):
    """Batch norm with fixed numbers, as detectors have it."""

    def __init__(self, channels: int, limit: float = float("inf")) -> None:
        super().__init__()
        for name in ("weight", "bias", "running_mean", "running_var"):
            self.register_buffer(name, torch.zeros(channels))
        self.eps = 1e-3
        self.limit = limit

    def forward(self, features: Tensor) -> Tensor:
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        shift = self.bias - self.running_mean * scale
        moved = features * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)
        return moved if self.limit == float("inf") else moved.clamp(max=self.limit)


def test_each_kind_of_layer_takes_its_batch_norm():
    layers = {
        "plain": [nn.Conv2d(3, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU()],
        "with bias": [nn.Conv2d(6, 8, 3, stride=2), nn.BatchNorm2d(8, eps=0.1), nn.ReLU(inplace=True)],
        "in circles": [nn.Conv2d(8, 8, 3, padding=1, padding_mode="circular"), nn.BatchNorm2d(8)],
        "grouped": [nn.Conv2d(8, 12, 3, groups=4, dilation=2, padding=2), nn.BatchNorm2d(12), nn.SiLU()],
        "depthwise": [nn.Conv2d(12, 12, 3, groups=12, padding="same"), nn.BatchNorm2d(12, affine=False)],
        "transposed": [nn.ConvTranspose2d(12, 10, 3, stride=2, bias=False), nn.BatchNorm2d(10), nn.ReLU()],
        "transposed in groups": [nn.ConvTranspose2d(10, 6, 2, stride=2, groups=2), nn.BatchNorm2d(6)],
        "frozen": [nn.Conv2d(6, 5, 1), Frozen(5), nn.ReLU()],
        "linear": [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 7), nn.BatchNorm1d(7)],
    }
    network = nn.Sequential(*[layer for group in layers.values() for layer in group])
    assert_all_folded(network, len(layers))


def test_the_network_itself_is_left_as_it_was():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    before = copy.deepcopy(network.state_dict())
    folded = fold_batch_norm(network, 16)
    assert network.training
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in before.items())
    assert [type(part) for part in folded.network] == [nn.Conv2d, nn.Identity]
    assert folded.folded == ("1",)


def test_weights_keep_type_and_whether_they_are_trained():
    network = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4)).bfloat16()
    network[0].weight.requires_grad_(False)
    layer = fold_batch_norm(network, 16).network[0]
    assert layer.weight.dtype == layer.bias.dtype == torch.bfloat16
    assert not layer.weight.requires_grad


def test_training_a_folded_network_is_refused():
    folded = fold_batch_norm(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)), 16)
    with pytest.raises(InputError) as refusal:
        folded.train()
    assert str(refusal.value) == (
        "wanted a network with its batch norms for training, got one in which 1 of them are folded into convolutions\n"
        "hint: train the network it was made from, and fold again afterwards"
    )
    assert folded.eval() is folded
    assert not any(part.training for part in folded.modules())


def test_a_network_without_batch_norm_has_nothing_to_fold():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).double()
    folded = fold_batch_norm(network)
    assert folded.folded == folded.left == ()
    assert_same(folded, network)


class Wired(nn.Module):
    """A network whose forward is given."""

    def __init__(self, forward, **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
        self._run = forward

    def forward(self, images: Tensor) -> Tensor:
        return self._run(self, images)


def hooked(part: nn.Module) -> nn.Module:
    part.register_forward_hook(lambda _module, _inputs, result: result * 2)
    return part


class Louder(nn.Conv2d):
    """A convolution that does more."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images) * 3


def conv() -> nn.Conv2d:
    return nn.Conv2d(3, 3, 3, padding=1)


def tied() -> nn.Sequential:
    pair = nn.Sequential(conv(), nn.BatchNorm2d(3), conv())
    pair[2].weight = pair[0].weight
    return pair


REFUSED = {
    "before the convolution": (nn.Sequential(nn.BatchNorm2d(3), conv()), "follows image"),
    "behind an activation": (nn.Sequential(conv(), nn.ReLU(), nn.BatchNorm2d(3)), "follows 1 (relu)"),
    "convolution read twice": (
        Wired(lambda net, x: net.norm(y := net.conv(x)) + y, conv=conv(), norm=nn.BatchNorm2d(3)),
        "conv (conv2d) is read by others, too",
    ),
    "convolution called twice": (
        Wired(lambda net, x: net.norm(net.conv(net.conv(x))), conv=conv(), norm=nn.BatchNorm2d(3)),
        "the weights of conv (conv2d) are used more than once",
    ),
    "shared weight": (tied(), "the weights of 0 (conv2d) are used more than once"),
    "batch norm called twice": (
        Wired(lambda net, x: net.norm(net.a(net.norm(net.b(x)))), a=conv(), b=conv(), norm=nn.BatchNorm2d(3)),
        "is called more than once",
    ),
    "statistics read elsewhere": (
        Wired(
            lambda net, x: net.norm(net.conv(x)) + net.norm.running_mean.view(1, 3, 1, 1),
            conv=conv(),
            norm=nn.BatchNorm2d(3),
        ),
        "statistics are used outside it",
    ),
    "batch norm by function": (
        Wired(
            lambda net, x: F.batch_norm(net.conv(x), net.norm.running_mean, net.norm.running_var),
            conv=conv(),
            norm=nn.BatchNorm2d(3),
        ),
        "statistics are used outside it",
    ),
    "convolution by function": (
        Wired(lambda net, x: net.norm(F.conv2d(x, net.conv.weight)), conv=conv(), norm=nn.BatchNorm2d(3)),
        "follows conv2d, which is no convolution with weights of its own",
    ),
    "weight computed": (
        nn.Sequential(nn.utils.parametrizations.weight_norm(conv()), nn.BatchNorm2d(3)),
        "is no convolution with weights of its own",
    ),
    "batch norm that clamps": (nn.Sequential(conv(), Frozen(3, limit=6.0)), "does more than normalise"),
    "hook on the convolution": (nn.Sequential(hooked(conv()), nn.BatchNorm2d(3)), "follows 0 (mul)"),
    "hook on the batch norm": (nn.Sequential(conv(), hooked(nn.BatchNorm2d(3))), "does more than normalise"),
    "convolution that does more": (nn.Sequential(Louder(3, 3, 3), nn.BatchNorm2d(3)), "follows 0 (mul)"),
    "statistics of the batch": (
        nn.Sequential(conv(), nn.BatchNorm2d(3, track_running_stats=False)),
        "normalises with the statistics of the batch",
    ),
    "not used": (Wired(lambda net, x: net.conv(x), conv=conv(), norm=nn.BatchNorm2d(3)), "is not used by forward"),
}


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_what_cannot_be_folded_stays_with_a_reason(case: str):
    network, reason = REFUSED[case]
    folded = fold_batch_norm(worn(network), 16)
    assert folded.folded == ()
    ((_, found),) = folded.left
    assert reason in found
    assert_same(folded, network)


def test_one_batch_norm_may_stay_where_another_goes():
    network = nn.Sequential(nn.BatchNorm2d(3), conv(), nn.BatchNorm2d(3), nn.ReLU(), nn.BatchNorm2d(3))
    folded = fold_batch_norm(worn(network), 16)
    assert folded.folded == ("2",)
    assert [name for name, _ in folded.left] == ["0", "4"]
    assert_same(folded, network)


def test_two_names_of_one_batch_norm_both_lead_to_the_folded_place():
    norm = nn.BatchNorm2d(3)
    network = Wired(lambda net, x: net.second(net.conv(x)), conv=conv(), first=norm, second=norm)
    folded = assert_all_folded(network, 1)
    assert isinstance(folded.network.first, nn.Identity)


def test_a_unet_folds_whole():
    network = catalog["unet"](3, width=4)
    folded = assert_all_folded(network, 18, (16, 16))  # two in each of the 4 + 1 + 4 blocks
    assert_same(folded, network, (31, 50))


def test_a_residual_network_folds_whole():
    network = resnet((1, 2, 1, 1), 4)
    assert_all_folded(network, sum(isinstance(part, nn.BatchNorm2d) for part in network.modules()), (64, 64))

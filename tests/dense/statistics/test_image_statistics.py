"""With an image's statistics frozen, a network that looks at the whole image gives its scores, whole and in tiles."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pixelwise.dense import NotExact, tiled
from pixelwise.dense.graph.footprint import footprints
from pixelwise.dense.graph.trace import trace
from pixelwise.dense.probes.surroundings import measured_surroundings
from pixelwise.dense.statistics.freeze_statistics import freeze_statistics
from pixelwise.dense.statistics.image_statistics import channel_statistics
from pixelwise.errors import InputError
from references.published_networks import SqueezeExcite


class Level(nn.Module):
    """One level of a U-Net of strided convolutions and InstanceNorm, its skip connection around the deeper levels."""

    def __init__(self, outside: int, inside: int, deeper: nn.Module | None) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(outside, inside, 3, 2, 1), nn.InstanceNorm2d(inside), nn.PReLU())
        self.deeper = deeper
        width = inside if deeper is None else 2 * inside
        self.up = nn.Sequential(nn.ConvTranspose2d(width, outside, 3, 2, 1, 1), nn.InstanceNorm2d(outside, affine=True))

    def forward(self, x: Tensor) -> Tensor:
        y = self.down(x)
        return self.up(y if self.deeper is None else torch.cat([y, self.deeper(y)], 1))


class PaddedInside(nn.Module):
    """Pads to a multiple below and to the right, and crops the scores back."""

    def __init__(self, network: nn.Module, multiple: int) -> None:
        super().__init__()
        self.network, self.multiple = network, multiple

    def forward(self, x: Tensor) -> Tensor:
        rows, columns = x.shape[-2:]
        padded = F.pad(x, (0, -columns % self.multiple, 0, -rows % self.multiple), mode="replicate")
        return self.network(padded)[..., :rows, :columns]


class PoolingBranch(nn.Module):
    """The image-wide branch of DeepLab v3 (Chen et al. 2017, section 3.3), spread by one of three operations."""

    def __init__(self, spread: str) -> None:
        super().__init__()
        self.spread = spread
        self.stem = nn.Conv2d(3, 4, 3, 2, 1)
        self.pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1), nn.GroupNorm(2, 4), nn.ReLU())
        self.head = nn.Conv2d(8, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x)
        mean = self.pooled(y)
        if self.spread == "expand":
            mean = mean.expand(-1, -1, *y.shape[2:])
        else:
            aligned = {"bilinear": False, "aligned": True}[self.spread]
            mean = F.interpolate(mean, size=y.shape[2:], mode="bilinear", align_corners=aligned)
        return F.interpolate(self.head(torch.cat([mean, y], 1)), scale_factor=2)


class Excited(nn.Module):
    """A residual block whose channels are weighted by gates (Hu et al. 2018), written with linear layers and views."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolve = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels))
        self.gate = nn.Sequential(nn.Linear(channels, 2), nn.ReLU(), nn.Linear(2, channels), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        y = self.convolve(x)
        gates = self.gate(F.adaptive_avg_pool2d(y, 1).flatten(1)).view(len(y), -1, 1, 1)
        return torch.relu(x + y * gates.expand_as(y))


class TwoPools(nn.Module):
    """Channel attention from the mean and the largest value, spatial attention after it (CBAM, Woo et al. 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(nn.Conv2d(channels, 2, 1), nn.ReLU(), nn.Conv2d(2, channels, 1))
        self.places = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        x = x * torch.sigmoid(self.gate(F.avg_pool2d(x, x.shape[2:])) + self.gate(F.adaptive_max_pool2d(x, 1)))
        flat = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        return x * torch.sigmoid(self.places(flat))


class MeanGate(nn.Module):
    """Gates from a plain mean, with the two lost axes put back."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x * torch.sigmoid(self.gate(x.mean((2, 3))))[:, :, None, None], x.shape[1:])


def grouped() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"), nn.GroupNorm(2, 4), nn.ReLU()),
        *(nn.Conv2d(4, 4, 4, 2, 1), nn.InstanceNorm2d(4, affine=True), nn.Upsample(scale_factor=2, mode="bilinear")),
        *(nn.Conv2d(4, 6, 5, padding=2), nn.BatchNorm2d(6, track_running_stats=False), nn.Conv2d(6, 2, 1)),
    )


NETWORKS = {
    "instance-norm U-Net": (lambda: nn.Sequential(Level(3, 4, Level(4, 6, None)), nn.Conv2d(3, 2, 1)), 4),
    "padded inside": (lambda: PaddedInside(Level(3, 4, Level(4, 6, None)), 4), 4),
    "padded inside, norm behind": (
        lambda: nn.Sequential(PaddedInside(nn.Sequential(nn.Conv2d(3, 4, 2, 2), nn.Upsample(scale_factor=2)), 2),
                              nn.GroupNorm(1, 4), nn.Conv2d(4, 2, 3, padding=1)), 1),
    "norms one behind the other": (grouped, 3),
    "squeeze and excite": (lambda: nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), Excited(4), Excited(4)), 2),
    "gates by convolution": (lambda: nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), SqueezeExcite(4)), 1),
    "gates by a mean": (lambda: nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), MeanGate(4)), 2),
    "two pools": (lambda: nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), TwoPools(4)), 1),
    **{f"pooling branch, {how}": (lambda how=how: PoolingBranch(how), 1) for how in ("bilinear", "aligned", "expand")},
    "nothing image-wide": (lambda: nn.Conv2d(3, 2, 3, padding=1), 0),
}  # fmt: skip
EVEN_ONLY = ("instance-norm U-Net", "norms one behind the other", "pooling branch")


def lively(network: nn.Module) -> nn.Module:
    """In float64, with weights that make every part matter."""
    network = network.double().eval()
    for weight in network.parameters():
        nn.init.uniform_(weight, -1, 1)
    return network


@torch.no_grad()
def scores_of(network: nn.Module, image: Tensor) -> Tensor:
    return network(image[None])[0]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_scores_are_the_networks_on_the_whole_image(name: str):
    build, passes = NETWORKS[name]
    network = lively(build())
    # A bright image: the mean of many features is far from zero.
    image = 3 + torch.rand(3, *((64, 88) if name.startswith(EVEN_ONLY) else (61, 87)), dtype=torch.float64)
    wanted = scores_of(network, image)
    for tile in (16, None):
        frozen = freeze_statistics(network, image, tile=tile)
        assert frozen.passes == passes
        assert (scores_of(frozen, image) - wanted).abs().max() < 1e-10
    assert (tiled(frozen, image, tile=24) - wanted).abs().max() < 1e-10


def test_statistics_are_the_images_and_stay():
    network = lively(grouped())
    image, other = torch.rand(2, 3, 32, 32, dtype=torch.float64)
    frozen = freeze_statistics(network, image)
    assert str(frozen).startswith("FrozenNetwork(\n  3 passes + 1, statistics of 32x32 pixels")
    assert (scores_of(frozen, 2 * other) - scores_of(network, 2 * other)).abs().max() > 1e-3


def test_a_frozen_network_sees_as_far_as_its_convolutions():
    network = lively(grouped())
    norms = nn.GroupNorm | nn.InstanceNorm2d | nn.BatchNorm2d
    without = nn.Sequential(*(layer for layer in network if not isinstance(layer, norms)))
    assert measured_surroundings(network).halo is None
    frozen = freeze_statistics(network, torch.rand(3, 32, 32, dtype=torch.float64))
    assert measured_surroundings(frozen) == measured_surroundings(without)


def test_what_a_frozen_network_sees_is_in_its_trace():
    frozen = freeze_statistics(
        lively(nn.Sequential(nn.Conv2d(3, 4, 5, padding=2), SqueezeExcite(4))), torch.rand(3, 40, 40)
    )
    seen = footprints(trace(frozen, (40, 40)), axis=0)[-1]
    assert seen is not None
    assert seen.size == 5


def test_without_padding_the_mirrored_border_keeps_the_images_statistics():
    network = lively(nn.Sequential(nn.Conv2d(3, 4, 5), nn.InstanceNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 3)))
    image = torch.rand(3, 50, 45, dtype=torch.float64)
    wanted = scores_of(network, image)
    for tile in (7, None):
        frozen = freeze_statistics(network, image, tile=tile)
        assert (scores_of(frozen, image) - wanted).abs().max() < 1e-10
    assert (tiled(frozen, image, tile=20)[:, 3:-3, 3:-3] - wanted).abs().max() < 1e-10


def test_any_image_that_is_read_by_slices_and_a_network_in_training_mode():
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Dropout(), nn.GroupNorm(2, 4), nn.Conv2d(4, 2, 1)).train()
    pixels = np.random.default_rng(0).integers(0, 256, (30, 33), dtype=np.uint8)
    calls = []
    frozen = freeze_statistics(network, pixels, tile=16, progress=lambda *counts: calls.append(counts))
    assert calls == [(count, 6) for count in range(1, 7)]
    assert network.training
    wanted = scores_of(network.eval(), torch.from_numpy(pixels)[None] / 255)
    assert (tiled(frozen, pixels) - wanted).abs().max() < 1e-5


def test_single_precision_is_as_near_to_the_truth_as_the_network_itself():
    network = lively(grouped())
    image = 100 + torch.rand(3, 128, 128, dtype=torch.float64)
    truth = scores_of(network, image)
    single, scale = network.float(), truth.abs().max()
    whole, frozen = (scores_of(each, image.float()) for each in (single, freeze_statistics(single, image, tile=32)))
    assert (frozen - truth).abs().max() < max(2 * (whole - truth).abs().max(), 1e-5 * scale)


def test_tiles_fit_the_budget():
    network = lively(nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.InstanceNorm2d(16), nn.Conv2d(16, 2, 1)))
    image = torch.rand(3, 96, 96, dtype=torch.float64)
    counts = []
    for memory in ("1GB", "1MB"):
        calls = []
        freeze_statistics(network, image, memory, progress=lambda done, total: calls.append(total))  # noqa: B023
        counts.append(calls[-1])
    assert counts[0] == 1
    assert 4 <= counts[1] <= 16
    with pytest.raises(InputError, match=r"wanted a memory budget of at least 1 MB, .* got 0\.0005 MB"):
        freeze_statistics(network, image, 500)
    with pytest.raises(InputError, match="wanted a tile of at least 1 pixel, got tile = 0"):
        freeze_statistics(network, image, tile=0)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_pixel_that_is_no_number_is_named(value: float):
    network = lively(nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.InstanceNorm2d(4), nn.Conv2d(4, 2, 1)))
    image = torch.rand(3, 64, 64, dtype=torch.float64)
    image[1, 40, 10] = value
    with pytest.raises(InputError) as caught:
        freeze_statistics(network, image, tile=16)
    assert "NaN or infinity at 1 (instance_norm) for rows 31 to 48, columns 0 to 16" in str(caught.value)
    assert "hint: replace such pixels" in str(caught.value)


class NonLocal(nn.Module):
    """Every place is a mean over all places, weighted by likeness (Wang et al. 2018)."""

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2)
        return x + (tokens @ (tokens.mT @ tokens).softmax(1)).view_as(x)


class Placed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.rand(1, 3, 32, 32))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.embedding


REFUSED = {
    "attention": (nn.Sequential(nn.Conv2d(3, 3, 1), NonLocal()), r"got 1 \(flatten\) calls flatten"),
    "position": (Placed(), r"got add adds weights that belong to places"),
    "parts": (nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Upsample(scale_factor=16)),
              r"got 0 \(adaptive_avg_pool2d\) pools the whole image into 2x2 parts"),
    "circular": (nn.Conv2d(3, 3, 3, padding=1, padding_mode="circular"), "continues the image with its other side"),
    "classifier": (nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)),
                   r"got 3 \(linear\) gives one result for the whole image"),
    "border around one value": (nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.ZeroPad2d(3)),
                                r"got 1 \(pad\) makes a map of values"),
    "layer norm by place": (nn.LayerNorm([3, 32, 32]), "normalises places with weights of their own"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_one_value_per_channel_cannot_say_is_refused(name: str):
    network, message = REFUSED[name]
    with pytest.raises(NotExact, match=message) as caught:
        freeze_statistics(network.eval(), torch.rand(3, 32, 32))
    assert caught.value.finding.node


def test_statistics_of_parts_are_those_of_the_whole():
    values = torch.tensor(1e7 + 1e-2 * np.random.default_rng(0).standard_normal((1, 6, 40, 30)))
    parts = [channel_statistics(part) for part in values.split([1, 20, 19], dim=2)]
    found = parts[2].merged(parts[0]).merged(parts[1])
    assert found.count == 1200
    assert torch.allclose(found.mean, values.mean((0, 2, 3)), rtol=1e-15)
    assert torch.equal(found.largest, values.amax((0, 2, 3)))
    for groups, shape in ((None, (6, -1)), (2, (2, -1)), (1, (1, -1))):
        truth = values.numpy().reshape(shape).astype(np.longdouble)
        repeats = 6 // len(truth)
        mean, variance = found.moments(groups)
        assert np.allclose(mean, truth.mean(1).repeat(repeats), rtol=1e-15)
        assert np.allclose(variance, truth.var(1).repeat(repeats), rtol=1e-6)
    assert channel_statistics(values[:, :, :0]) is None

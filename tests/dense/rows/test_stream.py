"""Row by row against the whole image: the same numbers, nothing twice, and memory that the height does not change."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from pixelwise.dense.graph.trace import lookup, trace
from pixelwise.dense.rows import stream as row_stream
from pixelwise.dense.rows.schedule import peak_values
from pixelwise.dense.rows.stream import RowStream, stream_rows
from pixelwise.dense.rows.window import computed_rows
from pixelwise.dense.tiles.memory import ActivationMemory, _LiveBytes
from pixelwise.dense.tiles.plan import WORKING_COPIES
from pixelwise.dense.verdict import NotExact
from pixelwise.errors import InputError
from pixelwise.models import UNet
from references.published_networks import VGG16, ConvNextBlock, SqueezeExcite, resnet, vgg

TOLERANCE = 1e-12

LARGEST = 10**6
"""Scores of a random stack; upsamplings multiply up."""


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """With more, small networks wait for each other longer than they compute."""
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(2)


class Skip(nn.Module):
    """A branch beside its input, joined by adding or by concatenation."""

    def __init__(self, branch: nn.Module, joined: str = "add") -> None:
        super().__init__()
        self.branch = branch
        self.joined = joined

    def forward(self, x: Tensor) -> Tensor:
        beside = self.branch(x)[..., : x.shape[-2], : x.shape[-1]]
        return x + beside if self.joined == "add" else torch.cat([beside, x], dim=1)


class Pad(nn.Module):
    """torch's padding in any mode; negative amounts crop."""

    def __init__(self, amounts: tuple[int, int, int, int], mode: str = "constant", value: float = 0.0) -> None:
        super().__init__()
        self.amounts, self.mode, self.value = amounts, mode, value

    def forward(self, x: Tensor) -> Tensor:
        if self.mode != "constant":
            return F.pad(x, self.amounts, self.mode)
        return F.pad(x, self.amounts, value=self.value)


class EverySecond(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, 1::2, ::3]


class Even(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[..., : x.shape[-2] // 2 * 2, : x.shape[-1] // 2 * 2]


def conv(kernel: int = 3, **settings: object) -> nn.Conv2d:
    return nn.Conv2d(4, 4, kernel, **settings)  # type: ignore[arg-type]


def raised(kernel: int, stride: int, padding: int = 0, extra: int = 0, dilation: int = 1) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(4, 4, kernel, stride, padding, extra, dilation=dilation)


torch.manual_seed(0)

LAYERS: dict[str, nn.Module] = {
    "same": conv(padding=1),
    "valid": conv(2),
    "strided": conv(5, stride=3, padding=2),
    "dilated": conv(padding=3, dilation=3),
    "far padding": conv(1, padding=2, stride=2),
    "mirrored": conv(padding=2, padding_mode="reflect"),
    "repeated": conv(5, padding=2, padding_mode="replicate"),
    "round the sides": nn.Sequential(Pad((1, 1, 0, 0), "circular"), conv(padding=(1, 0))),
    "by name": conv(4, padding="same", dilation=2),
    "max": nn.MaxPool2d(2),
    "max ceil": nn.MaxPool2d(3, 2, 1, ceil_mode=True),
    "max dilated": nn.MaxPool2d(2, 1, dilation=2),
    "mean": nn.AvgPool2d(3, 2, 1),
    "mean ceil": nn.AvgPool2d(3, 2, 1, ceil_mode=True),
    "mean uncounted": nn.AvgPool2d(3, 1, 1, count_include_pad=False),
    "mean ceil uncounted": nn.AvgPool2d(2, 3, 1, ceil_mode=True, count_include_pad=False),
    "sum": nn.AvgPool2d(2, 2, 1, divisor_override=1),
    "frame": Pad((1, 0, 3, 2), value=0.5),
    "crop": Pad((-1, 0, -2, -1)),
    "mirror, crop": Pad((0, 1, -1, 2), "reflect"),
    "every second": EverySecond(),
    "nearest": nn.Upsample(scale_factor=3),
    "bilinear": nn.Upsample(scale_factor=2, mode="bilinear"),
    "bilinear by 3": nn.Upsample(scale_factor=3, mode="bilinear"),
    "bicubic": nn.Upsample(scale_factor=2, mode="bicubic"),
    "up 2": raised(2, 2),
    "up 4": raised(4, 2, 1),
    "up with gaps": raised(2, 4, 0, 1),
    "up by one tap": raised(1, 3),
    "up dilated": raised(3, 2, 2, 1, dilation=2),
    "up odd": raised(3, 2, 1, 1),
    "shuffle": nn.Sequential(nn.Conv2d(4, 16, 1), nn.PixelShuffle(2)),
    "unshuffle": nn.Sequential(Even(), nn.PixelUnshuffle(2), nn.Conv2d(16, 4, 1)),
    "norm": nn.Sequential(nn.BatchNorm2d(4), nn.GELU()),
    "softmax": nn.Softmax(dim=1),
    "convnext": ConvNextBlock(4),
    "residual": Skip(nn.Sequential(conv(padding=1), nn.ReLU(inplace=True), conv(7, padding=3))),
    "beside": nn.Sequential(Skip(conv(padding=2, dilation=2), "concat"), nn.Conv2d(8, 4, 1)),
    "hourglass": Skip(
        nn.Sequential(nn.MaxPool2d(2, ceil_mode=True), conv(padding=1), nn.Upsample(scale_factor=2, mode="bilinear"))
    ),
}

NETWORKS: dict[str, nn.Module] = {
    "vgg": nn.Sequential(*vgg(VGG16, 2, normalised=True)),
    "resnet": resnet((1, 1, 1, 1), 2),
    "unet": UNet(2, width=2, depth=3),
    "valid unet": UNet(2, width=2, depth=1, padded=False),
    "dilated": nn.Sequential(*(nn.Conv2d(3, 3, 3, padding=2**k, dilation=2**k) for k in range(4))),
    "bilinear decoder": nn.Sequential(*vgg("2M4M", 1), nn.Upsample(scale_factor=4, mode="bilinear")),
}


def ready(network: nn.Module) -> nn.Module:
    """In float64, with weights of their own; statistics of batch normalisation that change something."""
    torch.manual_seed(0)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean, part.running_var = torch.rand(2, part.num_features).add(0.5)
    return network.double().eval()


def image_of(height: int, width: int, channels: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(height * 1000 + width)
    return torch.rand(channels, height, width, generator=generator, dtype=torch.float64) - 0.5


def whole(network: nn.Module, image: Tensor) -> Tensor:
    with torch.no_grad():
        scores: Tensor = network(image[None])[0]
    return scores


def assert_streams(network: nn.Module, image: Tensor, bands: Iterable[int]) -> None:
    """Traces once, because that takes longer than the numbers."""
    graph, wanted = trace(network, (image.shape[1], image.shape[2]), image.shape[0]), whole(network, image)
    for band in bands:
        stream = RowStream(graph, lookup(network), lambda rows: image[None, :, rows[0] : rows[1]])
        with torch.inference_mode():
            ends = range(band, wanted.shape[1] + band, band)
            found = torch.cat([stream.band(min(end, wanted.shape[1])) for end in ends], dim=2)[0]
        assert_same(found, wanted)


def assert_same(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str):
    network, image = ready(NETWORKS[name]), image_of(92, 44)
    assert_streams(network, image, (1, 13))
    assert_same(stream_rows(network, image), whole(network, image))


def test_a_network_that_does_nothing():
    image = image_of(9, 5).float()
    assert torch.equal(stream_rows(nn.Identity(), image, band=4), image)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 3), (17, 16)])
def test_sizes_that_a_unet_extends(size: tuple[int, int]):
    assert_streams(ready(NETWORKS["unet"]), image_of(*size), (1, 7, 100))


@pytest.mark.parametrize("name", LAYERS)
def test_each_layer(name: str):
    # Before and after it, layers that read upwards and downwards.
    network = ready(nn.Sequential(conv(padding=1), LAYERS[name], conv(padding=1)))
    for height in (11, 12):
        assert_streams(network, image_of(height, 15, 4), (1, 5))


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(sorted(LAYERS)), min_size=2, max_size=3), st.integers(12, 40), st.data())
def test_any_stack_of_layers(names: list[str], height: int, data: st.DataObject):
    network, image = ready(nn.Sequential(*(LAYERS[name] for name in names))), image_of(height, 21, 4)
    try:
        wanted = whole(network, image)
    except RuntimeError:  # the stack refuses so small an image
        assume(False)
    assume(wanted.numel() < LARGEST)
    assert_streams(network, image, [data.draw(st.integers(1, wanted.shape[-2]))])


@pytest.mark.parametrize("name", ["resnet", "unet", "bilinear decoder"])
@pytest.mark.parametrize("band", [1, 6])
def test_no_row_of_any_node_is_computed_twice(name: str, band: int, monkeypatch: pytest.MonkeyPatch):
    graph = trace(ready(NETWORKS[name]), (61, 24))
    computed: dict[int, list[tuple[int, int]]] = {}

    def counting(node: Any, inputs: Any, height: int, rows: tuple[int, int], tensors: Any) -> Tensor:
        computed.setdefault(id(node), []).append(rows)
        result = computed_rows(node, inputs, height, rows, tensors)
        assert result.shape[1:] == (node.shape[0], rows[1] - rows[0], node.shape[2])
        return result

    monkeypatch.setattr(row_stream, "computed_rows", counting)
    read: list[tuple[int, int]] = []
    image = image_of(61, 24)[None]

    def reading(rows: tuple[int, int]) -> Tensor:
        read.append(rows)
        return image[..., rows[0] : rows[1], :]

    stream = RowStream(graph, lookup(NETWORKS[name]), reading)
    height = graph.nodes[-1].shape[1]
    for start in range(0, height, band):
        stream.band(min(start + band, height))
    assert len(computed) == len(graph.nodes) - 1
    for spans in [*computed.values(), read]:
        assert spans[0][0] == 0
        assert all(above[1] == below[0] for above, below in pairwise(spans))


def live_peak(network: nn.Module, height: int, band: int) -> int:
    """Bytes of tensors alive at once while an image of this height and of width 24 goes through."""
    graph = trace(network, (height, 24))
    tensors = lookup(network)
    with torch.inference_mode(), _LiveBytes(tensors.values()) as followed:
        stream = RowStream(graph, tensors, lambda rows: torch.zeros(1, 3, rows[1] - rows[0], 24, dtype=torch.float64))
        for stop in range(band, height + 1, band):
            stream.band(stop)
    return int(followed.peak)


def test_memory_does_not_grow_with_the_height():
    network = ready(UNet(2, width=4, depth=2))
    peaks = [live_peak(network, height, 8) for height in (96, 192, 576)]
    assert peaks[0] == peaks[1] == peaks[2]
    whole_image = ActivationMemory(network).peak((576, 24))
    assert peaks[0] < whole_image / 6


@pytest.mark.parametrize("band", [2, 32])
def test_predicted_memory(band: int):
    network = ready(UNet(2, width=4, depth=2))
    predicted = peak_values(trace(network, (192, 24)), band) * 8
    weights = sum(tensor.nbytes for tensor in network.state_dict().values())
    # Copies of the weights in another layout, and what single operations need beside their results.
    assert predicted <= live_peak(network, 192, band) <= predicted * WORKING_COPIES + weights


def test_the_budget_chooses_the_band():
    network, image = ready(NETWORKS["unet"]), image_of(100, 24)
    for memory, bands in (("1GB", 2), ("180KB", 4)):
        steps: list[tuple[int, int]] = []
        found = stream_rows(network, image, memory=memory, progress=lambda *step, steps=steps: steps.append(step))
        assert steps == [(done, bands) for done in range(1, bands + 1)]
        assert_same(found, whole(network, image))


def test_reductions_and_files(tmp_path: Path):
    network, image = ready(NETWORKS["unet"]), image_of(37, 22)
    scores = whole(network, image)
    labels = stream_rows(network, image.numpy(), band=8, reduce="argmax", out=tmp_path / "labels.npy")
    assert np.array_equal(np.load(labels), scores.argmax(0).numpy())
    assert [path.name for path in tmp_path.iterdir()] == ["labels.npy"]
    best, margin = stream_rows(network, image, band=5, reduce=["argmax", "margin"])
    assert torch.equal(best, scores.argmax(0).to(torch.uint8))
    assert_same(margin, (scores.softmax(0)[0] - scores.softmax(0)[1]).abs())


def test_an_interrupted_file_is_completed(tmp_path: Path):
    network, image = ready(NETWORKS["unet"]), image_of(40, 22)

    def stop(done: int, bands: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    out = tmp_path / "scores.npy"
    with pytest.raises(KeyboardInterrupt):
        stream_rows(network, image, band=8, out=out, progress=stop)
    assert not out.exists()
    stream_rows(network, image, band=8, out=out)
    assert_same(torch.from_numpy(np.load(out)), whole(network, image))


def test_the_network_stays_as_it_is():
    network = ready(UNet(2, width=2, depth=1)).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    stream_rows(network, image_of(9, 8))
    assert network.training
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (nn.InstanceNorm2d(4), "1 (instance_norm) takes the mean and variance of the whole image"),
        (SqueezeExcite(4), "pools the whole image"),
        (
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
            "1 (upsample_bilinear2d) resizes with aligned corners, so that its samples follow from the image's size",
        ),
        (Pad((0, 0, 2, 1), "circular"), "1 (pad) continues the image's top with its bottom rows"),
    ],
)
def test_what_sees_the_whole_image_is_refused(layer: nn.Module, reason: str):
    network = ready(nn.Sequential(conv(), layer, conv()))
    with pytest.raises(NotExact) as refusal:
        stream_rows(network, image_of(20, 20, 4))
    assert str(refusal.value).startswith("wanted a network that is tile-exact, got 1")
    assert reason in str(refusal.value)


def test_what_cannot_be_done_is_refused():
    network, image = ready(NETWORKS["unet"]), image_of(100, 24)
    with pytest.raises(InputError, match="wanted a band of at least 1 row, got band = 0"):
        stream_rows(network, image, band=0)
    with pytest.raises(InputError, match=r"which single rows of 24 pixels take.*\n.*pixelwise.dense.tiled"):
        stream_rows(network, image, memory="50KB")
    with pytest.raises(InputError, match="2 outs, one per reduction"):
        stream_rows(network, image, reduce=["argmax", "entropy"], out=[None])
    classifier = ready(nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(2 * 36, 2)))
    with pytest.raises(InputError, match="a vector per image from Sequential\nhint: make a patch classifier dense"):
        stream_rows(classifier, image_of(8, 8))


def test_tracing_takes_no_memory_for_the_image():
    # 24 terabytes of float32, if it were real.
    graph = trace(UNet(2, width=2, depth=1), (10**6, 10**6))
    assert graph.nodes[-1].shape == (2, 10**6, 10**6)

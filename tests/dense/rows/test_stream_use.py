"""Rows computed once, memory that the height does not change, budgets, files, and what is refused."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
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
from references.published_networks import SqueezeExcite
from references.row_networks import NETWORKS, Pad, assert_same, conv, image_of, ready, whole


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """With more, small networks wait for each other longer than they compute."""
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(2)


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

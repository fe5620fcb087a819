"""Row by row against the whole image: the same numbers for every layer, network and band."""

from collections.abc import Iterable, Iterator

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from pixelwise.dense.graph.trace import lookup, trace
from pixelwise.dense.rows.stream import RowStream, stream_rows
from references.row_networks import LAYERS, NETWORKS, assert_same, conv, image_of, ready, whole

LARGEST = 10**6
"""Scores of a random stack; upsamplings multiply up."""


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """With more, small networks wait for each other longer than they compute."""
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(2)


def assert_streams(network: nn.Module, image: Tensor, bands: Iterable[int]) -> None:
    """Traces once, because that takes longer than the numbers."""
    graph, wanted = trace(network, (image.shape[1], image.shape[2]), image.shape[0]), whole(network, image)
    for band in bands:
        stream = RowStream(graph, lookup(network), lambda rows: image[None, :, rows[0] : rows[1]])
        with torch.inference_mode():
            ends = range(band, wanted.shape[1] + band, band)
            found = torch.cat([stream.band(min(end, wanted.shape[1])) for end in ends], dim=2)[0]
        assert_same(found, wanted)


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

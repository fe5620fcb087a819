"""The small patch classifier: its sizes, its dense map, and that it learns in seconds."""

import pytest
import torch
import torch.nn.functional as F

from pixelwise import dense
from pixelwise.backbones import SmallClassifier
from pixelwise.errors import InputError


@pytest.mark.compile
@pytest.mark.parametrize(("patch", "stride"), [(32, 1), (17, 1), (6, 1), (24, 3)])
def test_its_dense_map_is_the_sliding_window(patch: int, stride: int):
    network = SmallClassifier(3, width=3, patch=patch).double().eval()
    images = torch.rand(1, 3, patch + 9, patch + 6, dtype=torch.float64)
    together = dense.densify(network, patch, stride)(images)
    alone = dense.slide(network, images, patch, stride)
    assert together.shape[-2:] == (9 // stride + 1, 6 // stride + 1)
    torch.testing.assert_close(together, alone, rtol=1e-12, atol=1e-12)
    assert alone.std() > 0


@pytest.mark.compile
def test_it_is_patch_exact_by_the_dense_verdict():
    assert dense.check(SmallClassifier(2, width=2).eval(), 32).patch_exact.exact


@pytest.mark.parametrize(("patch", "cells"), [(6, 2), (7, 2), (13, 5), (14, 2), (32, 2), (65, 2), (100, 4)])
def test_stages_are_added_while_two_cells_remain(patch: int, cells: int):
    network = SmallClassifier(4, width=2, patch=patch)
    assert network.features(torch.rand(1, 3, patch, patch)).shape[-2:] == (cells, cells)
    assert network(torch.rand(5, 3, patch, patch)).shape == (5, 4)


def test_other_channels_are_possible():
    assert SmallClassifier(2, width=2, in_channels=1)(torch.rand(1, 1, 32, 32)).shape == (1, 2)


def test_other_sizes_are_refused_with_the_way_to_larger_images():
    with pytest.raises(InputError) as refusal:
        SmallClassifier(2, width=2)(torch.rand(1, 3, 40, 32))
    assert str(refusal.value) == (
        "wanted patches of 32x32 pixels, got 40x32\n"
        "hint: for larger images take pixelwise.dense.densify(network, 32), or build with patch=32"
    )


@pytest.mark.parametrize(("name", "least"), [("num_classes", 1), ("width", 1), ("patch", 6), ("in_channels", 1)])
def test_senseless_settings_are_named(name: str, least: int):
    with pytest.raises(InputError) as refusal:
        SmallClassifier(**{"num_classes": 2, name: least - 1})
    assert str(refusal.value) == (
        f"wanted a small classifier with {name} >= {least}, got {name} = {least - 1}\nhint: pass {name}={least} or more"
    )


def stripes(count: int, draws: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Noisy waves along one of two diagonals at any phase: no single pixel and no mean tells them apart."""
    labels = torch.randint(2, (count,), generator=draws)
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    along = torch.where(labels[:, None, None] == 1, rows + columns, rows - columns)
    phase = torch.rand(count, 1, 1, generator=draws) * 6.3
    waves = 0.5 + 0.3 * torch.sin(along + phase) + 0.1 * torch.randn(count, 16, 16, generator=draws)
    return waves[:, None].expand(-1, 3, -1, -1).clamp(0, 1), labels


def test_it_learns_in_seconds():
    draws = torch.Generator().manual_seed(0)
    network = SmallClassifier(2, width=8, patch=16)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(40):
        patches, labels = stripes(32, draws)
        optimizer.zero_grad()
        F.cross_entropy(network(patches), labels).backward()
        optimizer.step()
    patches, labels = stripes(400, draws)
    assert (network(patches).argmax(1) == labels).float().mean() > 0.95

"""Networks with Winograd's convolutions: the same scores, also in tiles; what does not gain stays."""

import pytest
import torch
from torch import nn

from pixelwise.dense import TiledModel, fold_batch_norm, use_winograd, winograd
from pixelwise.errors import InputError
from pixelwise.ops.winograd import WinogradConv2d

WIDE = 8


@pytest.fixture(autouse=True)
def narrow_is_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers that count as wide are small enough for a test."""
    monkeypatch.setattr(winograd, "WORTH_IT", WIDE)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    twice = nn.Conv2d(WIDE, WIDE, 3, padding=2, dilation=2)
    return nn.Sequential(
        nn.Conv2d(3, WIDE, 3, padding=1), nn.ReLU(), twice, nn.ReLU(), twice, nn.Conv2d(WIDE, 2, 1)
    ).eval()


def quickened(network: nn.Module) -> list[str]:
    return [name for name, part in network.named_modules(remove_duplicate=False) if isinstance(part, WinogradConv2d)]


def test_wide_layers_are_replaced_wherever_they_stand():
    plain = network()
    quick = use_winograd(plain)
    assert quickened(quick) == ["2", "4"]
    assert quickened(plain) == []
    images = torch.rand(1, 3, 21, 30)
    with torch.no_grad():
        torch.testing.assert_close(quick(images), plain(images), rtol=0, atol=1e-5)


def test_layers_with_hooks_stay():
    hooked = network()
    hooked[2].register_forward_hook(lambda module, inputs, output: output + 1)
    assert quickened(use_winograd(hooked)) == []


def test_a_folded_network_stays_one():
    parts = [nn.Conv2d(3, WIDE, 3, padding=1), nn.BatchNorm2d(WIDE), nn.ReLU()]
    parts += [nn.Conv2d(WIDE, WIDE + 1, 3, padding=1), nn.BatchNorm2d(WIDE + 1), nn.ReLU()]
    folded = fold_batch_norm(nn.Sequential(*parts))
    quick = use_winograd(folded)
    assert quickened(quick) == ["network.3"]
    images = torch.rand(1, 3, 20, 31)
    with torch.no_grad():
        torch.testing.assert_close(quick(images), folded(images), rtol=0, atol=1e-5)
    with pytest.raises(InputError, match="batch norms for training"):
        quick.train()


def test_tiles_have_the_halo_of_the_plain_network():
    plain, image = network(), torch.rand(3, 40, 50, generator=torch.Generator().manual_seed(1))
    tiled = TiledModel(plain, tile=24), TiledModel(use_winograd(plain), tile=24)
    plans = [each.plan((40, 50)) for each in tiled]
    assert plans[0].rows == plans[1].rows
    assert plans[0].halo == plans[1].halo == 5
    assert plans[0].bytes < plans[1].bytes  # the tiles' own arithmetic takes memory, and is counted
    with torch.no_grad():
        torch.testing.assert_close(tiled[1].run(image), plain(image[None])[0], rtol=0, atol=1e-5)

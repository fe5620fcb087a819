"""Tiles against whole images."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from pixelwise.data import open_image
from pixelwise.dense import TiledModel, tiled
from pixelwise.dense.probes.surroundings import Surroundings
from pixelwise.errors import InputError
from pixelwise.models import UNet
from pixelwise.models.segmentation.unet import accepted_size, margin
from references.whole_image import whole_scores, whole_valid_scores

PADDED = {depth: TiledModel(UNet(3, width=2, depth=depth).double(), tile=16) for depth in (1, 2)}
VALID = TiledModel(UNet(3, width=2, depth=1, padded=False, batch_norm=False).double(), tile=8)


def cut(tiles: TiledModel, tile: int) -> TiledModel:
    """The same measured network with another tile, without measuring again."""
    tiles._planner._tile = tile
    tiles._plans.clear()
    return tiles


def image_of(height: int, width: int) -> Tensor:
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(height * 1000 + width))


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.sampled_from([1, 2]), st.integers(1, 64), st.integers(1, 64), st.integers(14, 40))
def test_padded_tiles_equal_the_whole(depth: int, height: int, width: int, tile: int):
    image = image_of(height, width).double()
    tiles = cut(PADDED[depth], tile)
    result = tiles.run(image)
    assert result.dtype == torch.float64
    torch.testing.assert_close(result, whole_scores(tiles.model, image), rtol=0, atol=1e-12)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(st.integers(12, 48), st.integers(12, 48), st.integers(9, 40))
def test_valid_tiles_equal_the_whole_mirrored_image(height: int, width: int, tile: int):
    image = image_of(height, width).double()
    window = accepted_size(height + 2 * margin(1), 1), accepted_size(width + 2 * margin(1), 1)
    expected = whole_valid_scores(VALID.model, image, margin(1), window)
    torch.testing.assert_close(cut(VALID, tile).run(image), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [(1, 1), (1, 37), (2, 3), (5, 5)])
def test_tiny_images(size: tuple[int, int]):
    image = image_of(*size).double()
    torch.testing.assert_close(cut(PADDED[2], 4).run(image), whole_scores(PADDED[2].model, image), rtol=0, atol=1e-12)
    assert VALID.run(image).shape == (3, *size)
    assert VALID.run(image).isfinite().all()


def test_a_halo_one_alignment_too_small_shows():
    image = image_of(64, 48).double()
    tiles = cut(PADDED[2], 16)
    whole = whole_scores(tiles.model, image)
    true = tiles.field
    assert true.halo is not None
    less = true.halo[0] - true.alignment[0], true.halo[1] - true.alignment[1]
    tiles._planner.field = Surroundings(less, true.alignment, true.margin)
    assert (cut(tiles, 16).run(image) - whole).abs().max() > 1e-12
    tiles._planner.field = true
    assert (cut(tiles, 16).run(image) - whole).abs().max() <= 1e-12


def test_tiles_off_the_alignment_show():
    image = image_of(48, 48).double()
    tiles = cut(PADDED[2], 16)
    true = tiles.field
    tiles._planner.field = Surroundings(true.halo, (1, 1), true.margin)
    assert (cut(tiles, 18).run(image) - whole_scores(tiles.model, image)).abs().max() > 1e-12
    tiles._planner.field = true


def trained(model: nn.Module) -> nn.Module:
    """Thirty steps of learning where the image is bright: real batch statistics, real weights."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for step in range(30):
        images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(step))
        images = F.avg_pool2d(images, 5, stride=1, padding=2, count_include_pad=False)
        loss = F.cross_entropy(model.train()(images), (images.mean(1) > 0.5).long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def test_a_trained_network_in_float32_flips_no_label():
    model = trained(UNet(2, width=8, depth=1))
    image = F.avg_pool2d(image_of(150, 203), 5, stride=1, padding=2, count_include_pad=False)
    tiles = TiledModel(model, tile=50)
    scores, labels = tiles.run(image), tiles.run(image, reduce="argmax")
    whole = whole_scores(model, image)
    assert tiles.plan((150, 203)).tiles == 3 * 5
    assert (scores - whole).abs().max() <= 1e-5 * whole.abs().max()
    assert torch.equal(labels, whole.argmax(0).to(torch.uint8))
    assert 0.05 < labels.float().mean() < 0.95


def test_axes_with_other_alignments():
    def pooled(x: Tensor) -> Tensor:
        rest = (0, -x.shape[-1] % 3, 0, -x.shape[-2] % 2)
        return F.interpolate(F.avg_pool2d(F.pad(x, rest), (2, 3)), scale_factor=(2.0, 3.0))[
            ..., : x.shape[-2], : x.shape[-1]
        ]

    class Pooled(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return pooled(images)

    net = nn.Sequential(nn.Conv2d(3, 3, (3, 5), padding=(1, 2)), Pooled(), nn.Conv2d(3, 2, (5, 1), padding=(2, 0)))
    net = net.double()
    tiles = TiledModel(net, tile=7)
    assert tiles.field.alignment == (2, 3)
    image = image_of(41, 50).double()
    torch.testing.assert_close(tiles.run(image), whole_scores(net, image), rtol=0, atol=1e-12)
    small = TiledModel(net, memory=60_000)
    assert small.plan((41, 50)).tiles > 1
    torch.testing.assert_close(small.run(image), whole_scores(net, image), rtol=0, atol=1e-12)


def test_not_a_number_stays_within_the_receptive_field():
    tiles = cut(PADDED[1], 16)
    assert tiles.field.halo is not None
    reach = tiles.field.halo[0] + tiles.field.alignment[0]
    image = image_of(80, 70).double()
    spoilt = image.clone()
    spoilt[:, 40, 35] = torch.nan
    changed = tiles.run(spoilt).isnan().any(0)
    assert changed[40, 35]
    rows, columns = changed.nonzero().unbind(1)
    assert rows.min() >= 40 - reach
    assert rows.max() <= 40 + reach
    assert columns.min() >= 35 - reach
    assert columns.max() <= 35 + reach
    clean = ~changed
    assert torch.equal(tiles.run(spoilt)[:, clean], tiles.run(image)[:, clean])


def test_a_file_and_its_pixels_give_the_same(tmp_path: Path):
    import tifffile  # noqa: PLC0415

    pixels = (image_of(70, 90) * 255).round().to(torch.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels.movedim(0, -1).numpy(), tile=(32, 32), photometric="rgb")
    lazy = open_image(tmp_path / "a.tif")
    tiles = cut(PADDED[1], 24)
    assert torch.equal(tiles.run(lazy), tiles.run(pixels.float() / 255))


def test_out_may_be_any_array(tmp_path: Path):
    tiles, image = cut(PADDED[1], 24), image_of(40, 50).double()
    expected = tiles.run(image)
    for out in (
        np.zeros((3, 40, 50)),
        np.memmap(tmp_path / "scores", dtype=np.float64, mode="w+", shape=(3, 40, 50)),
        zarr.zeros((3, 40, 50), dtype="f8", chunks=(3, 40, 50), store=str(tmp_path / "scores.zarr")),
        torch.zeros(3, 40, 50, dtype=torch.float64),
    ):
        assert tiles.run(image, out=out) is out
        assert np.array_equal(np.asarray(out[...]), expected.numpy())
    labels = np.zeros((40, 50), np.uint8)
    tiles.run(image, "argmax", out=labels)
    assert np.array_equal(labels, expected.argmax(0).numpy())


def test_results_are_plain_tensors_without_a_graph():
    image = image_of(20, 20).double().requires_grad_()
    scores = PADDED[1].run(image)
    assert not scores.requires_grad
    assert not scores.is_inference()
    assert torch.is_grad_enabled()


def test_classes_beyond_a_byte_do_not_wrap():
    net = nn.Conv2d(3, 300, 1)
    with torch.no_grad():
        net.bias[299] = 1e3
    assert tiled(net, image_of(4, 5), reduce="argmax").eq(299).all()


def test_progress_counts_every_tile():
    calls: list[tuple[int, int]] = []
    cut(PADDED[1], 16).run(image_of(40, 20).double(), progress=lambda done, total: calls.append((done, total)))
    assert calls == [(each, 6) for each in range(1, 7)]


def test_each_part_returns_to_its_mode_also_after_an_error():
    model = UNet(2, width=2, depth=1).train()
    model.down[0].eval()
    modes = [part.training for part in model.modules()]

    def stop(done: int, total: int) -> None:
        assert not any(part.training for part in model.modules())
        raise KeyboardInterrupt

    tiles = TiledModel(model, tile=8)
    with pytest.raises(KeyboardInterrupt):
        tiles.run(image_of(20, 20), progress=stop)
    assert [part.training for part in model.modules()] == modes
    tiles.run(image_of(20, 20))
    assert [part.training for part in model.modules()] == modes


@pytest.mark.parametrize("number_type", [torch.bfloat16, torch.float16])
def test_half_precision_networks_give_float32(number_type: torch.dtype):
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 3, padding=1)).to(number_type)
    image = image_of(30, 31)
    scores = tiled(net, image, tile=8)
    assert scores.dtype == torch.float32
    whole = whole_scores(net, image.to(number_type)).float()
    # Half precision rounds each sum to 8 to 11 bits.
    assert (scores - whole).abs().max() <= 0.02


def test_a_network_without_weights():
    image = image_of(20, 30)
    net = nn.MaxPool2d(3, stride=1, padding=1)
    assert torch.equal(tiled(net, image, tile=7), whole_scores(net, image))


def test_a_network_that_takes_multiples_only():
    net = nn.Sequential(nn.MaxPool2d(4), nn.Conv2d(3, 2, 3, padding=1), nn.Upsample(scale_factor=4))
    image = image_of(40, 64)
    torch.testing.assert_close(tiled(net, image, tile=16), whole_scores(net, image), rtol=0, atol=1e-5)
    text = refused(TiledModel(net, tile=16), image_of(41, 64))
    assert "image and tile sizes that the network accepts, such as" in text
    assert "from an image of 41x64" in text


def refused(tiles: TiledModel, image: object, **settings: object) -> str:
    with pytest.raises(InputError) as refusal:
        tiles.run(image, **settings)
    return str(refusal.value)


def test_unbounded_networks_run_whole_or_not_at_all():
    net = nn.Sequential(nn.Conv2d(3, 2, 3, padding=1), nn.InstanceNorm2d(2)).double()
    image = image_of(40, 50).double()
    torch.testing.assert_close(tiled(net, image), whole_scores(net, image), rtol=0, atol=1e-12)
    with pytest.raises(InputError) as refusal:
        tiled(net, image, memory="10KB")
    assert "looks at the whole image, where 40x50 pixels take about" in str(refusal.value)
    assert "pixelwise.dense.freeze_statistics" in str(refusal.value)
    with pytest.raises(InputError, match="more than tiles of 16"):
        tiled(net, image, tile=16)


def test_images_that_cannot_be_used_are_named():
    tiles = PADDED[1]
    assert "pass the images of a batch one by one" in refused(tiles, torch.rand(1, 3, 8, 8))
    assert "one of torch.int64" in refused(tiles, torch.zeros(3, 8, 8, dtype=torch.int64))
    assert "an image of 3 channels, got 4 channels" in refused(tiles, torch.rand(4, 8, 8))
    assert "without pixels, of shape (3, 0, 8)" in refused(tiles, torch.rand(3, 0, 8))
    assert "out of shape (3, 8, 8), got (3, 9, 8)" in refused(tiles, torch.rand(3, 8, 8), out=np.zeros((3, 9, 8)))
    with pytest.raises(InputError, match="at least 1 pixel"):
        TiledModel(nn.Conv2d(3, 2, 1), tile=0)


def test_not_a_number_stays_where_it_is_seen_in_float32_too():
    model = UNet(2, width=8, depth=1).eval()
    tiles = TiledModel(model, tile=40)
    assert tiles.field.halo is not None
    reach = tiles.field.halo[0] + tiles.field.alignment[0]
    image = image_of(120, 130)
    spoilt = image.clone()
    spoilt[1, 60, 70] = torch.nan
    plain, found = tiles.run(image, "argmax"), tiles.run(spoilt, "argmax")
    far = torch.ones(120, 130, dtype=torch.bool)
    far[60 - reach : 61 + reach, 70 - reach : 71 + reach] = False
    assert torch.equal(found[far], plain[far])
    assert tiles.run(spoilt).isnan().any(0)[~far].any()

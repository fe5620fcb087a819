"""Dense maps in tiles against the same maps of whole images."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from pixelwise.dense import TiledModel, densify, slide, tiled
from pixelwise.errors import InputError
from references.published_networks import membrane_classifier

torch.manual_seed(0)
VALID = nn.Sequential(
    *(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 4, (2, 3)), nn.ReLU(), nn.MaxPool2d(3, 2)),
    *(nn.Flatten(), nn.LazyLinear(3)),
)
PATCH = 17, 14
VALID(torch.zeros(1, 2, *PATCH))
VALID.double().eval()
PADDED = nn.Sequential(
    *(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2, 1), nn.Conv2d(3, 3, (5, 4), 2, (2, 1)), nn.ReLU()),
    *(nn.ReflectionPad2d(1), nn.Conv2d(3, 2, 3), nn.AvgPool2d(2, ceil_mode=True), nn.Conv2d(2, 3, 2)),
).double()


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)  # small networks on two threads wait for each other longer than they compute


def image_of(height: int, width: int, channels: int = 2) -> Tensor:
    return torch.rand(channels, height, width, generator=torch.Generator().manual_seed(height * 1000 + width)).double()


def count_runs(dense: nn.Module, runs: list[int]) -> None:
    """Notes each run on numbers; those on the meta device only plan."""

    def note(_: nn.Module, inputs: tuple[Tensor], __: Tensor) -> None:
        if not inputs[0].is_meta:
            runs.append(1)

    dense.register_forward_hook(note)


@settings(max_examples=14, deadline=None, derandomize=True)
@given(st.integers(17, 60), st.integers(14, 60), st.integers(1, 24), st.integers(1, 5), st.integers(1, 5))
def test_tiles_equal_the_whole_map(height: int, width: int, tile: int, down: int, across: int):
    image = image_of(height, width)
    dense = densify(VALID, PATCH, (down, across), channels=2)
    result = tiled(dense, image, tile=tile)
    assert result.shape == (3, (height - 17) // down + 1, (width - 14) // across + 1)
    torch.testing.assert_close(result, dense(image[None])[0].detach(), rtol=0, atol=1e-12)


@settings(max_examples=14, deadline=None, derandomize=True)
@given(st.integers(14, 60), st.integers(14, 60), st.integers(1, 30), st.sampled_from([1, 2, 3, 4, 8]))
def test_padded_maps_in_tiles_equal_the_whole_map(height: int, width: int, tile: int, stride: int):
    image = image_of(height, width)
    dense = densify(PADDED, 32, stride, exact="stride", channels=2)
    result = tiled(dense, image, tile=tile)
    torch.testing.assert_close(result, dense(image[None])[0].detach(), rtol=0, atol=1e-12)


def test_each_tile_reads_the_pixels_of_its_patches_and_no_others():
    plan = TiledModel(densify(VALID, PATCH, (2, 3), channels=2), tile=5, channels=2).plan((40, 60))
    assert [(span.read_start, span.read_stop) for span in plan.rows] == [(0, 8 + 17), (10, 18 + 17), (20, 22 + 17)]
    assert [(span.start, span.stop) for span in plan.columns] == [(0, 5), (5, 10), (10, 15), (15, 16)]
    assert plan.columns[-1].read_stop == 45 + 14
    assert plan.recompute == pytest.approx((25 + 25 + 19) * (26 * 3 + 14) / (39 * 59))
    assert str(plan).startswith("12 tiles of 5x5, halo 8, recompute 2.76x, peak about ")


def test_every_output_is_the_classifier_on_its_patch():
    image = image_of(80, 75, channels=1).float()
    network = membrane_classifier(2)
    expected = slide(network, image[None], 65, 4)[0]
    torch.testing.assert_close(tiled(densify(network, 65, 4, channels=1), image, tile=2), expected, rtol=0, atol=1e-6)


def test_the_budget_holds_and_a_smaller_one_says_what_is_needed():
    dense = densify(membrane_classifier(4), 65, channels=1)
    plan = TiledModel(dense, "3MB", channels=1).plan((300, 200))
    assert plan.bytes <= 3_000_000
    assert plan.tiles > 1
    with pytest.raises(InputError, match=r"at least 1 MB, which the smallest tile takes, got 0\.01 MB"):
        tiled(dense, torch.rand(1, 100, 100), memory="10KB")


def test_an_image_below_one_patch_is_refused():
    with pytest.raises(InputError, match="an image of at least one patch, 17x14, got 16x30"):
        tiled(densify(VALID, PATCH, channels=2), image_of(16, 30))


def test_padded_maps_that_look_at_the_whole_image_are_refused():
    network = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(InputError, match="looks at the whole image") as refusal:
        tiled(densify(network, 8, exact="stride", channels=2), image_of(20, 20))
    assert 'exact="patch"' in refusal.value.hint


@pytest.mark.parametrize("name", ["map.npy", "map.tif", "map.zarr"])
def test_an_interrupted_map_goes_on_and_ends_in_the_same_numbers(tmp_path: Path, name: str):
    dense, image, runs = densify(VALID, PATCH, 2, channels=2), image_of(50, 44), []

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiled(dense, image, tile=6, out=tmp_path / name, progress=stop)
    assert not (tmp_path / name).exists()
    count_runs(dense, runs)
    assert tiled(dense, image, tile=6, out=tmp_path / name) == tmp_path / name
    assert len(runs) == 9 - 3
    read = {".npy": np.load, ".tif": tifffile.imread, ".zarr": lambda path: np.asarray(zarr.open_array(path)[:])}
    expected = dense(image[None])[0].detach().numpy()
    np.testing.assert_allclose(read[Path(name).suffix](tmp_path / name), expected, rtol=0, atol=1e-12)
    assert list(tmp_path.iterdir()) == [tmp_path / name]


def test_a_mask_means_the_centres_of_patches_and_spares_the_others():
    dense, image, runs = densify(VALID, PATCH, 2, channels=2), image_of(50, 44), []
    mask = torch.zeros(50, 44, dtype=torch.bool)
    mask[8:20, 7:19] = True  # centres of the outputs 0 to 5 in both directions
    count_runs(dense, runs)
    labels = tiled(dense, image, tile=6, reduce="argmax", mask=mask)
    assert len(runs) == 1
    whole = dense(image[None])[0].argmax(0)
    assert torch.equal(labels[:6, :6].long(), whole[:6, :6])
    assert (labels[6:] == 255).all()
    assert (labels[:, 6:] == 255).all()


def test_reductions_equal_those_of_the_whole_map():
    dense, image = densify(VALID, PATCH, 3, channels=2), image_of(47, 51)
    scores = dense(image[None])[0].detach()
    labels, shares, two = tiled(dense, image, tile=4, reduce=["argmax", "max_probability", "top2"])
    assert torch.equal(labels.long(), scores.argmax(0))
    torch.testing.assert_close(shares, scores.softmax(0).amax(0))
    assert torch.equal(two.long(), scores.topk(2, dim=0).indices)


def test_constants_that_are_no_buffers_are_named():
    class Shifted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.shift = nn.Conv2d(2, 3, 4), torch.full((3, 1, 1), 0.5)

        def forward(self, images: Tensor) -> Tensor:
            return self.layer(images) + self.shift

    with pytest.raises(InputError, match="cpu is not on the expected device meta") as refusal:
        tiled(densify(Shifted(), 4, channels=2), image_of(9, 9).float())
    assert "register constant tensors as buffers" in refusal.value.hint

"""Augmentation as one movement: every part of a sample goes to the same place, exactly where nothing is blended."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from pixelwise.data.transforms import Augmentation, Geometry, Sample, augment, light, none, strong
from pixelwise.data.transforms.geometry import draw_move
from pixelwise.errors import InputError

ALL = Geometry(flip=True, flip_vertical=True, rotate90=True, rotation=30, scale=(0.5, 2), shear=10, elastic=2)
EXACT = Geometry(flip=True, flip_vertical=True, rotate90=True)


def seeds(count: int) -> Iterator[torch.Generator]:
    return (torch.Generator().manual_seed(seed) for seed in range(count))


def addressed(height: int, width: int) -> Sample:
    """Every pixel holds its own address: as image (row, column, 0), as label (row * width + column) and as flow."""
    rows = torch.arange(height).view(-1, 1).expand(height, width)
    columns = torch.arange(width).expand(height, width)
    image = torch.stack([rows / 255, columns / 255, torch.zeros(height, width)])
    return Sample(image, labels=rows * width + columns, flow=torch.stack([columns, rows]).float(), second=image)


def blobs(height: int = 96, width: int = 128) -> Tensor:
    """Label regions about 16 pixels wide."""
    coarse = torch.randint(0, 5, (height // 16, width // 16))
    return coarse.repeat_interleave(16, 0).repeat_interleave(16, 1)


@pytest.mark.parametrize("preset", [none, light, strong])
def test_the_same_seed_gives_the_same_bits_and_others_differ(preset) -> None:
    sample = addressed(60, 50)
    results = [augment(sample, preset((32, 32)), torch.Generator().manual_seed(seed)) for seed in (5, 5, 6)]
    for part in ("image", "labels", "flow", "second", "valid"):
        assert torch.equal(getattr(results[0], part), getattr(results[1], part))
    assert not torch.equal(results[0].image, results[2].image)


def test_every_place_of_a_crop_is_drawn_and_pixels_are_copied() -> None:
    sample, places = addressed(6, 7), set()
    for generator in seeds(200):
        crop = augment(sample, none((4, 5)), generator)
        top, left = divmod(int(crop.labels[0, 0]), 7)
        places.add((top, left))
        assert torch.equal(crop.image, sample.image[:, top : top + 4, left : left + 5])
        assert torch.equal(crop.flow, sample.flow[:, top : top + 4, left : left + 5])
    assert places == {(top, left) for top in range(3) for left in range(3)}


def test_exact_moves_are_the_eight_symmetries() -> None:
    image = torch.rand(3, 5, 7)
    turned = [image.rot90(k, (1, 2)) for k in range(4)]
    wanted = {tuple(t.flatten().tolist()) for t in turned} | {tuple(t.flip(2).flatten().tolist()) for t in turned}
    results = [augment(Sample(image), Augmentation(None, EXACT), generator).image for generator in seeds(120)]
    assert {tuple(result.flatten().tolist()) for result in results} == wanted
    assert {tuple(result.shape) for result in results} == {(3, 5, 7), (3, 7, 5)}


def test_flipping_twice_is_the_identity() -> None:
    sample = Sample(
        torch.rand(3, 6, 8),
        torch.randint(0, 3, (6, 8)),
        torch.tensor([[1.5, 2.0, 4.0, 5.0]]),
        torch.randn(2, 6, 8),
        torch.rand(3, 6, 8),
    )
    flip = Augmentation(geometry=Geometry(flip=True))
    seed = next(s for s in range(20) if not torch.equal(_flip(sample, s).image, sample.image))
    flipped = _flip(sample, seed)
    assert flipped.boxes.tolist() == [[4.0, 2.0, 6.5, 5.0]]
    assert_close(flipped.flow[0], -sample.flow[0].flip(1))
    again = augment(flipped, flip, torch.Generator().manual_seed(seed))
    for part in ("image", "labels", "boxes", "flow", "second"):
        assert torch.equal(getattr(again, part), getattr(sample, part))


def _flip(sample: Sample, seed: int) -> Sample:
    return augment(sample, Augmentation(geometry=Geometry(flip=True)), torch.Generator().manual_seed(seed))


def test_the_exact_path_agrees_with_the_sampled_one() -> None:
    sample = addressed(20, 24)
    for generator in seeds(20):
        state = generator.get_state()
        exact = augment(sample, Augmentation((9, 12), EXACT), generator)
        move = draw_move(EXACT, (9, 12), (20, 24), generator.set_state(state))
        columns, rows = move.places.floor().long()
        assert torch.equal(exact.labels, sample.labels[rows, columns])


@pytest.mark.parametrize("geometry", [EXACT, ALL])
def test_image_and_labels_stay_together(geometry: Geometry) -> None:
    colours = torch.rand(5, 3)
    for generator in seeds(10):
        labels = blobs()
        image = colours[labels].permute(2, 0, 1)
        moved = augment(Sample(image, labels.to(torch.uint8)), Augmentation((64, 64), geometry), generator)
        # Bilinear reading blends across edges, so only pixels with one label all around are compared.
        windows = moved.labels.float().unfold(0, 7, 1).unfold(1, 7, 1).flatten(2)
        calm = (windows.amin(2) == windows.amax(2)) & (windows.amax(2) < 255)
        inner = moved.labels[3:-3, 3:-3][calm].long()
        assert calm.sum() > 100
        assert_close(moved.image[:, 3:-3, 3:-3][:, calm], colours[inner].T, atol=1e-5, rtol=0)


@pytest.mark.parametrize("geometry", [Geometry(), EXACT, ALL])
@pytest.mark.parametrize("size", [(5, 40), (1, 1), (3, 3)])
def test_images_smaller_than_the_crop_are_continued(size: tuple[int, int], geometry: Geometry) -> None:
    image = torch.rand(3, *size) * 0.5 + 0.5
    sample = Sample(image, torch.zeros(size, dtype=torch.uint8), flow=torch.zeros(2, *size), second=image)
    for generator in seeds(5):
        moved = augment(sample, Augmentation((16, 20), geometry), generator)
        assert moved.image.shape == (3, 16, 20)
        assert moved.image.min() >= 0.5 - 1e-5  # mirrored, never black
        assert set(moved.labels.unique().tolist()) <= {0, 255}
        assert (moved.labels == 255).any()
        assert torch.equal(moved.valid, moved.labels == 0)


def test_a_small_image_stands_in_the_middle() -> None:
    moved = augment(addressed(4, 6), none((8, 10)), torch.Generator())
    assert (moved.labels[2:6, 2:8] < 24).all()
    assert (moved.labels == 255).sum() == 80 - 24
    assert torch.equal(moved.image[:, 1], moved.image[:, 3])  # the mirror stands at row 2, the first of the image


@pytest.mark.parametrize("preset", [none, light, strong])
def test_results_share_no_memory_with_the_input(preset) -> None:
    sample = addressed(16, 16)
    before = sample.image.clone()
    moved = augment(sample, preset(), torch.Generator())
    moved.image.fill_(7)
    moved.second.fill_(7)
    assert torch.equal(sample.image, before)
    assert moved.image.is_contiguous()


def test_permuted_images_are_read_like_any_other() -> None:
    image = torch.rand(30, 40, 3).permute(2, 0, 1)
    results = [
        augment(Sample(i, flow=i[:2]), strong((16, 16)), torch.Generator().manual_seed(1))
        for i in (image, image.contiguous())
    ]
    assert_close(results[0].image, results[1].image)
    assert_close(results[0].flow, results[1].flow)


def test_zoom_is_even_in_its_logarithm() -> None:
    geometry = Geometry(scale=(0.25, 4))
    zooms = torch.stack([draw_move(geometry, (8, 8), (64, 64), generator).forward[0, 0] for generator in seeds(400)])
    assert zooms.min() >= 0.25
    assert zooms.max() <= 4
    assert 0.4 < (zooms < 1).double().mean() < 0.6


def test_rotation_turns_a_point_about_the_middle() -> None:
    for generator in seeds(5):
        move = draw_move(Geometry(rotation=180), (11, 11), (11, 11), generator)
        assert_close(move.places[:, 5, 5], torch.tensor([5.5, 5.5]).double())
        radii = (move.places[:, 0, 0] - 5.5).norm()
        assert_close(radii, torch.tensor(50.0).double().sqrt())


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"rotation": -1}, "wanted rotation as 0..180 degrees, got -1"),
        ({"shear": 90}, "wanted shear as 0..60 degrees, got 90"),
        ({"scale": (2.0, 1.0)}, r"wanted scale as smallest and largest, above 0, got \(2.0, 1.0\)"),
        ({"scale": (0.0, 1.0)}, "wanted scale as smallest"),
        ({"elastic": float("nan")}, "wanted elastic as a sigma of 0 pixels or more, got nan"),
    ],
)
def test_settings_out_of_range_are_named(settings: dict, text: str) -> None:
    with pytest.raises(InputError, match=text + ".*\nhint: pass Geometry"):
        Geometry(**settings)


def test_an_empty_crop_is_refused() -> None:
    with pytest.raises(InputError, match=r"wanted a crop \(height, width\) of at least 1x1, got \(0, 5\)"):
        none((0, 5))

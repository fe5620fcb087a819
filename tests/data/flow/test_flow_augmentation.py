"""Augmented pairs: the flow is the one that the drawn motions imply, and the pictures agree with it."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from pixelwise.data.flow import FlowAugmentation, FlowPair, Relative, augment_pair, flow_augmentation
from pixelwise.data.flow.relative import draw_second
from pixelwise.data.transforms import Colour, Geometry
from pixelwise.data.transforms.geometry import draw_move
from pixelwise.errors import InputError
from pixelwise.ops import pixel_centres, warp
from pixelwise.training.draws import generator_for

SIZE = (96, 128)
GEOMETRIES = {
    "exact": Geometry(flip=True, flip_vertical=True, rotate90=True),
    "linear": Geometry(flip=True, flip_vertical=True, rotation=40, scale=(0.7, 1.6), shear=10),
}
RELATIVES = {"off": Relative(), "on": Relative(shift=5, rotation=8, zoom=0.1)}


def texture(places: Tensor) -> Tensor:
    """A smooth colour (3 H W) for every place (2 H W)."""
    x, y = places
    return torch.stack([(x / 9).sin() * (y / 13).cos(), (x / 11 + y / 7).sin(), (x / 17 - y / 10).cos()]) * 0.4 + 0.5


def motion(places: Tensor) -> Tensor:
    """Where places of the first image go: a small turn, growth and shift."""
    matrix = torch.tensor([[1.04, -0.07], [0.05, 0.97]], dtype=torch.float64)
    return torch.einsum("ij,jhw->ihw", matrix, places) + torch.tensor([4.0, -3.0]).double()[:, None, None]


def moving_pair(height: int = SIZE[0], width: int = SIZE[1]) -> FlowPair:
    places = pixel_centres(height, width, like=torch.zeros(1, dtype=torch.float64))
    matrix = torch.tensor([[1.04, -0.07], [0.05, 0.97]], dtype=torch.float64)
    shift = torch.tensor([4.0, -3.0]).double()[:, None, None]
    origin = torch.einsum("ij,jhw->ihw", matrix.inverse(), places - shift)
    flow = (motion(places) - places).float()
    valid = torch.ones(height, width, dtype=torch.bool)
    ends = places + flow
    gone = (ends < 0).any(0) | (ends[0] >= width) | (ends[1] >= height)
    return FlowPair(texture(places).float(), texture(origin).float(), flow, valid, gone)


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("relative", RELATIVES)
@pytest.mark.parametrize("crop", [None, (48, 72)])
def test_the_flow_is_that_of_the_composed_motions(geometry: str, relative: str, crop: tuple[int, int] | None) -> None:
    pair = moving_pair()
    augmentation = FlowAugmentation(crop, GEOMETRIES[geometry], RELATIVES[relative])
    for seed in range(8):
        moved = augment_pair(pair, augmentation, torch.Generator().manual_seed(seed))
        again = torch.Generator().manual_seed(seed)
        first = draw_move(augmentation.geometry, crop, SIZE, again)
        second = draw_second(first, augmentation.relative, again)
        ends = motion(first.places) - second.centre[:, None, None]
        ends = torch.linalg.solve(second.matrix, ends.flatten(1)).view_as(ends) + second.crop_centre[:, None, None]
        implied = ends - pixel_centres(*first.size, like=ends)
        x, y = first.places
        # In the outermost half pixel there are no four neighbours to blend, and a vector is taken as it is.
        inner = (x > 0.5) & (x < SIZE[1] - 0.5) & (y > 0.5) & (y < SIZE[0] - 0.5)
        assert (moved.valid == (x >= 0) & (x < SIZE[1]) & (y >= 0) & (y < SIZE[0])).float().mean() > 0.999
        assert inner.float().mean() > 0.5
        assert (moved.flow.double() - implied).abs()[:, inner].max() < 1e-4


@pytest.mark.parametrize("relative", RELATIVES)
def test_the_pictures_agree_with_the_flow(relative: str) -> None:
    pair, augmentation = moving_pair(), FlowAugmentation((64, 80), GEOMETRIES["linear"], RELATIVES[relative])
    errors, raw = [], []
    for seed in range(8):
        moved = augment_pair(pair, augmentation, torch.Generator().manual_seed(seed))
        back, inside = warp(moved.second[None], moved.flow[None])
        seen = inside[0] & moved.valid & ~moved.occluded
        assert seen.float().mean() > 0.2
        errors.append(float((back[0] - moved.image).abs()[:, seen].mean()))
        raw.append(float((moved.second - moved.image).abs()[:, seen].mean()))
    assert max(errors) < 0.01
    assert sum(errors) < 0.05 * sum(raw)


def test_nothing_changes_without_a_change() -> None:
    pair = moving_pair()
    same = augment_pair(pair, FlowAugmentation(), torch.Generator().manual_seed(0))
    for part in ("image", "second", "flow", "valid", "occluded"):
        assert torch.equal(getattr(same, part), getattr(pair, part))
        assert getattr(same, part).data_ptr() != getattr(pair, part).data_ptr()


@pytest.mark.parametrize("geometry", [Geometry(flip=True), Geometry(flip_vertical=True)])
def test_a_flip_undoes_itself(geometry: Geometry) -> None:
    pair, augmentation = moving_pair(), FlowAugmentation(geometry=geometry)
    flipped = 0
    for seed in range(6):
        once = augment_pair(pair, augmentation, torch.Generator().manual_seed(seed))
        twice = augment_pair(once, augmentation, torch.Generator().manual_seed(seed))
        assert all(torch.equal(getattr(twice, part), getattr(pair, part)) for part in ("image", "second", "flow"))
        flipped += not torch.equal(once.image, pair.image)
    assert 0 < flipped < 6


def test_zoom_and_turn_change_vectors() -> None:
    flow = torch.tensor([2.0, 0.0]).view(2, 1, 1).expand(2, 32, 32).contiguous()
    pair = FlowPair(torch.rand(3, 32, 32), torch.rand(3, 32, 32), flow, torch.ones(32, 32, dtype=torch.bool))
    moved = augment_pair(pair, FlowAugmentation((8, 8), Geometry(scale=(2, 2))), torch.Generator())
    assert_close(moved.flow, torch.tensor([4.0, 0.0]).view(2, 1, 1).expand(2, 8, 8))
    assert moved.occluded is None


def test_a_relative_shift_is_added_to_the_flow() -> None:
    pair, relative = moving_pair(), Relative(shift=6)
    still = augment_pair(pair, FlowAugmentation(), torch.Generator().manual_seed(4))
    moved = augment_pair(pair, FlowAugmentation(relative=relative), torch.Generator().manual_seed(4))
    added = moved.flow - still.flow
    assert_close(added, added[:, :1, :1].expand_as(added), atol=1e-4, rtol=0)
    assert 0.1 < added[:, 0, 0].abs().max() < 6
    assert torch.equal(moved.image, still.image)


def test_motions_on_two_sides_of_an_edge_are_not_blended() -> None:
    flow = torch.zeros(2, 40, 40)
    flow[0, :, 20:] = 8
    pair = FlowPair(torch.rand(3, 40, 40), torch.rand(3, 40, 40), flow, torch.ones(40, 40, dtype=torch.bool))
    for seed in range(5):
        moved = augment_pair(
            pair, FlowAugmentation((24, 24), Geometry(scale=(1.3, 1.3))), torch.Generator().manual_seed(seed)
        )
        across = moved.flow[0][moved.valid] / 1.3
        assert ((across.abs() < 1e-4) | ((across - 8).abs() < 1e-4)).all()


def test_what_is_unknown_stays_unknown_and_0() -> None:
    pair = moving_pair()
    valid = torch.ones(SIZE, dtype=torch.bool)
    valid[:, 64:] = False
    pair = FlowPair(pair.image, pair.second, pair.flow.where(valid, 0), valid, None)
    for name, geometry in GEOMETRIES.items():
        augmentation = FlowAugmentation((48, 64), geometry, RELATIVES["on"])
        shares = []
        for seed in range(6):
            moved = augment_pair(pair, augmentation, torch.Generator().manual_seed(seed))
            assert (moved.flow[:, ~moved.valid] == 0).all(), name
            shares.append(float(moved.valid.float().mean()))
        assert min(shares) < 1
        assert max(shares) > 0


def test_what_ends_outside_the_crop_is_occluded() -> None:
    flow = torch.zeros(2, 40, 40)
    flow[0] = 5
    none = torch.zeros(40, 40, dtype=torch.bool)
    pair = FlowPair(torch.rand(3, 40, 40), torch.rand(3, 40, 40), flow, ~none, none)
    moved = augment_pair(pair, FlowAugmentation((16, 16)), torch.Generator().manual_seed(1))
    assert moved.occluded[:, 11:].all()
    assert not moved.occluded[:, :11].any()


def test_every_epoch_draws_anew_and_every_seed_repeats() -> None:
    pair, augmentation = moving_pair(), flow_augmentation((48, 64))

    def draw(*key: int) -> FlowPair:
        return augment_pair(pair, augmentation, generator_for(*key))

    keys = [(seed, epoch, index) for seed in (0, 1) for epoch in (0, 1) for index in (0, 1)]
    pictures = [draw(*key) for key in keys]
    for key, picture in zip(keys, pictures, strict=True):
        again = draw(*key)
        assert torch.equal(picture.image, again.image)
        assert torch.equal(picture.flow, again.flow)
    for place, picture in enumerate(pictures):
        assert all(not torch.equal(picture.flow, other.flow) for other in pictures[:place])


def test_both_images_share_their_colours_but_for_the_asymmetric_part() -> None:
    grey = torch.full((3, 24, 24), 0.4)
    pair = FlowPair(grey, grey.clone(), torch.zeros(2, 24, 24), torch.ones(24, 24, dtype=torch.bool))
    shared = FlowAugmentation(colour=Colour(brightness=0.2, contrast=0.5, gamma=0.5))
    apart = FlowAugmentation(asymmetric=Colour(brightness=0.2))
    for seed in range(3):
        both = augment_pair(pair, shared, torch.Generator().manual_seed(seed))
        assert torch.equal(both.image, both.second)
        assert not torch.equal(both.image, grey)
        own = augment_pair(pair, apart, torch.Generator().manual_seed(seed))
        assert (own.image - own.second).abs().min() > 0.001


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: FlowAugmentation((0, 4)), r"crop \(height, width\) of at least 1x1, got \(0, 4\)"),
        (lambda: FlowAugmentation(geometry=Geometry(elastic=2)), "straight lines for flow, got elastic=2"),
        (lambda: Relative(shift=-1), "shift as pixels from 0 on, got -1"),
        (lambda: Relative(rotation=181), r"rotation as 0\.\.180 degrees, got 181"),
        (lambda: Relative(zoom=float("nan")), r"zoom as 0\.\.1, got nan"),
    ],
)
def test_settings_out_of_range_are_named(make: object, text: str) -> None:
    with pytest.raises(InputError, match=text):
        make()

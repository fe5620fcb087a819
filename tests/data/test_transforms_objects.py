"""Boxes, masks and flow under augmentation: they change their values so that they stay true."""

from collections.abc import Iterator
from inspect import unwrap

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from pixelwise.data.transforms import Augmentation, Geometry, Sample, augment, none
from pixelwise.data.transforms.geometry import draw_move
from pixelwise.data.transforms.motion import move_flow
from pixelwise.errors import InputError
from pixelwise.ops import pixel_centres, sample_at, warp

LINEAR = Geometry(flip=True, flip_vertical=True, rotate90=True, rotation=40, scale=(0.5, 2), shear=15)
ELASTIC = Geometry(rotation=20, scale=(0.8, 1.25), elastic=3)


def seeds(count: int) -> Iterator[torch.Generator]:
    return (torch.Generator().manual_seed(seed) for seed in range(count))


def discs(count: int, size: int) -> tuple[Tensor, Tensor]:
    """Tight boxes (N 4) and masks (N H W) of random discs."""
    centres, radii = torch.rand(count, 2) * size, torch.rand(count) * 8 + 2
    x, y = pixel_centres(size, size, like=centres)
    masks = (x - centres[:, 0, None, None]) ** 2 + (y - centres[:, 1, None, None]) ** 2 <= radii[:, None, None] ** 2
    return tight_boxes(masks), masks


def tight_boxes(masks: Tensor) -> Tensor:
    boxes = []
    for mask in masks:
        rows, columns = mask.nonzero().unbind(1)
        boxes.append([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    return torch.tensor(boxes).float().view(-1, 4)


@pytest.mark.parametrize(("geometry", "slack"), [(Geometry(), 0), (LINEAR, 0.5), (ELASTIC, 0)])
def test_boxes_contain_their_masks(geometry: Geometry, slack: float) -> None:
    # A pixel shown at its centre reaches half a pixel further: exact corners may miss that, boxes of pixels may not.
    boxes, masks = discs(12, 96)
    seen = 0
    for generator in seeds(15):
        moved = augment(
            Sample(torch.rand(3, 96, 96), boxes=boxes, masks=masks), Augmentation((64, 64), geometry), generator
        )
        assert len(moved.boxes) == len(moved.masks) == len(moved.kept) <= 12
        shown = moved.masks.flatten(1).any(1)
        tight = tight_boxes(moved.masks[shown])
        assert (moved.boxes[shown][:, :2] <= tight[:, :2] + slack).all()
        assert (moved.boxes[shown][:, 2:] >= tight[:, 2:] - slack).all()
        assert (moved.boxes >= 0).all()
        assert (moved.boxes <= 64).all()
        seen += int(shown.sum())
    assert seen > 50


def test_boxes_keep_their_rows_and_lose_what_left_the_crop() -> None:
    boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [3.0, 3.0, 9.0, 9.5], [8.0, 0.0, 10.0, 4.0], [4.0, 4.0, 4.0, 6.0]])
    for generator in seeds(30):
        labels = torch.arange(100).view(10, 10)
        moved = augment(Sample(torch.rand(3, 10, 10), labels, boxes), none((4, 4)), generator)
        top, left = divmod(int(moved.labels[0, 0]), 10)
        shifted = (boxes - torch.tensor([left, top, left, top])).clamp(0, 4)
        kept = ((shifted[:, 2:] - shifted[:, :2]) > 0).all(1).nonzero()[:, 0]
        assert torch.equal(moved.kept, kept)
        assert torch.equal(moved.boxes, shifted[kept])
        assert 3 not in moved.kept  # it never had an area


def test_a_box_of_the_whole_image_turns_into_its_bounding_box() -> None:
    sample = Sample(torch.rand(3, 40, 40), boxes=torch.tensor([[10.0, 10.0, 30.0, 30.0]]))
    for generator in seeds(5):
        state = generator.get_state()
        moved = augment(sample, Augmentation(None, Geometry(rotation=45)), generator)
        cosine, sine = draw_move(Geometry(rotation=45), None, (40, 40), generator.set_state(state)).forward[:, 0].abs()
        side = 20 * (cosine + sine)  # of the upright box around a turned square
        assert_close(moved.boxes[0].double(), torch.stack([20 - side / 2] * 2 + [20 + side / 2] * 2), atol=1e-4, rtol=0)


def test_no_boxes_are_fine_and_masks_without_boxes_all_stay() -> None:
    image = torch.rand(3, 8, 8)
    for geometry in (Geometry(), LINEAR, ELASTIC):
        moved = augment(Sample(image, boxes=torch.zeros(0, 4)), Augmentation((4, 4), geometry), torch.Generator())
        assert moved.boxes.shape == (0, 4)
        assert moved.kept.tolist() == []
    moved = augment(Sample(image, masks=torch.zeros(3, 8, 8, dtype=torch.bool)), none((4, 4)), torch.Generator())
    assert moved.masks.shape == (3, 4, 4)
    assert moved.kept is None


def texture(places: Tensor) -> Tensor:
    """A smooth colour (3 H W) for every place (2 H W)."""
    x, y = places
    return torch.stack([(x / 9).sin() * (y / 13).cos(), (x / 11 + y / 7).sin(), (x / 17 - y / 10).cos()]) * 0.4 + 0.5


def moving_pair(size: int = 128) -> Sample:
    """A picture that turns, grows and shifts between two frames, with its exact flow."""
    motion, shift = torch.tensor([[1.05, -0.06], [0.05, 0.96]]).double(), torch.tensor([3.0, -2.0]).double()
    centres = pixel_centres(size, size, like=motion)
    flow = torch.einsum("ij,jhw->ihw", motion, centres) + shift[:, None, None] - centres
    origin = torch.einsum("ij,jhw->ihw", motion.inverse(), centres - shift[:, None, None])
    return Sample(texture(centres).float(), flow=flow.float(), second=texture(origin).float())


@pytest.mark.parametrize("geometry", [Geometry(), LINEAR, ELASTIC])
def test_flow_leads_from_image_to_second_before_and_after(geometry: Geometry) -> None:
    sample = moving_pair()
    errors, naive = [], []
    for generator in seeds(12):
        moved = augment(sample, Augmentation((96, 96), geometry), generator)
        move = draw_move(geometry, (96, 96), (128, 128), torch.Generator().manual_seed(len(errors)))
        back, inside = warp(moved.second[None], moved.flow[None])
        # Only places whose match is on the second image itself, not on its mirror image.
        end_x, end_y = sample_at(
            move.places[None].float(), (pixel_centres(96, 96, like=moved.flow) + moved.flow)[None]
        )[0][0]
        shown = inside[0] & moved.valid & (end_x > 1) & (end_x < 127) & (end_y > 1) & (end_y < 127)
        assert shown.sum() > 1000
        errors.append((back[0] - moved.image).abs()[:, shown].mean())
        naive.append((moved.second - moved.image).abs()[:, shown].mean())
    assert max(errors) < 0.012
    assert sum(errors) < 0.1 * sum(naive)


def test_elastic_flow_ends_where_the_picture_went() -> None:
    vectors = torch.tensor([6.0, -4.0]).view(2, 1, 1).expand(2, 160, 160)
    for generator in seeds(5):
        move = draw_move(Geometry(elastic=4), (96, 96), (160, 160), generator)
        flow, known = move_flow(move, vectors, None)
        ends = pixel_centres(96, 96, like=flow) + flow
        shown = sample_at(move.places[None], ends[None].double())[0][0]
        inner = known & ((ends > 1) & (ends < 95)).all(0)
        assert inner.double().mean() > 0.8
        assert_close(shown[:, inner], (move.places + vectors[:, :96, :96])[:, inner], atol=0.03, rtol=0)


def test_zoom_and_turn_change_vectors() -> None:
    flow = torch.tensor([2.0, 0.0]).view(2, 1, 1).expand(2, 32, 32).contiguous()
    sample = Sample(torch.rand(3, 32, 32), flow=flow)
    for generator in seeds(5):
        moved = augment(sample, Augmentation((8, 8), Geometry(scale=(2, 2), rotation=90)), generator)
        assert_close(moved.flow.norm(dim=0), torch.full((8, 8), 4.0))
    turned = [augment(sample, Augmentation((8, 8), Geometry(rotate90=True)), g).flow[:, 0, 0] for g in seeds(40)]
    assert {tuple(vector.tolist()) for vector in turned} == {(2, 0), (0, 2), (-2, 0), (0, -2)}


@pytest.mark.parametrize("geometry", [Geometry(), LINEAR, ELASTIC])
def test_unknown_flow_stays_unknown(geometry: Geometry) -> None:
    flow = torch.ones(2, 64, 64)
    flow[:, :, 32:] = 1e10  # what some files hold where nothing is known
    flow[0, :8] = torch.nan
    valid = torch.ones(64, 64, dtype=torch.bool)
    valid[:, 32:] = False
    for generator in seeds(8):
        moved = augment(
            Sample(torch.rand(3, 64, 64), flow=flow, valid=valid), Augmentation((48, 48), geometry), generator
        )
        assert moved.flow.isfinite().all()
        assert (moved.flow[:, ~moved.valid] == 0).all()
        assert moved.flow.abs().max() < 10
        assert 0 < moved.valid.float().mean() < 1


def unchecked(image: Tensor, **parts: Tensor) -> Sample:
    """A sample made past the shape checker of the tests, which would refuse before the sample can."""
    sample = object.__new__(Sample)
    unwrap(Sample.__init__)(sample, image, **parts)
    return sample


BAD = {
    "labels": (torch.zeros(4, 5, dtype=torch.long), r"wanted labels of shape \(4, 4\).* got \(4, 5\)"),
    "flow": (torch.zeros(2, 3, 4), r"wanted flow of shape \(2, 4, 4\)"),
    "second": (torch.zeros(3, 4, 5), r"wanted second of shape \(3, 4, 4\)"),
    "masks": (torch.zeros(2, 4, 5, dtype=torch.bool), r"wanted masks of shape \(N, 4, 4\)"),
    "boxes": (
        torch.tensor([[0.0, 0, 1, 1], [2, 2, 1, 3]]),
        r"got \[2.0, 2.0, 1.0, 3.0\] in row 1\nhint: .*x y width height",
    ),
    "valid": (torch.ones(4, 4, dtype=torch.bool), "wanted valid together with flow"),
}


@pytest.mark.parametrize("part", BAD)
def test_parts_that_do_not_fit_are_named(part: str) -> None:
    value, text = BAD[part]
    with pytest.raises(InputError, match=text):
        unchecked(torch.rand(3, 4, 4), **{part: value})


def test_masks_and_boxes_must_be_as_many() -> None:
    with pytest.raises(InputError, match=r"wanted masks of shape \(1, 4, 4\)"):
        unchecked(torch.rand(3, 4, 4), boxes=torch.zeros(1, 4), masks=torch.zeros(2, 4, 4, dtype=torch.bool))


@pytest.mark.parametrize("image", [torch.zeros(3, 4, 4, dtype=torch.uint8), torch.rand(1, 4, 4), torch.rand(3, 0, 4)])
def test_images_must_be_float_rgb(image: Tensor) -> None:
    with pytest.raises(InputError, match=r"wanted a float RGB image of shape \(3, H, W\).*\nhint: read it with"):
        unchecked(image)


def test_labels_must_hold_255() -> None:
    with pytest.raises(InputError, match="wanted labels as integers that can hold 255"):
        Sample(torch.rand(3, 4, 4), torch.zeros(4, 4, dtype=torch.int8))

"""Proposals without a network: what they find, that they repeat, and images with nothing in them."""

import pytest
import torch

from pixelwise.data.pasture import Knobs, render
from pixelwise.errors import InputError
from pixelwise.models.detection.proposals import selective_search
from pixelwise.ops import box_iou

pytest.importorskip("skimage")


def test_one_rectangle_is_found_to_the_pixel_or_two():
    image = torch.full((3, 60, 80), 0.8)
    image[:, 20:45, 10:50] = torch.tensor([0.9, 0.2, 0.1]).view(3, 1, 1)
    found = selective_search(image)
    assert box_iou(torch.tensor([[10.0, 20, 50, 45]]), found).max() > 0.85


def test_animals_are_among_the_first_fifty():
    hits, objects = 0, 0
    for index in range(4):
        scene = render(Knobs(size=(128, 128)), 7, index)
        image = torch.from_numpy(scene.image).permute(2, 0, 1).float() / 255
        overlap = box_iou(torch.from_numpy(scene.boxes), selective_search(image, most=50))
        hits, objects = hits + int((overlap.amax(dim=1) >= 0.5).sum()), objects + len(overlap)
    assert hits >= 0.8 * objects


def test_boxes_lie_in_the_image_differ_and_repeat_with_the_seed():
    scene = render(Knobs(size=(96, 96)), 1, 0)
    image = torch.from_numpy(scene.image).permute(2, 0, 1).float() / 255
    found = selective_search(image, scales=(50,), least_side=12)
    assert len(found) > 10 and len(torch.unique(found, dim=0)) == len(found)
    assert 0 <= float(found.min()) <= float(found.max()) <= 96
    assert (found[:, 2:] - found[:, :2]).min() >= 12
    assert torch.equal(found, selective_search(image, scales=(50,), least_side=12))
    assert not torch.equal(found[:10], selective_search(image, scales=(50,), least_side=12, seed=1)[:10])
    assert torch.equal(found[:5], selective_search(image, most=5, scales=(50,), least_side=12))


@pytest.mark.parametrize("size", [(0, 5), (1, 1), (1, 30), (3, 3)])
def test_images_too_small_for_a_box_give_none(size: tuple[int, int]):
    assert selective_search(torch.rand(3, *size)).shape == (0, 4)


def test_an_even_image_is_one_box():
    assert selective_search(torch.full((3, 20, 30), 0.5)).tolist() == [[0, 0, 30, 20]]


def test_bad_arguments_are_named():
    with pytest.raises(InputError, match="finite numbers, got NaN"):
        selective_search(torch.full((3, 9, 9), float("nan")))
    with pytest.raises(InputError, match="least_side = 0"):
        selective_search(torch.rand(3, 9, 9), least_side=0)

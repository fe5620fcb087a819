"""Crops whose objects go before the backgrounds of other training images."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from pixelwise.data.classes import ClassTable
from pixelwise.data.folder import open_folder
from pixelwise.data.transforms import none, strong
from pixelwise.data.transforms.background import object_mask
from pixelwise.data.transforms.compositing import opacity
from pixelwise.errors import InputError
from pixelwise.training import train
from pixelwise.training.segmentation.backgrounds import Backgrounds, OtherBackgrounds, background_class
from pixelwise.training.segmentation.crops import Crop, Crops, WholeImages
from pixelwise.training.segmentation.sampling import count_pixels
from references.sample_folders import put_pairs

Settings = dict[str, Any]


def table(*names: str) -> ClassTable:
    return ClassTable(names, tuple((value, value) for value in range(len(names))))


@pytest.fixture(scope="module")
def images(pasture_folder: Path) -> WholeImages:
    folder = open_folder(pasture_folder)
    return WholeImages(folder.only("train").items, folder.classes)


def cut(images: WholeImages, share: float | None, seed: int = 0, whole: bool = True) -> list[Crop]:
    """One crop of each image, as large as the image."""
    change = None if share is None else OtherBackgrounds(Backgrounds(images, 0), share)
    augmentation = none((64, 64)) if whole else strong((32, 32))
    crops = [Crops(images, augmentation, 1, seed, change=change)[0, index] for index in range(len(images))]
    assert all(isinstance(crop, Crop) for crop in crops)
    return [crop for crop in crops if isinstance(crop, Crop)]


def same(one: Crop, other: Crop) -> bool:
    return torch.equal(one.image, other.image) and torch.equal(one.truth.labels, other.truth.labels)


def test_a_share_of_0_changes_nothing_and_1_changes_backgrounds_but_no_object(images: WholeImages) -> None:
    plain, never, always = (cut(images, share) for share in (None, 0.0, 1.0))
    assert all(same(one, other) for one, other in zip(plain, never, strict=True))
    changed = 0
    for before, after in zip(plain, always, strict=True):
        labels = before.truth.labels[0]
        inside = opacity(object_mask(labels)) == 1
        assert torch.equal(before.image[:, inside], after.image[:, inside])
        assert torch.equal(labels, after.truth.labels[0])
        changed += not torch.equal(before.image, after.image)
    assert changed > len(plain) - 4  # by chance an image draws its own background


def test_a_share_changes_so_many_and_the_same_ones_again(images: WholeImages) -> None:
    plain, half, again = (cut(images, share, whole=False) for share in (0.0, 0.5, 0.5))
    changed = [not same(one, other) for one, other in zip(plain, half, strict=True)]
    assert 5 < sum(changed) < len(plain) - 5
    assert all(same(one, other) for one, other in zip(half, again, strict=True))


def test_a_background_is_the_image_without_its_objects_and_is_not_kept(images: WholeImages) -> None:
    backgrounds = Backgrounds(images, 0)
    assert len(backgrounds) == len(images)
    first, second = backgrounds[0], backgrounds[0]
    assert first is not second
    assert torch.equal(first, second)
    outside = _far_from(object_mask(images[0].labels))
    assert torch.equal(first[:, outside], images[0].image[:, outside])
    assert not torch.equal(first, images[0].image)
    assert [each.shape for each in backgrounds[:2]] == [first.shape] * 2


def _far_from(mask: Tensor) -> Tensor:
    return torch.nn.functional.max_pool2d(mask[None].float(), 9, 1, 4)[0] == 0


def test_the_class_called_background_is_it_else_class_0() -> None:
    assert background_class(table("sky", "ground")) == 0
    assert background_class(table("cow", "Background")) == 1
    with pytest.raises(
        InputError, match=r"at least one class of objects.*got the classes 0 cow.*\nhint: leave --random"
    ):
        background_class(table("cow"))


def test_one_class_is_refused_before_a_folder_is_made(tmp_path: Path, tiny: Settings) -> None:
    put_pairs(tmp_path / "data" / "images", tmp_path / "data" / "labels", "a b c")
    (tmp_path / "data" / "classes.txt").write_text("0-1 all\n")
    with pytest.raises(InputError, match="a background and at least one class of objects"):
        train("segmentation", tmp_path / "data", out=tmp_path / "run", random_backgrounds=0.5, **tiny)
    assert not (tmp_path / "run").exists()


def test_crops_around_a_pixel_of_a_class_still_show_it_before_another_background(images: WholeImages) -> None:
    count = len(images.classes.names)
    pixels = count_pixels((images.labels(index) for index in range(len(images))), count)
    change = OtherBackgrounds(Backgrounds(images, 0), 1.0)
    plain, changed = (Crops(images, none((16, 16)), 1, 0, class_pixels=pixels, change=each) for each in (None, change))
    for index in range(len(images)):
        before, after = plain[0, index], changed[0, index]
        assert isinstance(before, Crop)
        assert isinstance(after, Crop)
        assert torch.equal(before.truth.labels, after.truth.labels)

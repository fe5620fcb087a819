"""Class-balanced sampling: how often each class, image and pixel is drawn, and where the crop then lies."""

import dataclasses
from collections import Counter
from math import sqrt
from pathlib import Path

import numpy as np
import pytest
import torch

from pixelwise.data.classes import ClassTable
from pixelwise.data.formats.masks import write_label_map
from pixelwise.data.items import Item
from pixelwise.data.transforms import Augmentation, Geometry, Sample, light, none, strong
from pixelwise.errors import InputError
from pixelwise.training.draws import generator_for
from pixelwise.training.segmentation.centred import augment_around
from pixelwise.training.segmentation.crops import Crop, Crops, WholeImages
from pixelwise.training.segmentation.sampling import count_pixels, find_pixel
from references.sample_folders import put_image

TURNS = Geometry(flip=True, flip_vertical=True, rotate90=True)


def label_maps() -> list[torch.Tensor]:
    """Class 0 nearly everywhere, class 1 in two images, three pixels of class 2 in the last, class 3 nowhere."""
    maps = [torch.zeros(20, 24, dtype=torch.uint8) for _ in range(4)]
    maps[0][:, :12], maps[2][4:8, 5:9] = 1, 1
    maps[1][:] = 255
    maps[3][3, 4], maps[3][10, 20], maps[3][19, 23] = 2, 2, 2
    return maps


def assert_as_often(found: int, draws: int, share: float) -> None:
    """Within four standard deviations, which one seed in 16,000 exceeds; the seeds are fixed."""
    assert abs(found - draws * share) < 4 * sqrt(draws * share * (1 - share))


def test_rare_classes_are_drawn_as_often_as_common_ones_and_absent_ones_never() -> None:
    maps = label_maps()
    pixels = count_pixels(maps, 4)
    drawn = [pixels.draw(generator_for(0, index)) for index in range(3000)]
    classes = Counter(label for _, label, _ in drawn)
    assert set(classes) == {0, 1, 2}
    for count in classes.values():
        assert_as_often(count, 3000, 1 / 3)
    assert all(image != 1 for image, _, _ in drawn)  # which is ignored everywhere
    assert all(maps[image][find_pixel(maps[image], label, number, "")] == label for image, label, number in drawn)


def test_every_pixel_of_a_class_is_as_likely() -> None:
    pixels = count_pixels(label_maps(), 4)
    drawn = [pixels.draw(generator_for(1, index)) for index in range(4000)]
    rare = Counter(number for image, label, number in drawn if label == 2 and image == 3)
    assert set(rare) == {0, 1, 2}
    for count in rare.values():
        assert_as_often(count, rare.total(), 1 / 3)
    images = Counter(image for image, label, _ in drawn if label == 1)
    assert_as_often(images[2], images.total(), 16 / (16 + 240))


def test_one_generator_gives_one_draw() -> None:
    pixels = count_pixels(label_maps(), 4)
    assert pixels.draw(generator_for(3, 5)) == pixels.draw(generator_for(3, 5))
    assert len({pixels.draw(generator_for(3, index)) for index in range(20)}) > 10


@pytest.mark.parametrize("maps", [[], [torch.full((3, 3), 255, dtype=torch.uint8)] * 2])
def test_nothing_labelled_is_refused(maps: list[torch.Tensor]) -> None:
    with pytest.raises(InputError, match=r"wanted labelled pixels to sample from .*got none: every pixel means ignore"):
        count_pixels(maps, 3)


def test_a_map_that_has_lost_pixels_since_is_named() -> None:
    labels = torch.tensor([[0, 1], [1, 0]], dtype=torch.uint8)
    assert [find_pixel(labels, 1, number, "a.png") for number in (0, 1)] == [(0, 1), (1, 0)]
    with pytest.raises(InputError, match=r"the label map of a.png as it was .*got 2 pixels of class 1, where more"):
        find_pixel(labels, 1, 2, "a.png")


def marked(pixel: tuple[int, int], size: tuple[int, int] = (40, 50)) -> Sample:
    """An image whose labels are 1 at one pixel."""
    labels = torch.zeros(size, dtype=torch.uint8)
    labels[pixel] = 1
    return Sample(image=labels.float().expand(3, *size).contiguous(), labels=labels)


@pytest.mark.parametrize("crop", [9, 12])
@pytest.mark.parametrize("geometry", [Geometry(), TURNS])
def test_the_pixel_is_in_the_middle_of_exact_crops(crop: int, geometry: Geometry) -> None:
    for index in range(8):
        moved = augment_around(
            marked((17, 30)), Augmentation((crop, crop), geometry), (17, 30), generator_for(0, index)
        )
        assert moved.labels is not None
        (row, column), *others = moved.labels.nonzero().tolist()
        assert not others
        assert {row, column} <= ({crop // 2} if crop % 2 else {crop // 2 - 1, crop // 2})
        assert torch.equal(moved.image[0] == 1, moved.labels == 1)


def test_without_chance_the_crop_is_the_window_around_the_pixel() -> None:
    image = torch.rand(3, 40, 50)
    labels = torch.randint(0, 5, (40, 50), dtype=torch.uint8)
    moved = augment_around(Sample(image=image, labels=labels), none((9, 9)), (17, 30), generator_for(0))
    assert torch.equal(moved.image, image[:, 13:22, 26:35])
    assert torch.equal(moved.labels, labels[13:22, 26:35])


@pytest.mark.parametrize(("pixel", "corner"), [((0, 0), (0, 0)), ((39, 49), (28, 38)), ((2, 49), (0, 38))])
def test_at_the_border_the_crop_stays_inside(pixel: tuple[int, int], corner: tuple[int, int]) -> None:
    sample = marked(pixel)
    moved = augment_around(sample, none((12, 12)), pixel, generator_for(0))
    row, column = corner
    assert sample.labels is not None
    assert torch.equal(moved.labels, sample.labels[row : row + 12, column : column + 12])
    assert (moved.labels == 1).sum() == 1


def test_an_image_smaller_than_the_crop_stands_in_its_middle() -> None:
    moved = augment_around(marked((0, 3), (4, 6)), none((8, 8)), (0, 3), generator_for(0))
    assert moved.labels is not None
    assert moved.labels.shape == (8, 8)
    assert (moved.labels != 255).nonzero().amin(0).tolist() == [2, 1]
    assert moved.labels[2, 4] == 1


@pytest.mark.parametrize("recipe", [light, strong])
def test_the_pixel_stays_in_view_under_any_move(recipe) -> None:
    augmentation = recipe((24, 24))
    augmentation = dataclasses.replace(augmentation, geometry=dataclasses.replace(augmentation.geometry, rotate90=True))
    labels = torch.zeros(120, 120, dtype=torch.uint8)
    labels[60:66, 70:76] = 1  # large enough to be met by one of the pixels read, at half size too
    for index in range(40):
        moved = augment_around(
            Sample(image=torch.zeros(3, 120, 120), labels=labels), augmentation, (63, 73), generator_for(2, index)
        )
        assert moved.labels is not None
        assert (moved.labels == 1)[8:16, 8:16].any()


@pytest.fixture
def folder(tmp_path: Path) -> WholeImages:
    items = []
    for number, labels in enumerate(label_maps()):
        image = put_image(tmp_path / f"{number}.png", number, 20, 24)
        write_label_map(tmp_path / f"{number}_labels.png", labels.numpy())
        items.append(Item(image.name, image, tmp_path / f"{number}_labels.png", "train"))
    return WholeImages(items, ClassTable(("a", "b", "c", "d"), ((0, 0), (1, 1), (2, 2), (3, 3))))


def test_crops_of_a_folder_show_rare_classes_as_often(folder: WholeImages) -> None:
    pixels = count_pixels((folder.labels(index) for index in range(4)), 4)
    crops = Crops(folder, none((5, 5)), 300, 0, class_pixels=pixels)
    seen: Counter[int] = Counter()
    for index in range(len(crops)):
        crop = crops[0, index]
        assert isinstance(crop, Crop)
        seen[2 in crop.truth.labels] += 1
    assert_as_often(seen[True], 1200, 1 / 3)
    uniform = Crops(folder, none((5, 5)), 300, 0)
    shown = sum(2 in uniform[0, index].truth.labels for index in range(len(uniform)))
    assert shown < 100  # by chance 38: those places of image 3 from where one of the three is seen


def test_crops_depend_on_seed_epoch_and_index_alone(folder: WholeImages) -> None:
    pixels = count_pixels((folder.labels(index) for index in range(4)), 4)

    def drawn(seed: int, epoch: int, order: list[int]) -> dict[int, torch.Tensor]:
        crops = Crops(folder, strong((8, 8)), 3, seed, class_pixels=pixels)
        return {index: crops[epoch, index].image for index in order}

    one, other = drawn(0, 2, list(range(12))), drawn(0, 2, [11, 3, 7])
    assert all(torch.equal(one[index], other[index]) for index in other)
    for changed in (drawn(1, 2, [3])[3], drawn(0, 3, [3])[3], one[4]):
        assert not torch.equal(one[3], changed)


def test_a_crop_brings_the_maps_that_its_loss_needs(folder: WholeImages) -> None:
    crop = Crops(folder, none((9, 9)), 1, 0, loss="dice+boundary+border_cross_entropy")[0, 2]
    assert isinstance(crop, Crop)
    assert crop.truth.border is not None
    assert crop.truth.border.shape == (1, 9, 9)
    assert crop.truth.distances is not None
    assert crop.truth.distances.shape == (1, 4, 9, 9)


def test_a_label_map_that_changes_while_training_is_an_error_as_a_crop(folder: WholeImages) -> None:
    pixels = count_pixels((folder.labels(index) for index in range(4)), 4)
    for item in folder.items:
        assert item.labels is not None
        write_label_map(item.labels, np.full((20, 24), 255, np.uint8))
    found = Crops(folder, none((5, 5)), 1, 0, class_pixels=pixels)[0, 0]
    assert isinstance(found, InputError)
    assert "as it was when training began" in str(found)

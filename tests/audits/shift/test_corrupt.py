"""The corruptions against their definitions, and what holds for all of them at every size."""

import colorsys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from pixelwise.audits.shift.blur import (
    DEFOCUS,
    GLASS,
    SOFT_REACH,
    ZOOMS,
    defocus_blur,
    disk,
    glass_blur,
    smeared,
    smoothed,
    zoom_blur,
)
from pixelwise.audits.shift.corrupt import CORRUPTIONS, DENSE, ELASTIC, SEVERITIES, corrupt
from pixelwise.audits.shift.plasma import plasma
from pixelwise.audits.shift.weather import BRIGHTNESS, brightness
from pixelwise.data.pasture import Knobs, render
from pixelwise.data.transforms import Sample
from pixelwise.errors import InputError
from references import corruptions as slow

UNORDERED = (ELASTIC, "frost", "glass_blur", "pixelate", "snow", "fog")
"""Those whose published severities do not each lie further from the clean image, pixel by pixel, than the one before.

Severities 1 and 2 of elastic sway the picture and 3 to 5 ripple it; frost darkens as it covers; glass mixes three
numbers; pixelate at exact halves repeats whole blocks; two severities of snow and of fog are as thick as each other.
"""


def source(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def photo() -> Tensor:
    scene = render(Knobs(size=(64, 72)), seed=3, index=1)
    return torch.from_numpy(scene.image).movedim(-1, 0).float() / 255


def corrupted(image: Tensor, name: str, severity: int, seed: int = 0) -> Tensor:
    return corrupt(Sample(image), name, severity, source(seed)).image


def test_there_are_fifteen_in_the_published_order() -> None:
    assert len(CORRUPTIONS) == 15
    assert CORRUPTIONS[0], CORRUPTIONS[-1] == ("gaussian_noise", "jpeg_compression")
    assert set(CORRUPTIONS) - set(DENSE) == {"zoom_blur"}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_values_stay_in_range_and_the_generator_alone_decides(name: str, photo: Tensor) -> None:
    for severity in SEVERITIES:
        once, again = (corrupted(photo, name, severity) for _ in range(2))
        assert torch.equal(once, again)
        assert once.shape == photo.shape
        assert 0 <= once.min() < once.max() <= 1
        assert not torch.equal(once, photo)
    if name not in ("defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate", "jpeg_compression"):
        assert not torch.equal(once, corrupted(photo, name, 5, seed=1))


@pytest.mark.parametrize("name", [name for name in CORRUPTIONS if name not in UNORDERED])
def test_each_severity_is_further_from_the_clean_image(name: str, photo: Tensor) -> None:
    away = [float((corrupted(photo, name, severity) - photo).abs().mean()) for severity in SEVERITIES]
    assert all(less < more for less, more in pairwise(away)), away


@pytest.mark.parametrize("name", UNORDERED)
def test_the_others_leave_less_of_the_clean_image_at_their_worst_than_at_their_mildest(
    name: str, photo: Tensor
) -> None:
    mildest = 3 if name == ELASTIC else 1
    both = [torch.stack([photo, corrupted(photo, name, severity)]).flatten(1) for severity in (mildest, 5)]
    mild, worst = (float(torch.corrcoef(pair)[0, 1]) for pair in both)
    assert 0 < worst < mild < 1


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (2, 2), (5, 3), (6, 90)])
def test_tiny_and_long_images_keep_their_size_and_type(name: str, size: tuple[int, int]) -> None:
    image = torch.rand(3, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for severity in SEVERITIES:
        found = corrupted(image, name, severity)
        assert found.shape == image.shape
        assert found.dtype == torch.float64
        assert bool(((found >= 0) & (found <= 1)).all())


@pytest.mark.parametrize(
    "name", ["gaussian_noise", "shot_noise", "defocus_blur", "glass_blur", "motion_blur", "contrast"]
)
def test_the_mean_brightness_stays(name: str, photo: Tensor) -> None:
    grey = 0.4 + 0.2 * photo  # away from both ends, at which clipping would shift the mean
    for severity in (1, 3):
        assert float(corrupted(grey, name, severity).mean()) == pytest.approx(float(grey.mean()), abs=0.01)


def test_noise_has_the_stated_spread() -> None:
    grey = torch.full((3, 200, 200), 0.5)
    assert float(corrupted(grey, "gaussian_noise", 1).std()) == pytest.approx(0.08, rel=0.02)
    assert float(corrupted(grey, "shot_noise", 1).std()) == pytest.approx((0.5 / 60) ** 0.5, rel=0.02)
    broken = corrupted(grey, "impulse_noise", 5)
    assert float((broken == 0).float().mean()) == pytest.approx(0.135, abs=0.005)
    assert float((broken == 1).float().mean()) == pytest.approx(0.135, abs=0.005)


def test_a_disk_and_its_blur_are_their_definition() -> None:
    radius, softness = DEFOCUS[1]
    kernel = disk(radius, softness)
    assert float(kernel.sum()) == pytest.approx(1)
    assert kernel.shape == (2 * (radius + SOFT_REACH[True]) + 1,) * 2
    image = source().random((3, 9, 12)).astype(np.float32)
    middle = len(kernel) // 2
    weights = {(i - middle, j - middle): float(value) for (i, j), value in np.ndenumerate(kernel)}
    expected = slow.averaged(image.astype(np.float64), weights)
    np.testing.assert_allclose(defocus_blur(image, 2, source()), expected, atol=1e-5)
    hard = disk(3, 0.1)
    assert np.count_nonzero(hard > 1e-6) == 29  # whole points within a circle of radius 3 (Gauss' circle problem)


def test_a_smear_is_its_definition_and_moves_nothing_on_average() -> None:
    image = source().random((1, 11, 14)).astype(np.float32)
    found = smeared(image, 4, 2.5, 30.0)
    np.testing.assert_allclose(found, slow.smear(image.astype(np.float64), 4, 2.5, 30.0), atol=1e-6)
    point = np.zeros((1, 81, 81), np.float32)
    point[0, 40, 40] = 1
    spread = smeared(point, 20, 15.0, 20.0)[0]
    rows, columns = np.indices(spread.shape)
    assert float((spread * rows).sum()) == pytest.approx(40, abs=0.5)
    assert float((spread * columns).sum()) == pytest.approx(40, abs=0.5)


def test_glass_swaps_one_pixel_after_the_other() -> None:
    image = source().random((3, 12, 15)).astype(np.float32)
    sigma, reach, times = GLASS[2]
    generator, expected = source(7), smoothed(image, sigma)
    for _ in range(times):
        rows, columns = 12 - 2 * reach, 15 - 2 * reach
        expected = slow.swapped(expected, reach, generator.integers(-reach, reach, (rows, columns, 2)))
    np.testing.assert_array_equal(glass_blur(image, 3, source(7)), smoothed(expected, sigma))


def test_zooming_keeps_the_middle_and_smears_what_is_further_out() -> None:
    rings = np.zeros((3, 41, 41), np.float32)
    rows, columns = np.indices((41, 41))
    rings[:] = np.hypot(rows - 20, columns - 20) / 30
    blurred = zoom_blur(rings, 3, source())
    zooms = np.arange(1, *ZOOMS[2])
    share = (1 + (1 / zooms).sum()) / (len(zooms) + 1)  # a cone magnified by z is z times as flat
    np.testing.assert_allclose(blurred[0, 20, 25:38], share * rings[0, 20, 25:38], rtol=0.01)


def test_a_plasma_is_the_diamond_square_algorithm() -> None:
    np.testing.assert_allclose(plasma((16, 16), 1.7, source(5)), slow.diamond_square(16, 1.7, source(5)), atol=1e-6)
    assert plasma((3, 50), 2.0, source()).shape == (3, 50)
    rough, smooth = (np.abs(np.diff(plasma((128, 128), decay, source()))).mean() for decay in (1.4, 2.0))
    assert smooth < rough


def test_brightness_adds_to_the_value_of_hsv() -> None:
    image = source().random((3, 4, 5)).astype(np.float32)
    image[:, 0, 0] = 0
    found = brightness(image, 4, source())
    for row, column in np.ndindex(4, 5):
        hue, saturation, value = colorsys.rgb_to_hsv(*map(float, image[:, row, column]))
        expected = colorsys.hsv_to_rgb(hue, saturation, min(1.0, value + BRIGHTNESS[3]))
        assert found[:, row, column].tolist() == pytest.approx(expected, abs=1e-5)


def test_elastic_moves_labels_boxes_masks_and_flow_with_the_image() -> None:
    scene = render(Knobs(size=(128, 128), objects=(2, 2), noise=0), seed=4)
    labels = torch.from_numpy(scene.labels.astype(np.int64))
    # The label map as an image: where both are read from the same place, they agree but for blending at edges.
    sample = Sample(
        image=(labels / 4).float().expand(3, -1, -1).contiguous(),
        labels=labels,
        boxes=torch.from_numpy(scene.boxes),
        masks=torch.from_numpy(scene.instances == np.arange(1, len(scene.boxes) + 1)[:, None, None]),
        flow=torch.from_numpy(scene.flow).movedim(-1, 0).contiguous(),
        second=torch.rand(3, 128, 128),
    )
    for severity in SEVERITIES:
        moved = corrupt(sample, ELASTIC, severity, source(severity))
        assert moved.labels is not None and moved.boxes is not None and moved.masks is not None
        assert moved.flow is not None and moved.valid is not None and moved.second is not None
        known = moved.labels != 255
        agree = (moved.image[0] * 4).round().long()[known] == moved.labels[known]
        assert float(agree.float().mean()) > 0.95
        assert not torch.equal(moved.labels, labels)
        for box, mask in zip(moved.boxes, moved.masks, strict=True):
            rows, columns = mask.nonzero().unbind(1)
            assert columns.min() >= box[0] - 2 and columns.max() < box[2] + 2
            assert rows.min() >= box[1] - 2 and rows.max() < box[3] + 2
        assert bool(moved.flow[:, ~moved.valid].eq(0).all())
        assert 0.5 < float(moved.valid.float().mean()) <= 1


def test_elastic_looks_alike_at_every_size() -> None:
    ramp = torch.linspace(0, 1, 64).expand(3, 64, 64).contiguous()
    large = torch.linspace(0, 1, 256).expand(3, 256, 256).contiguous()
    for severity in (2, 5):
        away = [float((corrupted(image, ELASTIC, severity, 3) - image).abs().mean()) for image in (ramp, large)]
        assert away[0] == pytest.approx(away[1], rel=0.25)


def test_other_corruptions_leave_the_truth_where_it_is(photo: Tensor) -> None:
    labels = torch.zeros(64, 72, dtype=torch.int64)
    flow = torch.zeros(2, 64, 72)
    sample = Sample(photo, labels, flow=flow, second=photo.clone())
    found = corrupt(sample, "gaussian_noise", 3, source())
    assert found.labels is labels
    assert found.flow is flow
    assert found.second is not None
    assert not torch.equal(found.second, found.image)  # noise of its own
    assert_close(replace(found, image=photo, second=None).image, photo)


def test_black_and_white_images_survive() -> None:
    for value in (0.0, 1.0):
        plain = torch.full((3, 24, 24), value)
        for name in CORRUPTIONS:
            assert corrupted(plain, name, 5).isfinite().all()


def test_bad_input_is_named(photo: Tensor) -> None:
    with pytest.raises(InputError, match=r"a corruption of gaussian_noise.*'rain'"):
        corrupt(Sample(photo), "rain", 1, source())
    with pytest.raises(InputError, match="severity from 1 to 5, got 6"):
        corrupt(Sample(photo), "fog", 6, source())
    with pytest.raises(InputError, match="divide 8-bit images by 255"):
        corrupt(Sample(photo * 255), "fog", 1, source())
    with pytest.raises(InputError, match=r"values 0..1, got values from nan"):
        corrupt(Sample(photo * torch.nan), "fog", 1, source())

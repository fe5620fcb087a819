"""Colour changes: what each strength means, and that a pair of images changes alike."""

from dataclasses import fields, replace

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from pixelwise.data.transforms import Augmentation, Colour, Sample, augment
from pixelwise.data.transforms.colour import LUMA
from pixelwise.errors import InputError

EVERYTHING = Colour(brightness=0.3, contrast=0.5, saturation=0.5, hue=30, gamma=0.5, noise=0.05, blur=1.5)


def changed(image: Tensor, colour: Colour, seed: int = 0) -> Tensor:
    return augment(Sample(image), Augmentation(colour=colour), torch.Generator().manual_seed(seed)).image


def luma(image: Tensor) -> Tensor:
    return (image * torch.tensor(LUMA).view(3, 1, 1)).sum(0)


def test_no_strength_changes_no_bit() -> None:
    image = torch.rand(3, 9, 9) * 3 - 1  # not even values outside 0..1
    assert torch.equal(changed(image, Colour()), image)


@pytest.mark.parametrize("name", [field.name for field in fields(Colour)])
def test_each_strength_alone_changes_the_image_within_its_range(name: str) -> None:
    image = torch.rand(3, 16, 16)
    result = changed(image, replace(Colour(), **{name: 0.5}))
    assert not torch.allclose(result, image, atol=1e-4)
    assert result.min() >= 0
    assert result.max() <= 1


def test_both_images_of_a_pair_change_alike_but_for_the_noise() -> None:
    image = torch.rand(3, 12, 12)
    colour = replace(EVERYTHING, noise=0)
    moved = augment(Sample(image, second=image), Augmentation(colour=colour), torch.Generator())
    assert torch.equal(moved.image, moved.second)
    noisy = augment(Sample(image, second=image), Augmentation(colour=EVERYTHING), torch.Generator())
    assert not torch.equal(noisy.image, noisy.second)


def test_brightness_adds_one_number_up_to_its_strength() -> None:
    image = torch.rand(3, 8, 8) * 0.4 + 0.3
    shifts = []
    for seed in range(50):
        difference = changed(image, Colour(brightness=0.2), seed) - image
        assert difference.std() < 1e-6
        shifts.append(float(difference.mean()))
    assert -0.2 <= min(shifts) < -0.1
    assert 0.1 < max(shifts) <= 0.2


def test_contrast_keeps_middle_grey_and_scales_the_rest() -> None:
    image = torch.linspace(0.4, 0.6, 27).view(3, 3, 3)
    for seed in range(10):
        result = changed(image, Colour(contrast=1.0), seed)
        factor = float((result.max() - result.min()) / 0.2)
        assert 0.5 <= factor <= 2
        assert_close(result - 0.5, factor * (image - 0.5), atol=1e-5, rtol=0)


@pytest.mark.parametrize("colour", [Colour(saturation=0.8), Colour(hue=90)])
def test_grey_has_no_saturation_and_no_hue(colour: Colour) -> None:
    grey = torch.rand(1, 8, 8).expand(3, 8, 8)
    assert_close(changed(grey, colour), grey, atol=1e-5, rtol=0)


def test_saturation_keeps_the_luma_and_hue_the_sum() -> None:
    image = torch.rand(3, 8, 8) * 0.2 + 0.4
    assert_close(luma(changed(image, Colour(saturation=0.5))), luma(image), atol=1e-5, rtol=0)
    assert_close(changed(image, Colour(hue=40)).sum(0), image.sum(0), atol=1e-5, rtol=0)


def test_gamma_keeps_black_white_and_the_order() -> None:
    image = torch.linspace(0, 1, 48).view(3, 4, 4)
    for seed in range(5):
        result = changed(image, Colour(gamma=1.0), seed).flatten()
        assert result[0] == 0
        assert result[-1] == 1
        assert (result.diff() > 0).all()


def test_blur_spreads_a_point_without_losing_light() -> None:
    image = torch.zeros(3, 21, 21)
    image[:, 10, 10] = 1
    result = changed(image, Colour(blur=2.0))
    assert_close(result.sum((1, 2)), torch.ones(3), atol=1e-4, rtol=0)
    assert_close(result, result.flip(1))
    assert_close(result, result.transpose(1, 2))
    assert result[0, 10, 10] < 0.9
    flat = torch.full((3, 4, 5), 0.3)
    assert_close(changed(flat, Colour(blur=3.0)), flat)


def test_noise_is_grain_of_at_most_its_sigma() -> None:
    image = torch.full((3, 64, 64), 0.5)
    sigmas = [float((changed(image, Colour(noise=0.1), seed) - image).std()) for seed in range(20)]
    assert max(sigmas) < 0.104  # 0.1 and the sampling error of 12288 values
    assert max(sigmas) > 0.07


def test_labels_boxes_and_flow_do_not_change_colour() -> None:
    sample = Sample(
        torch.rand(3, 8, 8), torch.randint(0, 3, (8, 8)), torch.tensor([[1.0, 2, 3, 4]]), torch.randn(2, 8, 8)
    )
    moved = augment(sample, Augmentation(colour=EVERYTHING), torch.Generator())
    for part in ("labels", "boxes", "flow"):
        assert torch.equal(getattr(moved, part), getattr(sample, part))


@pytest.mark.parametrize("strength", [-0.1, float("nan"), float("inf")])
def test_strengths_below_zero_or_without_end_are_refused(strength: float) -> None:
    with pytest.raises(
        InputError, match=rf"wanted noise as the largest change, 0 or more, got {strength}\nhint: pass Colour"
    ):
        Colour(noise=strength)

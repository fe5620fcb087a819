"""Cutting out, laying over, filling holes, and backgrounds drawn at random."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from pixelwise.data.transforms import Sample
from pixelwise.data.transforms.background import backgrounds_of, random_background
from pixelwise.data.transforms.compositing import covering, laid_over, opacity, without
from pixelwise.errors import InputError


def square(size: int, start: int, end: int) -> Tensor:
    mask = torch.zeros(size, size, dtype=torch.bool)
    mask[start:end, start:end] = True
    return mask


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_opacity_rises_from_the_rim_and_is_zero_outside() -> None:
    mask = square(9, 2, 7)
    alpha = opacity(mask, feather=1)
    assert bool((alpha[~mask] == 0).all())
    assert alpha[4].tolist() == [0, 0, 0.5, 1, 1, 1, 0.5, 0, 0]
    assert torch.equal(opacity(mask, feather=0), mask.float())
    assert torch.equal(opacity(square(4, 0, 4)), torch.ones(4, 4))  # the picture's border is no rim
    assert torch.equal(opacity(square(4, 0, 0)), torch.zeros(4, 4))
    with pytest.raises(InputError, match="a feather of 0 pixels or more, got -1"):
        opacity(mask, -1)


def test_what_is_laid_over_shows_where_it_is_opaque() -> None:
    image, behind = torch.full((3, 2, 2), 0.8), torch.full((3, 2, 2), 0.2)
    found = laid_over(image, torch.tensor([[0.0, 0.5], [1.0, 1.0]]), behind)
    assert_close(found[0], torch.tensor([[0.2, 0.5], [0.8, 0.8]]))


def test_a_hole_is_filled_with_the_mirror_image_of_what_is_around_it() -> None:
    row = torch.tensor([1.0, 2, 3, 0, 0, 0, 0, 8, 9, 10]) / 10
    image = row.expand(3, 1, 10).contiguous()
    hole = (row == 0)[None]
    filled = without(image, hole, margin=0)
    assert_close(filled[0, 0], torch.tensor([1.0, 2, 3, 2, 1, 10, 9, 8, 9, 10]) / 10 * 1.0, atol=0.11, rtol=0)
    assert filled[0, 0, 3:7].tolist() == pytest.approx([0.2, 0.1, 1.0, 0.9])
    assert torch.equal(filled[:, ~hole], image[:, ~hole])


def test_the_margin_goes_with_the_object_and_stripes_stay_stripes() -> None:
    stripes = (torch.arange(20) % 2).float()[:, None].expand(3, 20, 20).contiguous()
    mask = square(20, 6, 14)
    image = stripes.masked_fill(mask, 0.5)
    image[:, 5, 6:14] = 0.4  # a rim that the mask does not hold
    filled = without(image, mask, margin=2)
    assert bool(((filled == 0) | (filled == 1)).all())
    assert torch.equal(filled[:, :, 4:6], stripes[:, :, 4:6])


def test_images_of_nothing_but_object_become_grey_and_those_without_stay() -> None:
    image = torch.rand(3, 5, 6)
    assert torch.equal(without(image, torch.ones(5, 6, dtype=torch.bool)), torch.full((3, 5, 6), 0.5))
    assert without(image, torch.zeros(5, 6, dtype=torch.bool)) is image
    for size in ((1, 1), (1, 9), (2, 3)):
        mask = torch.zeros(size, dtype=torch.bool)
        mask[0, 0] = True
        assert without(torch.rand(3, *size), mask).isfinite().all()


def test_a_background_of_another_size_covers_without_being_bent() -> None:
    wide = torch.linspace(0, 1, 40).expand(3, 10, 40).contiguous()
    found = covering(wide, (20, 20))
    assert found.shape == (3, 20, 20)
    assert float(found.mean()) == pytest.approx(0.5, abs=0.01)  # the middle
    assert float(found.amax() - found.amin()) == pytest.approx(10 / 40, abs=0.03)  # enlarged twice: a quarter is seen
    assert covering(wide, (10, 40)) is wide
    assert covering(wide, (3, 7)).shape == (3, 3, 7)


def scene(value: float, label: int) -> Sample:
    labels = torch.zeros(12, 12, dtype=torch.uint8)
    labels[4:8, 4:8] = label
    labels[0] = 255
    image = torch.full((3, 12, 12), value)
    image[:, 4:8, 4:8] = 0.9
    return Sample(image, labels, boxes=torch.tensor([[4.0, 4.0, 8.0, 8.0]]))


def test_objects_and_their_truth_stay_and_all_else_is_replaced() -> None:
    sample, other = scene(0.1, 2), scene(0.6, 3)
    backgrounds = backgrounds_of([other])
    assert_close(backgrounds[0], torch.full((3, 12, 12), 0.6))
    found = random_background(sample, backgrounds, draws(), share=1, feather=0)
    assert found.labels is not None and sample.labels is not None and found.boxes is sample.boxes
    inside = sample.labels == 2
    assert torch.equal(found.image[:, inside], sample.image[:, inside])
    assert_close(found.image[:, ~inside], torch.full((3, 128), 0.6))
    assert torch.equal(found.labels, torch.where(inside, 2, 0).to(torch.uint8))


def test_the_share_of_changed_samples_and_the_generator() -> None:
    sample, backgrounds = scene(0.1, 1), [torch.full((3, 12, 12), value) for value in (0.3, 0.5, 0.7)]
    generator = draws()
    found = [float(random_background(sample, backgrounds, generator).image[0, 2, 2]) for _ in range(400)]
    kept = sum(value == pytest.approx(0.1) for value in found)
    assert 150 < kept < 250
    assert all(sum(value == pytest.approx(each) for value in found) > 40 for each in (0.3, 0.5, 0.7))
    assert random_background(sample, backgrounds, draws(), share=0) is sample
    once, again = (random_background(sample, backgrounds, draws(3), share=1) for _ in range(2))
    assert torch.equal(once.image, again.image)


def test_bad_input_is_named() -> None:
    sample, backgrounds = scene(0.1, 1), [torch.zeros(3, 12, 12)]
    with pytest.raises(InputError, match="at least one background"):
        random_background(sample, [], draws())
    with pytest.raises(InputError, match=r"a share of 0..1, got 1 and 1.5"):
        random_background(sample, backgrounds, draws(), share=1.5)
    with pytest.raises(InputError, match="a sample with a label map, got none"):
        random_background(Sample(sample.image), backgrounds, draws())
    with pytest.raises(InputError, match="a sample with a label map, got none"):
        backgrounds_of([Sample(sample.image)])
    pair = Sample(sample.image, sample.labels, flow=torch.zeros(2, 12, 12), second=sample.image)
    with pytest.raises(InputError, match="a sample without flow"):
        random_background(pair, backgrounds, draws())

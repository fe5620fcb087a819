"""Large images with the same small one: equal to it after shrinking, near what they should look like, and many."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from pixelwise.audits.superres_honesty import Shrinking, explain, peak_ratios, shrinking
from pixelwise.errors import InputError
from pixelwise.ops.matlab_resize import resize_matlab
from pixelwise.ops.resize import resize
from references.explanations import nearest

QUARTER = partial(resize_matlab, scale=1 / 4)


def averaged(images: Tensor) -> Tensor:
    return F.avg_pool2d(images, 2)


@pytest.fixture(scope="module")
def way() -> Shrinking:
    return shrinking(24, 32, QUARTER)


@pytest.mark.parametrize("downscale", [QUARTER, averaged, partial(resize_matlab, scale=0.3)])
def test_matrices_shrink_as_the_callable_does(downscale: Callable[[Tensor], Tensor]) -> None:
    images = torch.rand(2, 3, 24, 32).double()
    found = shrinking(24, 32, downscale)
    assert found.size == (24, 32)
    torch.testing.assert_close(found.down(images), downscale(images))


def test_what_is_hidden_and_what_is_shown_make_the_image(way: Shrinking) -> None:
    images = torch.rand(2, 3, 24, 32).double()
    small, hidden = way.down(images), way.hidden(images)
    torch.testing.assert_close(way.plainest(small) + hidden, images)
    torch.testing.assert_close(way.down(hidden), torch.zeros_like(small), atol=1e-12, rtol=0)
    torch.testing.assert_close(way.down(way.plainest(small)), small)
    assert way.plainest(small).square().sum() < images.square().sum()
    assert way.free_share == pytest.approx(15 / 16)


def test_explanations_shrink_to_the_input_lie_in_0_to_1_and_differ(way: Shrinking) -> None:
    original = torch.rand(3, 24, 32)
    stripes = torch.tensor([0.0, 1.0]).repeat(16).expand(3, 24, 32)
    pictures = torch.stack([stripes, 1 - stripes, torch.rand(3, 24, 32)])
    small = QUARTER(original)
    found = explain(small, pictures, way)
    assert float(found.off.max()) <= 0.25
    assert float(found.images.min()) >= 0 and float(found.images.max()) <= 1
    assert float((QUARTER(found.images) - small).abs().max()) * 255 <= 0.25 + 1e-3
    assert float(peak_ratios(found.images).max()) < 30


def test_explanations_are_the_nearest_ones() -> None:
    small_way = shrinking(4, 6, averaged)
    generator = torch.Generator().manual_seed(1)
    for _ in range(5):
        picture = torch.rand(1, 4, 6, generator=generator).double()
        small = averaged(torch.rand(1, 4, 6, generator=generator).double().round())
        found = explain(small, picture[None], small_way, rounds=500)
        expected = nearest(picture[0].numpy(), small[0].numpy(), small_way.rows.numpy(), small_way.columns.numpy())
        assert found.images[0, 0].numpy() == pytest.approx(expected, abs=0.01)


def test_an_input_that_no_image_explains_is_left_far_and_not_called_good(way: Shrinking) -> None:
    checkers = torch.zeros(1, 6, 8)
    checkers[:, ::2, ::2] = 1  # sharper than any image in 0..1 can be after bicubic shrinking
    found = explain(checkers, torch.rand(2, 1, 24, 32), way, rounds=8)
    assert float(found.off.min()) > 0.5
    assert len(found.good()) == 0


def test_the_difference_of_pairs_in_decibels() -> None:
    images = torch.stack([torch.zeros(1, 2, 2), torch.full((1, 2, 2), 0.1), torch.zeros(1, 2, 2)])
    assert peak_ratios(images).tolist() == pytest.approx([20, float("inf"), 20])


def clipped(images: Tensor) -> Tensor:
    return QUARTER(images).clamp(0, 0.5)


def transposed(images: Tensor) -> Tensor:
    return QUARTER(images).mT


REFUSED: list[tuple[Callable[[Shrinking], object], str]] = [
    (lambda way: shrinking(24, 32, clipped), "a callable that shrinks rows and columns linearly, got (1, 24, 32)"),
    (lambda way: shrinking(24, 32, transposed), "a callable that shrinks rows and columns linearly"),
    (lambda way: shrinking(24, 32, lambda images: images), "a callable that shrinks rows and columns linearly"),
    (lambda way: shrinking(24, 32, lambda images: images[:, :0]), "IndexError"),
    (lambda way: shrinking(24, 32, lambda images: 1 / 0), "ZeroDivisionError: division by zero"),
    (lambda way: explain(torch.rand(3, 6, 7), torch.rand(1, 3, 24, 32), way), "a small image of 6x8, with as many"),
    (lambda way: explain(torch.rand(1, 6, 8), torch.rand(1, 3, 24, 32), way), "with as many channels, got (1, 3, 24"),
    (lambda way: explain(torch.rand(3, 6, 8), torch.rand(1, 3, 24, 31), way), "pictures of 24x32"),
    (lambda way: explain(torch.rand(3, 6, 8) + 1, torch.rand(1, 3, 24, 32), way), "a small image with values in 0..1"),
    (lambda way: explain(torch.rand(3, 6, 8), torch.full((1, 3, 24, 32), torch.nan), way), "a pictures with values"),
]


@pytest.mark.parametrize(("call", "words"), REFUSED)
def test_what_cannot_be_explained_is_named(way: Shrinking, call: Callable[[Shrinking], object], words: str) -> None:
    with pytest.raises(InputError) as caught:
        call(way)
    assert words in str(caught.value)


@pytest.mark.data
def test_a_face_of_set5_has_explanations_that_look_like_a_butterfly_and_a_bird(real_data: Path) -> None:
    pictures = []
    for name in ("baby", "butterfly", "bird"):
        with Image.open(real_data / "sr_set5" / f"{name}.png") as image:
            grey = torch.from_numpy(np.array(image.convert("L")))[None]
        pictures.append(resize(grey[None].double() / 255, (96, 96), "bilinear", antialias=True)[0].clamp(0, 1))
    way = shrinking(96, 96, QUARTER)
    small = QUARTER(pictures[0]).clamp(0, 1)
    found = explain(small, torch.stack(pictures), way)
    assert float(found.off.max()) < 0.5
    assert float(peak_ratios(found.images).max()) < 35

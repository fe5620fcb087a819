"""Values between pixels against their definition, the warp's meaning, gradients and refusals."""

import pytest
import torch
from torch.testing import assert_close

from pixelwise.errors import InputError
from pixelwise.ops import pixel_centres, read_window, sample_at, warp
from references.warp import sample_by_hand


@pytest.mark.parametrize("border", ["reflect", "constant"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
@pytest.mark.parametrize("size", [(5, 7), (1, 4), (1, 1)])
def test_values_equal_the_definition(size: tuple[int, int], mode: str, border: str) -> None:
    images = torch.rand(2, 2, *size, dtype=torch.float64)
    # Far outside, on pixel borders (multiples of 1/2) and in between.
    coordinates = torch.cat([torch.randn(2, 2, 4, 9).double() * 8, torch.randint(-6, 18, (2, 2, 2, 9)) / 2], dim=2)
    values, inside = sample_at(images, coordinates, mode, border, 0.25)
    expected, expected_inside = sample_by_hand(images, coordinates, mode, border, 0.25)
    assert_close(values, expected)
    assert torch.equal(inside, expected_inside)


def test_pixel_centres_read_the_image_itself() -> None:
    images = torch.rand(2, 3, 6, 9)
    centres = pixel_centres(6, 9, like=images).expand(2, -1, -1, -1)
    for mode in ("bilinear", "nearest"):
        values, inside = sample_at(images, centres, mode)
        assert_close(values, images, atol=1e-6, rtol=0)
        assert inside.all()


def test_reflection_agrees_with_padding_far_outside() -> None:
    images = torch.rand(1, 1, 4, 5, dtype=torch.float64)
    wide = read_window(images, -20, -20, (44, 45))
    places = pixel_centres(44, 45, like=images)[None] - 20
    assert_close(sample_at(images, places)[0], wide)
    assert torch.equal(sample_at(images, places, "nearest")[0], wide)


def test_labels_and_masks_keep_their_type() -> None:
    labels = torch.randint(0, 5, (1, 1, 4, 4), dtype=torch.uint8)
    outside = torch.full((1, 2, 1, 1), -3.0)
    assert sample_at(labels, outside, "nearest", "constant", 255)[0].item() == 255
    assert sample_at(labels > 2, outside, "nearest", "constant")[0].dtype == torch.bool


def test_half_precision_images_are_read_at_exact_places() -> None:
    # Beyond 2048, half precision has only every second whole number.
    images = torch.arange(2500).remainder(7).half().view(1, 1, 1, -1)
    places = torch.tensor([2301.5, 0.5]).view(1, 2, 1, 1)
    assert sample_at(images, places)[0].item() == 2301 % 7


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), 1e30])
def test_positions_nowhere_are_outside_and_harmless(bad: float) -> None:
    images = torch.rand(1, 1, 4, 4)
    places = torch.tensor([bad, 1.5]).view(1, 2, 1, 1)
    for mode in ("bilinear", "nearest"):
        values, inside = sample_at(images, places, mode, "constant", 0.5)
        assert values.item() == 0.5
        assert not inside.item()
        assert 0 <= sample_at(images, places, mode)[0].item() <= 1


def test_warp_brings_a_shifted_image_back() -> None:
    first = torch.rand(1, 3, 12, 16)
    second = first.roll((2, -3), dims=(2, 3))
    flow = torch.tensor([-3.0, 2.0]).view(1, 2, 1, 1).expand(1, 2, 12, 16)
    back, inside = warp(second, flow)
    assert_close(back[:, :, :10, 3:], first[:, :, :10, 3:], atol=1e-5, rtol=0)
    assert inside[0, :10, 3:].all()
    assert inside.sum() == 10 * 13
    assert (back[:, :, 10:] == 0).all()


@pytest.mark.parametrize("border", ["reflect", "constant"])
def test_gradients_of_values_and_places(border: str) -> None:
    images = torch.rand(1, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    # 0.2 and 0.3 beyond pixel centres: bilinear values have a kink at each centre and at each mirror.
    coordinates = torch.randint(-3, 8, (1, 2, 3, 3)).double() + torch.tensor([0.7, 0.8]).view(1, 2, 1, 1)
    coordinates.requires_grad_()
    assert torch.autograd.gradcheck(lambda i, c: sample_at(i, c, "bilinear", border)[0], (images, coordinates))
    flow = (torch.rand(1, 2, 4, 5, dtype=torch.float64) * 0.4 + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(lambda i, f: warp(i, f)[0], (images, flow))


def test_integers_are_not_blended() -> None:
    with pytest.raises(
        InputError, match=r'wanted float images for bilinear values, got torch.uint8\nhint: .*mode="nearest"'
    ):
        sample_at(torch.zeros(1, 1, 2, 2, dtype=torch.uint8), torch.ones(1, 2, 1, 1))


def test_empty_images_are_refused() -> None:
    with pytest.raises(InputError, match="wanted one set of positions for every image, and images with pixels"):
        sample_at(torch.zeros(1, 1, 0, 2), torch.ones(1, 2, 1, 1))


@pytest.mark.compile
def test_warp_exports_with_any_size() -> None:
    class Warp(torch.nn.Module):
        def forward(self, images: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
            return warp(images, flow)[0]

    height, width = torch.export.Dim("height", min=2), torch.export.Dim("width", min=2)
    example = (torch.rand(1, 3, 8, 10), torch.randn(1, 2, 8, 10))
    program = torch.export.export(Warp(), example, dynamic_shapes=({2: height, 3: width}, {2: height, 3: width}))
    images, flow = torch.rand(1, 3, 13, 7), torch.randn(1, 2, 13, 7) * 3
    assert_close(program.module()(images, flow), warp(images, flow)[0])

"""Windows and padding: the mirror image at any distance, constants, views, and refusals."""

import pytest
import torch
import torch.nn.functional as F

from pixelwise.errors import InputError
from pixelwise.ops import pad_to_multiple, read_window


def test_a_window_inside_the_image_is_a_view() -> None:
    image = torch.arange(30.0).view(1, 5, 6)
    window = read_window(image, 1, 2, (3, 4))
    assert torch.equal(window, image[:, 1:4, 2:6])
    assert window.untyped_storage().data_ptr() == image.untyped_storage().data_ptr()


@pytest.mark.parametrize("border", ["reflect", "constant"])
def test_a_window_beyond_the_image_equals_torch_padding(border: str) -> None:
    image = torch.rand(2, 3, 5, 6)
    padded = F.pad(image, (4, 3, 2, 4), mode=border, **({"value": 7.0} if border == "constant" else {}))
    assert torch.equal(read_window(image, -2, -4, (11, 13), border, 7.0), padded)


def test_the_mirror_works_at_any_distance_and_for_one_pixel() -> None:
    row = torch.tensor([[1, 2, 3]])
    assert read_window(row, 0, -5, (1, 12)).tolist() == [[2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3]]
    assert read_window(torch.tensor([[9]]), -3, 2, (2, 2)).tolist() == [[9, 9], [9, 9]]


@pytest.mark.parametrize(("top", "left"), [(-9, 0), (9, 1), (0, -9), (2, 9), (-9, -9)])
def test_a_window_wholly_outside_holds_the_constant(top: int, left: int) -> None:
    labels = torch.zeros(4, 4, dtype=torch.uint8)
    assert (read_window(labels, top, left, (3, 3), "constant", 255) == 255).all()


@pytest.mark.parametrize(
    ("size", "multiple", "wanted"), [((5, 8), 4, (8, 8)), ((1, 1), 32, (32, 32)), ((64, 96), 32, (64, 96))]
)
def test_padding_reaches_the_next_multiple_and_can_be_undone(
    size: tuple[int, int], multiple: int, wanted: tuple[int, int]
) -> None:
    images = torch.rand(2, 3, *size)
    padded, (top, left, height, width) = pad_to_multiple(images, multiple)
    assert padded.shape == (2, 3, *wanted)
    assert torch.equal(read_window(padded, top, left, (height, width)), images)


def test_an_image_that_fits_is_not_copied() -> None:
    images = torch.rand(1, 3, 8, 8)
    assert pad_to_multiple(images, 4)[0].data_ptr() == images.data_ptr()


def test_refusals_say_what_was_wanted() -> None:
    with pytest.raises(InputError, match=r"wanted a multiple of at least 1, got 0\nhint: .*stride"):
        pad_to_multiple(torch.rand(3, 4, 4), 0)
    with pytest.raises(InputError, match=r"wanted an image with at least one pixel.* got an image of 0x4"):
        read_window(torch.rand(3, 0, 4), 0, 0, (2, 2))

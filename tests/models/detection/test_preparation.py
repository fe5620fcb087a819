"""How images get into a detector: their size, their padding, and who runs with whom."""

import pytest
import torch
import torch.nn.functional as F
from jaxtyping import TypeCheckError

from pixelwise.errors import InputError
from pixelwise.models.detection.batching import MEAN, Preparation
from pixelwise.models.detection.resize import Resize


def test_published_sizes_are_rounded_down():
    assert Resize().size_for((480, 640)) == (800, 1066)
    assert Resize().size_for((1000, 1000)) == (800, 800)
    assert Resize().size_for((400, 2000)) == (266, 1333)


@pytest.mark.parametrize("size", [(7, 7), (24, 32), (33, 50), (48, 31), (1, 13), (99, 100), (60, 300), (13, 29)])
def test_sizes_are_those_of_an_interpolation_by_one_factor(size: tuple[int, int]):
    scale = min(80 / min(size), 133 / max(size))
    image = torch.zeros(1, 1, *size)
    wanted = F.interpolate(image, scale_factor=scale, mode="bilinear", recompute_scale_factor=True).shape[-2:]
    assert Resize(80, 133).size_for(size) == tuple(wanted)


def test_an_image_keeps_one_pixel_however_long_it_is():
    assert Resize(80, 133).size_for((1, 5000)) == (1, 133)
    assert Resize(80, 133).apply(torch.rand(3, 5000, 2)).shape == (3, 133, 1)


def test_pixels_are_those_of_an_interpolation_by_one_factor():
    image = torch.rand(3, 37, 50)
    scale = min(60 / 37, 70 / 50)
    wanted = F.interpolate(image[None], scale_factor=scale, mode="bilinear", recompute_scale_factor=True)[0]
    torch.testing.assert_close(Resize(60, 70).apply(image), wanted)


def test_without_a_rule_images_stay_as_they_are():
    image = torch.rand(3, 7, 2000)
    assert Resize.of(None).apply(image) is image
    assert str(Resize.of(None)) == "none"


@pytest.mark.parametrize("rule", [(800,), (0, 10), (800, 1333, 2)])
def test_a_rule_that_is_none_is_refused(rule: tuple[int, ...]):
    with pytest.raises(InputError, match="two positive numbers of pixels, or None"):
        Resize.of(rule)


def test_the_rule_is_visible():
    shown = repr(Preparation(Resize.of((600, 1000)), "batch"))
    assert "resize=shortest(600, 1000)" in shown
    assert "pad_to=batch" in shown


def test_images_are_normalised_and_padded_with_zeros_below_and_to_the_right():
    image = torch.tensor(MEAN).view(3, 1, 1) + torch.ones(3, 33, 40)
    (batch,), (frame,) = Preparation(Resize.of(None))([image])
    assert frame == ((33, 40), (33, 40), (64, 64))
    assert batch.images.shape == (1, 3, 64, 64)
    torch.testing.assert_close(batch.images[0, :, 0, 0], 1 / torch.tensor((0.229, 0.224, 0.225)))
    assert batch.images[0, :, 33:].eq(0).all()
    assert batch.images[0, :, :, 40:].eq(0).all()
    assert batch.images[0, :, :33, :40].ne(0).all()


def test_only_images_of_one_padded_size_run_together():
    images = [torch.rand(3, *size) for size in ((30, 60), (40, 60), (32, 64), (1, 33), (40, 33))]
    batches, frames = Preparation(Resize.of(None))(images)
    assert [batch.numbers for batch in batches] == [(0, 2, 3), (1, 4)]
    assert [tuple(batch.images.shape[-2:]) for batch in batches] == [(32, 64), (64, 64)]
    assert [frame.padded for frame in frames] == [(32, 64), (64, 64), (32, 64), (32, 64), (64, 64)]


def test_padded_to_the_batch_all_images_run_together():
    images = [torch.rand(3, *size) for size in ((30, 200), (70, 60))]
    (batch,), frames = Preparation(Resize.of(None), "batch")(images)
    assert batch.numbers == (0, 1)
    assert [frame.padded for frame in frames] == [(96, 224), (96, 224)]


def test_another_rule_holds_for_one_call_only():
    preparation = Preparation(Resize.of((64, 128)))
    _, (frame,) = preparation([torch.rand(3, 50, 50)], Resize(96, 128))
    assert frame.resized == (96, 96)
    _, (frame,) = preparation([torch.rand(3, 50, 50)])
    assert frame.resized == (64, 64)


def test_boxes_go_to_the_resized_image_and_back_by_the_ratio_of_each_axis():
    _, (frame,) = Preparation(Resize.of((90, 1000)))([torch.rand(3, 31, 47)])
    assert frame.resized == (90, 136)
    boxes = torch.tensor([[0.0, 0, 47, 31], [1, 2, 3, 4]])
    resized = frame.to_resized(boxes)
    torch.testing.assert_close(resized[0], torch.tensor([0.0, 0, 136, 90]))
    torch.testing.assert_close(resized[1], torch.tensor([1 * 136 / 47, 2 * 90 / 31, 3 * 136 / 47, 4 * 90 / 31]))
    torch.testing.assert_close(frame.to_original(resized), boxes)


@pytest.mark.parametrize(
    "image",
    [
        torch.zeros(3, 8, 8, dtype=torch.uint8),
        torch.zeros(4, 8, 8),
        torch.zeros(8, 8, 3),
        torch.zeros(3, 0, 8),
    ],
)
def test_what_is_no_image_is_refused_by_its_number(image: torch.Tensor):
    with pytest.raises(InputError, match="image 1"):
        Preparation(Resize())([torch.rand(3, 8, 8), image])


def test_no_images_are_refused():
    with pytest.raises(InputError, match="at least one image"):
        Preparation(Resize())([])


def test_an_unknown_padding_is_refused():
    # A variable of type str, as a settings file gives it; the shape checker would refuse the literal first.
    with pytest.raises((InputError, TypeCheckError), match="image"):
        Preparation(Resize(), "tile")

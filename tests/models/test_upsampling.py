"""Three ways from coarse scores to every pixel."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from pixelwise.dense import NotExact, receptive_field, shift_and_stitch
from pixelwise.errors import InputError
from pixelwise.models.segmentation.upsampling import ShiftAndStitch, Upsample, check_upsampling


def interpolated(scores: Tensor, factor: int) -> Tensor:
    """Bilinear interpolation pixel by pixel, positions beyond the outer cells' centres moved to them."""
    rows, columns = scores.shape[-2] * factor, scores.shape[-1] * factor
    result = torch.empty(*scores.shape[:2], rows, columns, dtype=scores.dtype)
    for y in range(rows):
        for x in range(columns):
            v = min(max((y + 0.5) / factor - 0.5, 0), scores.shape[-2] - 1)
            u = min(max((x + 0.5) / factor - 0.5, 0), scores.shape[-1] - 1)
            top, left = int(v), int(u)
            below, right = min(top + 1, scores.shape[-2] - 1), min(left + 1, scores.shape[-1] - 1)
            upper = scores[..., top, left] * (1 - (u - left)) + scores[..., top, right] * (u - left)
            lower = scores[..., below, left] * (1 - (u - left)) + scores[..., below, right] * (u - left)
            result[..., y, x] = upper * (1 - (v - top)) + lower * (v - top)
    return result


@pytest.mark.parametrize("kind", ["bilinear", "learned"])
@pytest.mark.parametrize("factor", [1, 2, 3, 8])
@pytest.mark.parametrize("size", [(3, 4), (1, 2), (1, 1)])
def test_both_kinds_start_as_bilinear_interpolation_up_to_the_border(kind: str, factor: int, size: tuple[int, int]):
    scores = torch.randn(2, 3, *size, dtype=torch.float64)
    upsample = Upsample(3, factor, kind).double()
    # The kernels are made in float32, whose tents are exact only for powers of two.
    assert_close(upsample(scores), interpolated(scores, factor), atol=1e-6, rtol=0)


def test_bilinear_has_no_weights_and_learned_one_kernel_per_class():
    assert not list(Upsample(3, 4, "bilinear").parameters())
    assert [weight.shape for weight in Upsample(3, 4, "learned").parameters()] == [(3, 1, 8, 8)]
    assert repr(Upsample(3, 4, "learned")) == "Upsample(factor=4, learned)"


def test_learned_kernels_get_the_right_gradient():
    upsample = Upsample(2, 2, "learned").double()
    scores = torch.randn(1, 2, 2, 1, dtype=torch.float64, requires_grad=True)

    def raised(weight: Tensor, scores: Tensor) -> Tensor:
        return torch.func.functional_call(upsample, {"weight": weight}, (scores,))

    assert torch.autograd.gradcheck(raised, (upsample.weight, scores))


def test_a_learned_kernel_moves_only_its_own_class():
    upsample = Upsample(2, 2, "learned")
    scores = torch.randn(1, 2, 3, 3)
    before = upsample(scores)
    with torch.no_grad():
        upsample.weight[1] += 1
    after = upsample(scores)
    assert torch.equal(after[:, 0], before[:, 0])
    assert not torch.equal(after[:, 1], before[:, 1])


def coarse_network(padding: int) -> nn.Sequential:
    """Stride 4, in float64; with padding its scores are (H / 4, W / 4)."""
    layers = (
        *(nn.Conv2d(3, 4, 3, padding=padding), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 5, 3, padding=padding), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Dropout(0.5), nn.Conv2d(5, 2, 1)),
    )
    return nn.Sequential(*layers).double()


def test_scores_are_those_of_all_shifted_images_where_no_padding_is_seen():
    coarse = coarse_network(padding=1)
    images = torch.rand(2, 3, 34, 29, dtype=torch.float64)
    edged = F.pad(images, (2, 1, 2, 1), mode="replicate")
    found, expected = ShiftAndStitch(coarse, 4)(images), shift_and_stitch(coarse, edged, 4)
    assert found.shape == expected.shape == (2, 2, 34, 29)
    inside = (..., slice(10, -10), slice(10, -10))  # a score sees 10 pixels
    assert_close(found[inside], expected[inside])
    # At the border each shifted image has zeros of its own, the dense one only those of the image.
    assert not torch.allclose(found, expected)


@pytest.mark.parametrize("size", [(1, 1), (3, 9), (12, 16), (13, 18)])
def test_every_fourth_score_is_the_networks_own_up_to_the_border(size: tuple[int, int]):
    coarse = coarse_network(padding=1)
    images = torch.rand(2, 3, *size, dtype=torch.float64)
    scores = ShiftAndStitch(coarse, 4)(images)
    assert scores.shape == (2, 2, *size)
    own = coarse.eval()(F.pad(images, (2, 1, 2, 1), mode="replicate"))
    rows, columns = own.shape[-2:]
    assert_close(scores[..., ::4, ::4][..., :rows, :columns], own)


def test_networks_without_padding_get_their_margin():
    # A score sees 10 pixels: the 4 of its cell and a margin of 3 on each side.
    coarse = coarse_network(padding=0)
    field = receptive_field(coarse, 64)
    assert (field.size, field.stride) == ((10, 10), (4, 4))
    dense = ShiftAndStitch(coarse, 4, margin=3)
    images = torch.rand(1, 3, 11, 14, dtype=torch.float64)
    edged = F.pad(images, (5, 4, 5, 4), mode="replicate")
    assert_close(dense(images), shift_and_stitch(coarse, edged, 4))
    assert dense(images).shape == (1, 2, 11, 14)


def test_a_pixel_is_scored_by_the_cell_around_it():
    field = receptive_field(ShiftAndStitch(coarse_network(padding=1), 4))
    assert field.stride == (1, 1)
    assert field.offset == (0.0, 0.0)  # half a pixel before the first pixel's centre, 0.5: the stride is even
    assert field.alignment == (1, 1)


def test_weights_are_shared_and_train():
    coarse = coarse_network(padding=0)
    dense = ShiftAndStitch(coarse, 4, margin=3).train()
    images = torch.rand(1, 3, 8, 8, dtype=torch.float64)
    dense(images).square().sum().backward()
    gradients = [weight.grad.clone() for weight in coarse.parameters()]
    for weight in coarse.parameters():
        weight.grad = None
    shift_and_stitch(coarse, F.pad(images, (5, 4, 5, 4), mode="replicate"), 4).square().sum().backward()
    for gradient, weight in zip(gradients, coarse.parameters(), strict=True):
        assert_close(gradient, weight.grad)


def test_dropout_does_nothing_in_training_mode():
    dense = ShiftAndStitch(coarse_network(padding=1), 4)
    images = torch.rand(1, 3, 8, 8, dtype=torch.float64)
    assert torch.equal(dense.train()(images), dense.eval()(images))


def test_copies_are_apart():
    dense = ShiftAndStitch(coarse_network(padding=1), 4)
    images = torch.rand(1, 3, 8, 8, dtype=torch.float64)
    twin, before = copy.deepcopy(dense), dense(images)
    for weight in twin.parameters():
        nn.init.zeros_(weight)
    assert torch.equal(dense(images), before)
    assert not twin(images).any()


def test_networks_that_upsample_or_see_the_whole_image_are_refused():
    with pytest.raises(NotExact, match="makes a finer map by itself"):
        ShiftAndStitch(nn.Sequential(nn.MaxPool2d(4), nn.Upsample(scale_factor=2)), 4)
    with pytest.raises(NotExact, match="takes the mean and variance of the whole image"):
        ShiftAndStitch(nn.Sequential(nn.Conv2d(3, 4, 2, stride=2), nn.InstanceNorm2d(4)), 2)


def test_other_words_are_refused():
    with pytest.raises(InputError) as refusal:
        check_upsampling("nearest")
    assert str(refusal.value) == (
        'wanted upsampling "bilinear", "learned" or "shift_and_stitch", got \'nearest\'\n'
        'hint: leave it out for "learned"'
    )

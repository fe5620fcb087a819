"""Receptive fields against hand-computed ones, a brute-force reference, and networks that must be refused."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from pixelwise.dense.probes.surroundings import Surroundings, measured_surroundings
from pixelwise.errors import InputError
from pixelwise.models import UNet
from references.finite_impulse import Layer, needed_halo


class Applied(nn.Module):
    """A function as a network."""

    def __init__(self, function, *parts: nn.Module) -> None:
        super().__init__()
        self.function = function
        self.parts = nn.ModuleList(parts)

    def forward(self, images: Tensor) -> Tensor:
        return self.function(images, *self.parts)


def conv(kernel=3, stride=1, dilation=1, channels=3, outputs=3, **settings) -> nn.Conv2d:
    padding = (kernel - 1) * dilation // 2
    return nn.Conv2d(channels, outputs, kernel, stride, padding=padding, dilation=dilation, **settings)


def up(stride: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(3, 3, stride, stride=stride)


def seen(*layers: nn.Module) -> Surroundings:
    return measured_surroundings(nn.Sequential(*layers))


def test_convolutions_add_their_half_kernels():
    assert seen(conv(3)) == Surroundings((1, 1), (1, 1), (0, 0))
    assert seen(conv(3), conv(5), conv(1)) == Surroundings((3, 3), (1, 1), (0, 0))
    assert seen(conv(3, dilation=4), conv(3, dilation=2)) == Surroundings((6, 6), (1, 1), (0, 0))


def test_the_axes_are_measured_apart():
    tall = nn.Conv2d(3, 2, (7, 1), padding=(3, 0))
    pool = nn.Sequential(nn.MaxPool2d((2, 3)), nn.Upsample(scale_factor=(2, 3)))
    assert seen(tall) == Surroundings((3, 0), (1, 1), (0, 0))
    field = measured_surroundings(
        Applied(
            lambda x, net: net(F.pad(x, (0, -x.shape[-1] % 3, 0, -x.shape[-2] % 2)))[..., : x.shape[-2], : x.shape[-1]],
            pool,
        )
    )
    assert field == Surroundings((0, 0), (2, 3), (0, 0))


def test_a_one_sided_kernel_counts_its_longer_side():
    causal = Applied(lambda x, c: c(F.pad(x, (4, 0, 0, 0))), nn.Conv2d(3, 2, (1, 5)))
    assert measured_surroundings(causal).halo == (0, 4)
    ahead = Applied(lambda x, c: c(F.pad(x, (0, 4, 0, 0))), nn.Conv2d(3, 2, (1, 5)))
    assert measured_surroundings(ahead).halo == (0, 4)


def test_strides_of_two_and_three_are_alignments():
    assert seen(nn.MaxPool2d(2), up(2)) == Surroundings((0, 0), (2, 2), (0, 0))
    assert seen(nn.MaxPool2d(3), up(3)).alignment == (3, 3)
    assert seen(nn.MaxPool2d(2), nn.AvgPool2d(3), up(3), up(2)).alignment == (6, 6)
    # One coarse pixel on each side, of four pixels of the image.
    assert seen(nn.MaxPool2d(4), conv(3), up(4)) == Surroundings((4, 4), (4, 4), (0, 0))


def test_a_unet_of_one_level_by_hand():
    # From the output: two 3x3 (2), up 2x2 to a coarse pixel, two 3x3 there (2 coarse = 4), pooling, two 3x3 (2): the
    # first coarse pixel right of position 2 back is at 1, so 2 pixels round up to one coarse pixel: 2 + 4 + 2 = 8.
    field = measured_surroundings(UNet(2, width=2, depth=1))
    assert field.alignment == (2, 2)
    assert math.ceil(field.halo[0] / 2) * 2 == 8


def test_networks_without_padding_have_a_margin():
    assert seen(nn.Conv2d(3, 2, 3), nn.Conv2d(2, 2, 5)) == Surroundings((3, 3), (1, 1), (3, 3))
    assert seen(nn.Conv2d(3, 2, (3, 1))) == Surroundings((1, 0), (1, 1), (1, 0))
    assert measured_surroundings(UNet(2, width=2, depth=1, padded=False)) == Surroundings((8, 8), (2, 2), (8, 8))


plain_layer = st.tuples(st.just("conv"), st.sampled_from([1, 3, 5]), st.just(1), st.integers(1, 3))
layer = st.one_of(
    plain_layer,
    st.tuples(st.just("pool"), st.sampled_from([2, 3]), st.sampled_from([2, 3]), st.just(1)),
    st.tuples(st.just("conv"), st.sampled_from([3, 5]), st.sampled_from([2, 3]), st.just(1)),
)


def build(layers: list[Layer]) -> nn.Module:
    parts: list[nn.Module] = []
    for kind, kernel, stride, dilation in layers:
        if kind == "conv":
            parts.append(conv(kernel, stride, dilation, channels=1, outputs=1))
        elif kind == "pool":
            parts.append(nn.MaxPool2d(kernel, stride, padding=0, ceil_mode=False))
        elif kind == "up":
            parts.append(nn.ConvTranspose2d(1, 1, kernel, stride, padding=(kernel - stride) // 2))
        else:
            parts.append(nn.Upsample(scale_factor=stride))
    net = nn.Sequential(*parts)
    multiple = math.prod(stride for kind, _, stride, _ in layers if kind in ("conv", "pool"))

    def extended(x: Tensor, net: nn.Module) -> Tensor:
        # One multiple more, because the last window of a pooling or a stride may stand out beyond the image.
        padded = F.pad(x, (0, -x.shape[-1] % multiple + multiple, 0, -x.shape[-2] % multiple + multiple))
        scores = F.pad(net(padded), (0, multiple, 0, multiple))
        return scores[..., : x.shape[-2], : x.shape[-1]]

    return Applied(extended, net)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(
    st.lists(layer, min_size=1, max_size=3),
    st.booleans(),
    st.lists(layer.filter(lambda each: each[2] == 1), max_size=1),
)
def test_random_stacks_against_index_sets(down: list[Layer], smooth: bool, last: list[Layer]):
    ups: list[Layer] = []
    for _, _, stride, _ in reversed(down):
        if stride > 1:
            ups.append(("up", stride + 2, stride, 1) if smooth else ("copy", 1, stride, 1))
    layers = [*down, *ups, *last]
    alignment = math.prod(stride for _, _, stride, _ in down)
    assume(192 % alignment == 0)
    field = measured_surroundings(build(layers), channels=1)
    assert field.alignment == (alignment, alignment)
    assert field.halo is not None
    for halo in field.halo:
        assert -(-halo // alignment) * alignment == needed_halo(layers, alignment)


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(conv(), nn.InstanceNorm2d(3)),
        nn.Sequential(conv(), nn.GroupNorm(1, 3)),
        nn.Sequential(conv(), nn.BatchNorm2d(3, track_running_stats=False)),
        Applied(lambda x: x + F.interpolate(F.adaptive_avg_pool2d(x, 1), size=x.shape[-2:])),
        Applied(lambda x: x.flatten(2).softmax(-1).view_as(x)),
        Applied(lambda x: x - x.nanmean(dim=(2, 3), keepdim=True)),
        Applied(lambda x: x * x.mean(dim=3, keepdim=True)),
        Applied(lambda x: F.dropout(x, 0.5, training=True)),
    ],
    ids=["instance", "group", "batch", "pool", "softmax", "swallowed NaN", "rows", "chance"],
)
def test_networks_that_see_the_whole_image_are_unbounded(network: nn.Module):
    field = measured_surroundings(network)
    assert field.halo is None
    assert not field.bounded


def test_nan_that_is_swallowed_is_found_by_other_numbers():
    assert measured_surroundings(Applied(lambda x, c: c(x).nan_to_num(), conv(9))).halo == (4, 4)


def test_taps_far_apart_are_not_overlooked():
    assert seen(conv(3, dilation=300)).halo == (300, 300)
    coarse = [nn.MaxPool2d(8), conv(3, dilation=36), nn.Upsample(scale_factor=8)]
    assert seen(*coarse) == Surroundings((288, 288), (8, 8), (0, 0))


def test_layers_that_are_still_zero_count_as_trained():
    last = conv(1)
    nn.init.zeros_(last.weight)
    assert seen(nn.MaxPool2d(4), conv(3), up(4), last) == Surroundings((4, 4), (4, 4), (0, 0))


def test_dead_units_do_not_hide_the_stride():
    dead = conv(1)
    nn.init.constant_(dead.bias, -1e6)
    assert seen(nn.MaxPool2d(4), conv(3), up(4), dead, nn.ReLU()) == Surroundings((4, 4), (4, 4), (0, 0))


def text_of(network: nn.Module) -> str:
    with pytest.raises(InputError) as refusal:
        measured_surroundings(network)
    return str(refusal.value)


def test_position_dependence_is_refused():
    aligned = nn.Sequential(nn.MaxPool2d(2), nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True))
    assert "scores that differ for every shift" in text_of(aligned)
    assert "align_corners" in text_of(aligned)
    coded = Applied(lambda x: x + torch.arange(x.shape[-1], device=x.device))
    assert "move with its image" in text_of(coded)
    assert "product of the strides must divide 192" in text_of(
        Applied(
            lambda x: F.interpolate(F.max_pool2d(x, 5, ceil_mode=True), scale_factor=5.0)[
                ..., : x.shape[-2], : x.shape[-1]
            ]
        )
    )


def test_dependence_on_the_image_size_is_refused():
    def resized(x: Tensor, c: nn.Module) -> Tensor:
        return F.interpolate(c(x), size=x.shape[-2:], mode="bilinear", align_corners=False)

    text = text_of(Applied(resized, conv(3, stride=2)))
    assert "do not depend on the image's size" in text
    assert "after cutting 1 pixel off" in text

    def centred(x: Tensor) -> Tensor:
        y, x_ = -x.shape[-2] % 8, -x.shape[-1] % 8
        padded = F.pad(x, (x_ // 2, x_ - x_ // 2, y // 2, y - y // 2))
        pooled = F.interpolate(F.avg_pool2d(padded, 8), scale_factor=8.0)
        return pooled[..., y // 2 : y // 2 + x.shape[-2], x_ // 2 : x_ // 2 + x.shape[-1]]

    assert "below and to the right only" in text_of(Applied(centred))


@pytest.mark.parametrize(
    ("network", "found"),
    [
        (nn.Conv2d(3, 2, 3, stride=2, padding=1), "scores of 96x96 for an image of 192x192"),
        (nn.Upsample(scale_factor=2), "scores of 384x384 for an image of 192x192"),
        (nn.Conv2d(3, 2, 2), "scores of 191x191 for an image of 192x192"),
    ],
    ids=["coarse", "finer", "odd margin"],
)
def test_scores_of_another_size_are_refused(network: nn.Module, found: str):
    text = text_of(network)
    assert "as large as its image, or smaller by the same margin on each side" in text
    assert found in text


def test_other_unusable_networks_are_named():
    assert "returns one tensor of scores" in text_of(Applied(lambda x: {"out": x}))
    assert "a dict from Applied" in text_of(Applied(lambda x: {"out": x}))
    assert "a tensor (1, 3)" in text_of(Applied(lambda x: x.mean((2, 3))))
    assert "pads in every convolution, or in none" in text_of(nn.Sequential(conv(), nn.Conv2d(3, 2, 3)))
    assert "refusals of 1024 sizes" in text_of(Applied(lambda x, c: c(x), conv(channels=5)))
    assert "runs in float64" in text_of(Applied(lambda x, c: c(x.float()), conv()))
    broken = conv()
    nn.init.constant_(broken.weight, math.nan)
    assert "NaN in its weights" in text_of(broken)

    def only_square(x: Tensor) -> Tensor:
        assert x.shape[2] == x.shape[3]
        return x

    assert "for an image of" in text_of(Applied(lambda x: x.mT))
    assert "some image size from" in text_of(Applied(only_square))
    assert "AssertionError" in text_of(Applied(only_square))


@pytest.mark.parametrize("number_type", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_the_model_is_left_as_it_was(number_type: torch.dtype):
    model = nn.Sequential(conv(), nn.BatchNorm2d(3), nn.MaxPool2d(2), up(2)).to(number_type).train()
    model[1].eval()
    before, modes = copy.deepcopy(model.state_dict()), [part.training for part in model.modules()]
    field = measured_surroundings(model)
    assert field.alignment == (2, 2)
    assert [part.training for part in model.modules()] == modes
    for name, value in model.state_dict().items():
        assert value.dtype == before[name].dtype
        assert torch.equal(value, before[name]), name
    assert all(weight.grad is None for weight in model.parameters())


def test_a_model_without_parameters_is_measured():
    assert measured_surroundings(nn.MaxPool2d(3, stride=1, padding=1)) == Surroundings((1, 1), (1, 1), (0, 0))


def test_a_given_size_is_only_where_the_search_starts():
    valid = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Conv2d(2, 2, 3))
    assert measured_surroundings(valid, image_shape=(30, 41)) == measured_surroundings(valid)
    multiples = nn.Sequential(nn.MaxPool2d(4), nn.Upsample(scale_factor=4))
    assert measured_surroundings(multiples, image_shape=(30, 41)) == Surroundings((0, 0), (4, 4), (0, 0))

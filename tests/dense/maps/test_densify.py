"""The dense map against the patch loop, the coarse network and shift-and-stitch, in float64."""

import copy

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from pixelwise.dense import NotExact, convolutionalize, densify, shift_and_stitch, slide
from pixelwise.errors import InputError
from references.published_networks import (
    VGG16,
    ConvNextBlock,
    SqueezeExcite,
    ValidResidual,
    membrane_classifier,
    mobilenet_v1,
    resnet,
    vgg,
)
from references.sliding_patches import every_patch

ROUNDING = 1e-12


def doubled(network: nn.Module) -> nn.Module:
    """In float64 and evaluation mode, with statistics of batch normalisation that change something."""
    torch.manual_seed(0)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean = torch.randn_like(part.running_mean) * 0.1
            part.running_var = torch.rand_like(part.running_var) + 0.5
    return network.double().eval()


def image(*shape: int) -> Tensor:
    return torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@st.composite
def stacks(draw: st.DrawFn) -> tuple[nn.Sequential, int]:
    """A random unpadded classifier and a patch size it accepts, often not the smallest."""
    layers: list[nn.Module] = []
    channels = 2
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["conv", "conv", "grouped", "max", "average", "norm"]))
        kernel, stride = draw(st.integers(1, 4)), draw(st.integers(1, 3))
        if kind in ("conv", "grouped"):
            groups = 2 if kind == "grouped" else 1
            layers += [nn.Conv2d(channels, 4, kernel, stride, 0, draw(st.integers(1, 2)), groups), nn.Tanh()]
            channels = 4
        elif kind == "max":
            layers.append(nn.MaxPool2d(kernel, stride, dilation=draw(st.integers(1, 2))))
        elif kind == "average":
            layers.append(nn.AvgPool2d(kernel, stride))
        else:
            layers += [nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
    patch = draw(st.integers(4, 24))
    try:
        with torch.no_grad():
            features = nn.Sequential(*layers).eval()(torch.zeros(1, 2, patch, patch))
    except RuntimeError:  # the patch is too small for these layers
        assume(False)
    if draw(st.booleans()):
        head = [nn.Flatten(), nn.Linear(features[0].numel(), 3)]
    else:
        head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 3)]
    return nn.Sequential(*layers, *head), patch


@settings(max_examples=40, deadline=None)
@given(
    stacks(), st.tuples(st.integers(1, 6), st.integers(1, 6)), st.tuples(st.integers(0, 9), st.integers(0, 9)),
    st.sampled_from(["rarefied", "fragments"]),
)  # fmt: skip
def test_any_unpadded_classifier_equals_the_patch_loop(stack, stride, extra, arrangement):
    network, patch = doubled(stack[0]), stack[1]
    pixels = image(2, 2, patch + extra[0], patch + extra[1])
    with torch.no_grad():
        wanted = every_patch(network, pixels, (patch, patch), stride)
        dense = densify(network, patch, stride, channels=2, arrangement=arrangement)(pixels)
    assert dense.shape == wanted.shape
    assert (dense - wanted).abs().max() < ROUNDING


class Twin(nn.Module):
    """Two branches with unlike layers, joined: alignment by the crops the network makes itself."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.deep = nn.Conv2d(1, 4, 5), nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3))
        self.residual = ValidResidual(8)
        self.last = nn.Linear(8 * 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        both = F.max_pool2d(torch.cat([self.wide(x), self.deep(x)], dim=1), 3, 2)
        return self.last(F.avg_pool2d(self.residual(both), 2).flatten(1)).softmax(dim=1)


@pytest.mark.parametrize("arrangement", ["rarefied", "fragments"])
@pytest.mark.parametrize(
    ("network", "patch", "stride"),
    [(membrane_classifier(4), 65, 1), (membrane_classifier(4), 65, 3), (Twin(), 22, 1), (Twin(), 23, 2)],
    ids=["membrane", "membrane, every third", "branches", "branches, odd patch"],
)
def test_classifiers_of_the_literature_equal_the_patch_loop(network, patch, stride, arrangement):
    network = doubled(network)
    pixels = image(1, 1, patch + 9, patch + 6)
    with torch.no_grad():
        wanted = every_patch(network, pixels, (patch, patch), (stride, stride))
        dense = densify(network, patch, stride, channels=1, arrangement=arrangement)(pixels)
        slid = slide(network, pixels, patch, stride, batch_size=7)
    assert (dense - wanted).abs().max() < ROUNDING
    assert (slid - wanted).abs().max() < ROUNDING


@pytest.mark.parametrize(
    ("network", "stride", "size"),
    [
        (vgg(VGG16, 2), 32, (70, 97)),
        (vgg(VGG16, 2, normalised=True), 32, (64, 65)),
        (resnet((1, 1, 1, 1), 2), 32, (65, 71)),
        (mobilenet_v1(2), 32, (65, 33)),
        (nn.Sequential(nn.Conv2d(3, 4, 4, 4), ConvNextBlock(4), nn.Conv2d(4, 6, 2, 2), ConvNextBlock(6)), 8, (40, 51)),
        (
            nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1, padding_mode="reflect"), nn.MaxPool2d(3, 2, 1, ceil_mode=True)),
            *(4, (27, 30)),
        ),
        (
            nn.Sequential(nn.Conv2d(3, 4, 3, padding="same", dilation=2), nn.AvgPool2d(3, 2, 1, ceil_mode=True)),
            *(2, (9, 12)),
        ),
        (nn.Sequential(nn.AvgPool2d(3, 2, 1, count_include_pad=False), nn.ZeroPad2d((0, 1, 2, 0))), 2, (9, 12)),
        (
            nn.Sequential(nn.ReplicationPad2d(2), nn.Conv2d(3, 2, 5, 3), nn.CircularPad2d(1), nn.Conv2d(2, 2, 3)),
            *(3, (17, 20)),
        ),
    ],
    ids=["vgg", "vgg-bn", "resnet", "mobilenet", "convnext", "reflect+ceil", "average+ceil", "uncounted", "borders"],
)
def test_subsampling_the_stride_exact_map_gives_the_coarse_map(network, stride, size):
    network = doubled(network)
    pixels = image(1, 3, *size)
    with torch.no_grad():
        coarse = network(pixels)
        dense = densify(network, (64, 64), stride // 2 or 1, exact="stride")(pixels)
        own = convolutionalize(network, 64)(pixels)
    step = stride // (stride // 2 or 1)
    assert dense[..., ::step, ::step].shape == coarse.shape
    assert (dense[..., ::step, ::step] - coarse).abs().max() < ROUNDING
    assert (own - coarse).abs().max() < ROUNDING


def test_the_stride_exact_map_is_shift_and_stitch_away_from_the_border():
    network = doubled(nn.Sequential(*vgg("1M2M", 2), nn.Conv2d(4, 3, 3, padding=1)))
    pixels = image(1, 3, 48, 57)
    with torch.no_grad():
        dense = densify(network, 32, exact="stride")(pixels)
        stitched = shift_and_stitch(network, pixels, 4)
    assert dense.shape == stitched.shape
    # 18 pixels are seen; a shifted image shows other zeros to outputs that see its border.
    inner = (..., slice(18, -18), slice(18, -18))
    assert (dense - stitched)[inner].numel() > 0
    assert (dense - stitched)[inner].abs().max() < ROUNDING


def test_without_padding_shift_and_stitch_is_the_whole_map():
    network = doubled(nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2), nn.Conv2d(4, 2, 3), nn.MaxPool2d(3)))
    pixels = image(1, 3, 31, 29)
    with torch.no_grad():
        dense = densify(network, 12)(pixels)
        stitched = shift_and_stitch(convolutionalize(network, 12), pixels, 6)
    assert dense.shape[-2:] == (20, 18)
    assert (dense - stitched[..., :20, :18]).abs().max() < ROUNDING


def test_the_gradient_equals_the_sum_over_patches():
    network = doubled(membrane_classifier(2))
    alone = copy.deepcopy(network)
    pixels, labels = image(1, 1, 69, 68), torch.arange(20).reshape(1, 5, 4) % 2
    for arrangement in ("rarefied", "fragments"):
        network.zero_grad()
        F.cross_entropy(densify(network, 65, channels=1, arrangement=arrangement)(pixels), labels).backward()
        alone.zero_grad()
        F.cross_entropy(every_patch(alone, pixels, (65, 65), (1, 1)), labels).backward()
        for one, other in zip(network.parameters(), alone.parameters(), strict=True):
            assert (one.grad - other.grad).abs().max() < ROUNDING


def test_weights_stay_shared_and_live():
    network = doubled(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2, 2)))
    dense = densify(network, 3, channels=1)
    before = dense(image(1, 1, 5, 5))
    with torch.no_grad():
        network[2].bias += 1
    assert torch.allclose(dense(image(1, 1, 5, 5)), before + 1)
    assert {id(weight) for weight in dense.parameters()} == {id(weight) for weight in network.parameters()}
    assert dense.float()(image(1, 1, 5, 5).float()).dtype == torch.float32


class Reads(nn.Module):
    """An in-place operation whose input is read again afterwards."""

    def forward(self, x: Tensor) -> Tensor:
        y = x * 2 - 1
        z = F.relu_(y)
        return (y + z).mean((2, 3))


def test_in_place_operations_change_what_is_read_afterwards():
    pixels = image(1, 3, 7, 7)
    assert torch.allclose(densify(Reads(), 5)(pixels), every_patch(Reads(), pixels, (5, 5), (1, 1)))


def headed(cells: int, *layers: nn.Module) -> nn.Sequential:
    """Layers that leave 4 channels of so many cells, and a fully-connected layer on them."""
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(4 * cells, 2))


REFUSED = {
    "padding": (headed(64, nn.Conv2d(3, 4, 3, padding=1)), 8, "0 (conv2d)", "pads inside the patch"),
    "squeeze-excite": (headed(36, nn.Conv2d(3, 4, 3), SqueezeExcite(4)), 8, "1 (mul)", "every cell"),
    "instance norm": (
        headed(36, nn.Conv2d(3, 4, 3), nn.InstanceNorm2d(4)),
        8,
        "1 (instance_norm)",
        "mean and variance",
    ),
    "group norm": (headed(36, nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4)), 8, "1 (group_norm)", "mean and variance"),
    "batch statistics": (
        headed(36, nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False)),
        *(8, "1 (batch_norm)", "batch at hand"),
    ),
    "aligned corners": (
        headed(256, nn.Conv2d(3, 4, 1), nn.UpsamplingBilinear2d(scale_factor=2)),
        *(8, "1 (upsample", "aligned corners"),
    ),
    "ceil mode": (headed(16, nn.Conv2d(3, 4, 1), nn.MaxPool2d(2, ceil_mode=True)), 7, "1 (max_pool2d)", "ceil_mode"),
    "a pad": (headed(64, nn.Conv2d(3, 4, 1), nn.ZeroPad2d(1)), 6, "1 (pad)", "pads inside"),
    "layer norm": (
        nn.Sequential(nn.Flatten(), nn.LayerNorm(3 * 16), nn.Linear(3 * 16, 2)),
        *(4, "1 (layer_norm)", "mean and variance"),
    ),
}


@pytest.mark.parametrize(("network", "patch", "node", "reason"), REFUSED.values(), ids=REFUSED)
def test_refusals_name_the_node(network, patch, node, reason):
    with pytest.raises(NotExact) as refusal:
        densify(network, patch)
    assert refusal.value.finding.node.startswith(node)
    assert reason in refusal.value.finding.reason
    assert "hint: " in str(refusal.value)


def test_a_padded_classifier_reports_the_measured_deviation():
    network = nn.Sequential(*vgg("1M", 2), nn.Flatten(), nn.Linear(2 * 64, 2))
    with pytest.raises(NotExact, match=r"measured \d\.\de-\d\d of scores up to") as refusal:
        densify(network, 16)
    assert refusal.value.finding.deviation > 1e-4


def test_attention_is_refused():
    class Attention(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            tokens = x.flatten(2).transpose(1, 2)
            return F.scaled_dot_product_attention(tokens, tokens, tokens).mean(1)

    with pytest.raises(NotExact, match="does not follow"):
        densify(Attention(), 8)


def test_bad_input_is_named():
    network = nn.Sequential(nn.Conv2d(3, 2, 5), nn.Flatten(), nn.Linear(2, 2))
    dense = densify(network, 5)
    with pytest.raises(InputError, match="at least one patch, 5x5, got 4x9"):
        dense(torch.rand(1, 3, 4, 9))
    with pytest.raises(InputError, match="images of 3 channels, got 1"):
        dense(torch.rand(1, 1, 9, 9))
    with pytest.raises(InputError, match="stride of at least 1"):
        densify(network, 5, stride=0)
    with pytest.raises(InputError, match="a map of 4x4 for a patch of 8x8"):
        densify(nn.Conv2d(3, 2, 5), 8)
    with pytest.raises(InputError, match="export can follow"):
        densify(network, 7)


def test_not_a_number_reaches_only_the_patches_that_hold_it():
    network = doubled(membrane_classifier(2))
    pixels = image(1, 1, 80, 80)
    pixels[0, 0, 70, 10] = torch.nan
    with torch.no_grad():
        hit = densify(network, 65, channels=1)(pixels).isnan().any(dim=1)[0]
    rows, columns = hit.nonzero().unbind(1)
    # The poolings drop the last two rows and columns of a patch: each output sees 63 pixels.
    assert (int(rows.min()), int(rows.max()), int(columns.min()), int(columns.max())) == (8, 15, 0, 10)

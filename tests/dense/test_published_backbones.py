"""The project's own backbones, at their published depth, through the dense engine."""

import pytest
import torch
from torch import Tensor, nn

from pixelwise.backbones import resnet18, resnet50, vgg16, vgg16_bn
from pixelwise.dense import NotExact, TiledModel, check, convolutionalize, densify, receptive_field, slide
from pixelwise.models import fcn8s
from pixelwise.shapes import Images

ROUNDING = 1e-11


class LastLevel(nn.Module):
    """The coarsest features of a backbone."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, images: Images) -> Tensor:
        return self.backbone.levels(images)[-1]


def doubled(network: nn.Module) -> nn.Module:
    """In float64 and evaluation mode, with statistics of batch normalisation that change something."""
    torch.manual_seed(0)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean = torch.randn_like(part.running_mean) * 0.1
            part.running_var = torch.rand_like(part.running_var) + 0.5
    return network.double().eval()


def image(height: int, width: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.rand(1, 3, height, width, dtype=dtype, generator=torch.Generator().manual_seed(1))


def relative(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).abs().max() / wanted.abs().max())


@pytest.mark.parametrize("build", [resnet18, resnet50, vgg16, vgg16_bn])
def test_features_subsampled_are_the_networks_own(build):
    network = doubled(LastLevel(build(width=4)))
    pixels = image(96, 65)
    with torch.no_grad():
        coarse = network(pixels)
        finer = densify(network, 64, 16, exact="stride")(pixels)
    assert finer[..., ::2, ::2].shape == coarse.shape
    assert relative(finer[..., ::2, ::2], coarse) < ROUNDING
    assert coarse.std() > 0


def test_a_resnet_slides_its_own_average_over_the_features():
    """The head averages the patch's cells, not the image's: with two cells a side, each output averages four."""
    network = doubled(resnet18(width=4, num_classes=3))
    pixels = image(128, 96)
    with torch.no_grad():
        scores = convolutionalize(network, 64)(pixels)
        cells = network.levels(pixels)[-1]
        averaged = nn.functional.avg_pool2d(cells, 2, stride=1)
        wanted = nn.functional.conv2d(averaged, network.fc.weight[:, :, None, None], network.fc.bias)
    assert scores.shape == wanted.shape
    assert relative(scores, wanted) < ROUNDING


def test_a_vgg_with_its_fully_connected_layers_gives_a_map():
    network = doubled(vgg16(width=2, hidden=8, num_classes=3))
    pixels = image(224, 256)
    with torch.no_grad():
        scores = convolutionalize(network, 224)(pixels)
        features = network.features(pixels)
        first = [network.classifier(features[..., column : column + 7].flatten(1)) for column in range(2)]
    assert scores.shape == (1, 3, 1, 2)
    assert relative(scores[0, :, 0].T, torch.cat(first)) < ROUNDING


@pytest.mark.parametrize("build", [resnet18, resnet50])
def test_padded_classifiers_are_refused_for_patches_with_the_deviation(build):
    network = doubled(build(width=4, num_classes=3))
    with pytest.raises(NotExact, match="pads inside the patch") as refusal:
        densify(network, 64)
    assert "conv1" in refusal.value.finding.node
    assert refusal.value.finding.deviation > 1e-6 * refusal.value.finding.scale
    verdict = check(network, 64)
    assert verdict.stride_exact.exact
    assert verdict.stride_exact.deviation < ROUNDING * max(1, verdict.stride_exact.scale)
    with torch.no_grad():
        dense, slid = convolutionalize(network, 64)(image(128, 128)), slide(network, image(128, 128), 64, 32)
    # What the refusal protects from: the map's scores are not those of the patches.
    assert relative(dense[..., : slid.shape[-2], : slid.shape[-1]], slid) > 1e-6


@pytest.mark.parametrize("build", [resnet18, resnet50])
def test_at_full_width(build):
    network = doubled(LastLevel(build()))
    pixels = image(160, 129)
    with torch.no_grad():
        coarse = network(pixels)
        finer = densify(network, 128, 16, exact="stride")(pixels)
    assert relative(finer[..., ::2, ::2], coarse) < ROUNDING


def test_receptive_fields_of_version_one_and_a_half():
    """Araujo et al. 2019, "Computing receptive fields", give 483 where stages stride last; here they stride first."""
    assert receptive_field(LastLevel(resnet18(width=1)), 224).size == (435, 435)
    assert receptive_field(LastLevel(resnet50(width=1)), 224).size == (427, 427)


def test_fcn8s_is_tile_exact_and_its_verdict_says_so():
    network = doubled(fcn8s(3, width=2, hidden=8))
    with torch.no_grad():
        for score in network.skip_scores:  # 0 before training, and then no skip would be seen
            score.weight.normal_()
        pixels = image(330, 270)
        whole = network(pixels)[0]
    tiles = TiledModel(network, tile=96)
    assert tiles.field.alignment == (32, 32)
    assert tiles.plan((330, 270)).tiles > 4
    assert relative(tiles.run(pixels[0]), whole) < ROUNDING
    verdict = check(network, 64)
    assert verdict.tile_exact.exact
    assert not verdict.stride_exact.exact
    assert "makes a finer map by itself" in verdict.stride_exact.reason

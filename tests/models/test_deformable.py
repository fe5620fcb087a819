"""A deformable last stage: the same network until it is trained, and no receptive field afterwards."""

import copy

import pytest
import torch
from torch import Tensor, nn

from pixelwise.backbones import ResNet, resnet18, resnet50
from pixelwise.dense import TiledModel, receptive_field
from pixelwise.errors import InputError
from pixelwise.models.segmentation.deformable import deform_last_stage
from pixelwise.models.segmentation.fcn_resnet import fcn_resnet18
from pixelwise.ops import DeformConv2d

DILATE = (False, True, True)


def images(height: int = 48, width: int = 64) -> Tensor:
    draws = torch.Generator().manual_seed(1)
    return torch.rand(1, 3, height, width, dtype=torch.float64, generator=draws)


def deformed(resnet: ResNet) -> list[str]:
    return [name for name, part in resnet.named_modules() if isinstance(part, DeformConv2d)]


@pytest.mark.parametrize("modulated", [False, True])
@pytest.mark.parametrize("dilate", [(False, False, False), DILATE, (False, False, True)])
@pytest.mark.parametrize("builder", [resnet18, resnet50])
def test_the_network_starts_out_unchanged(builder, dilate: tuple[bool, bool, bool], modulated: bool):
    plain = builder(width=2, dilate=dilate).double().eval()
    changed = copy.deepcopy(plain)
    deform_last_stage(changed, modulated=modulated)
    assert not changed.layer4[0].conv2.training
    with torch.no_grad():
        for found, expected in zip(changed.levels(images()), plain.levels(images()), strict=True):
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-12 * float(expected.abs().max()))


@pytest.mark.parametrize(
    ("builder", "layers", "names"),
    [
        (resnet50, 1, ["layer4.2.conv2"]),
        (resnet50, 3, ["layer4.0.conv2", "layer4.1.conv2", "layer4.2.conv2"]),
        (resnet18, 2, ["layer4.1.conv1", "layer4.1.conv2"]),
        (resnet18, 3, ["layer4.0.conv2", "layer4.1.conv1", "layer4.1.conv2"]),
        (resnet18, 4, ["layer4.0.conv1", "layer4.0.conv2", "layer4.1.conv1", "layer4.1.conv2"]),
    ],
)
def test_layers_are_counted_from_the_end(builder, layers: int, names: list[str]):
    network = builder(width=1)
    deform_last_stage(network, layers)
    assert deformed(network) == names


def test_weights_are_kept_and_offsets_are_extra():
    network = resnet18(width=2)
    before = dict(network.named_parameters())
    deform_last_stage(network)
    after = dict(network.named_parameters())
    assert all(after[name] is weight for name, weight in before.items())
    assert all(".offset." in name for name in after.keys() - before.keys())
    assert len(after) == len(before) + 2 * 3


def test_once_offsets_are_learned_the_scores_differ():
    network = resnet18(width=2, dilate=DILATE).double().eval()
    deform_last_stage(network)
    before = network.levels(images())[-1]
    nn.init.normal_(network.layer4[1].conv2.offset.bias)
    assert not torch.allclose(network.levels(images())[-1], before, atol=1e-3)


def test_offsets_get_gradients_from_the_start():
    network = fcn_resnet18(2, width=2, deformable=True).double().train()
    scores = network(torch.cat([images(), images().flip(3)]))
    (scores * torch.randn(scores.shape, generator=torch.Generator().manual_seed(2))).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@pytest.mark.parametrize("layers", [0, 5, -1])
def test_other_numbers_of_layers_are_refused(layers: int):
    network = resnet18(width=1)
    with pytest.raises(InputError) as refusal:
        deform_last_stage(network, layers)
    assert str(refusal.value) == (
        f"wanted 1 to 4 layers, the plain 3x3 convolutions of the last stage, got layers = {layers}\n"
        "hint: pass layers=4 or fewer"
    )
    assert not deformed(network)


def test_a_stage_is_deformed_once():
    network = resnet50(width=1)
    deform_last_stage(network)
    with pytest.raises(InputError, match="deformable already"):
        deform_last_stage(network, 1)


def test_the_dense_engine_gives_it_no_receptive_field():
    network = fcn_resnet18(2, width=2, deformable=True)
    field = receptive_field(network, (48, 64))
    assert not field.exact
    assert field.blocked_by == "backbone.layer4.0.conv2 (deform_conv2d)"
    assert receptive_field(fcn_resnet18(2, width=2), (48, 64)).exact


def test_images_are_taken_whole_and_never_cut_into_tiles():
    network = fcn_resnet18(2, width=2, deformable=True)
    image = torch.rand(3, 40, 56, generator=torch.Generator().manual_seed(0))
    whole = TiledModel(network)
    assert not whole.field.bounded
    with torch.no_grad():
        torch.testing.assert_close(whole.run(image), network.eval()(image[None])[0])
    with pytest.raises(InputError, match="looks at the whole image"):
        TiledModel(network, tile=32).run(image)

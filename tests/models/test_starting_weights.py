"""Starting from trained weights: what fits where, and what is said of the rest."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from pixelwise.backbones import resnet18, vgg16
from pixelwise.dense import convolutionalize
from pixelwise.errors import InputError
from pixelwise.models.segmentation.fcn import fcn8s, fcn16s, fcn32s
from pixelwise.models.segmentation.fcn_resnet import fcn_resnet18
from pixelwise.models.segmentation.unet import UNet
from pixelwise.models.segmentation.unet_resnet import unet_resnet18
from pixelwise.models.stages import encoder_stages, first_stages, keep_fixed
from pixelwise.models.starting_weights import start_from


def saved(network: nn.Module, path: Path) -> Path:
    """Its weights, drawn anew so that no default could be mistaken for them."""
    torch.manual_seed(5)
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.is_floating_point():
                value.copy_(torch.rand_like(value) * 0.1 + 0.01)
    save_file(network.state_dict(), path)
    return path


def pixels(*size: int) -> Tensor:
    return torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0))


def test_a_classifier_fills_an_fcn_up_to_its_scores(tmp_path: Path):
    classifier = vgg16(width=2, hidden=8, num_classes=5)
    network = fcn8s(3, width=2, hidden=8, upsampling="bilinear")
    report = start_from(network, saved(classifier, tmp_path / "vgg.safetensors"))
    assert {name for name in report.left if "score" not in name} == set()
    assert all(name.startswith("classifier.6.") for name in report.unused)
    with torch.no_grad():
        # Up to the last layer, whose classes are others, both give the same features behind conv7.
        classifier.classifier[6] = nn.Identity()
        wanted = convolutionalize(classifier.eval(), 224)(pixels(256, 224))
        head = network.head[:-1].eval()
        features = head(network.features(pixels(256, 224)))
    torch.testing.assert_close(features[:, :, 3:5, 3:4], wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("build", [fcn_resnet18, unet_resnet18])
def test_a_residual_classifier_fills_the_encoder(build, tmp_path: Path):
    classifier = resnet18(width=4, num_classes=5)
    network = build(3, width=4)
    report = start_from(network, saved(classifier, tmp_path / "resnet.safetensors"))
    encoder = network.backbone if hasattr(network, "backbone") else network.encoder
    for wanted, found in zip(classifier.layer3.parameters(), encoder.layer3.parameters(), strict=True):
        assert torch.equal(wanted, found)
    assert [name for name in report.unused if "fc" not in name] == []
    assert any("up" in name or "classifier" in name for name in report.left)


def test_stages_of_training_follow_each_other(tmp_path: Path):
    coarse, fine = fcn32s(3, width=2, hidden=8), fcn16s(3, width=2, hidden=8)
    report = start_from(fine, saved(coarse, tmp_path / "fcn32s.safetensors"))
    assert torch.equal(coarse.head.score.weight, fine.head.score.weight)
    assert any(name.startswith("skip_scores") for name in report.left)


def test_a_run_folder_is_a_source(tmp_path: Path):
    before, after = UNet(3, width=4, depth=2), UNet(5, width=4, depth=2)
    saved(before, tmp_path / "model.safetensors")
    report = start_from(after, tmp_path)
    assert report.left == ("classify.weight", "classify.bias")
    assert "5, 4, 1, 1) wanted" in str(report)
    assert torch.equal(before.down[1][0].weight, after.down[1][0].weight)


def test_what_cannot_be_used_is_named(tmp_path: Path):
    with pytest.raises(InputError, match=r"run folder, a file of weights, or published weights .*resnet50"):
        start_from(UNet(2, width=2, depth=1), "resnext9000")
    with pytest.raises(InputError, match=r"no file .*nothing\.safetensors"):
        start_from(UNet(2, width=2, depth=1), tmp_path / "nothing.safetensors")
    other = saved(nn.Conv2d(1, 7, 9), tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="some fit UNet"):
        start_from(UNet(2, width=2, depth=1), other)


@pytest.mark.parametrize(
    ("network", "count"),
    [
        (UNet(2, width=2, depth=3), 4),
        (fcn32s(2, width=2, hidden=4), 5),
        (fcn_resnet18(2, width=2), 5),
        (unet_resnet18(2, width=2), 5),
        (nn.Conv2d(3, 2, 1), 0),
    ],
    ids=["unet", "fcn", "fcn_resnet", "unet_resnet", "unknown"],
)
def test_stages_cover_the_encoder(network: nn.Module, count: int):
    stages = encoder_stages(network)
    assert len(stages) == count
    parameters = [id(weight) for stage in stages for layer in stage for weight in layer.parameters()]
    assert len(parameters) == len(set(parameters))
    assert all(any(True for layer in stage for _ in layer.parameters()) for stage in stages)
    with pytest.raises(InputError, match=f"at most {count} stages"):
        first_stages(network, count + 1)


def test_fixed_stages_do_not_learn_and_keep_their_statistics():
    network = fcn_resnet18(2, width=4)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.train()
    keep_fixed(first_stages(network, 3))
    network(pixels(64, 64).repeat(2, 1, 1, 1)).square().sum().backward()
    with torch.no_grad():
        for weight in network.parameters():
            if weight.grad is not None:
                weight.sub_(0.1 * weight.grad)
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert not any(name.startswith(("backbone.conv1", "backbone.bn1", "backbone.layer1", "backbone.layer2"))
                   for name in changed)  # fmt: skip
    assert "backbone.layer3.0.bn1.running_mean" in changed
    assert "backbone.layer4.0.conv1.weight" in changed

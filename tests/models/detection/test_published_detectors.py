"""Weights of detectors: their names of today and of 2019, and the batch normalisation that fits them."""

import json
from pathlib import Path

import pytest
import safetensors.torch
import torch
from jaxtyping import TypeCheckError

from pixelwise.backbones import FrozenBatchNorm2d, resnet18
from pixelwise.errors import InputError
from pixelwise.models.detection.encoders import freeze_encoder, with_norms
from pixelwise.models.detection.faster_rcnn import faster_rcnn_resnet50_fpn, faster_rcnn_resnet50_fpn_v2
from pixelwise.models.detection.mask_rcnn import (
    mask_rcnn_resnet18_fpn,
    mask_rcnn_resnet50_fpn,
    mask_rcnn_resnet50_fpn_v2,
)
from pixelwise.models.detection.published import current_names, load_published

BUILDERS = {
    "fasterrcnn_frozen": lambda: faster_rcnn_resnet50_fpn(norms="published"),
    "fasterrcnn_v2": faster_rcnn_resnet50_fpn_v2,
    "maskrcnn_frozen": lambda: mask_rcnn_resnet50_fpn(norms="published"),
    "maskrcnn_v2": mask_rcnn_resnet50_fpn_v2,
}


@pytest.mark.data
@pytest.mark.parametrize("name", BUILDERS)
def test_names_and_shapes_are_the_published_ones(name: str, real_data: Path):
    published = json.loads((real_data / "torchvision_names" / f"sd_{name}.json").read_text())
    with torch.device("meta"):
        model = BUILDERS[name]()
    assert {entry: list(value.shape) for entry, value in model.state_dict().items()} == dict(published)


def tiny() -> torch.nn.Module:
    return mask_rcnn_resnet18_fpn(3, width=4, fpn_channels=8, norms="published")


def legacy_name(name: str) -> str:
    name = name.replace("rpn.head.conv.0.0.", "rpn.head.conv.")
    for i in range(4):
        name = name.replace(f"mask_head.{i}.0.", f"mask_head.mask_fcn{i + 1}.")
        name = name.replace(f"inner_blocks.{i}.0.", f"inner_blocks.{i}.")
        name = name.replace(f"layer_blocks.{i}.0.", f"layer_blocks.{i}.")
    return name


@pytest.mark.parametrize("legacy", [False, True])
def test_files_with_names_of_today_and_of_2019_are_loaded(legacy: bool, tmp_path: Path):
    source = tiny()
    state = {legacy_name(name) if legacy else name: value for name, value in source.state_dict().items()}
    assert ("rpn.head.conv.weight" in state) == legacy
    assert ("roi_heads.mask_head.mask_fcn4.bias" in state) == legacy
    safetensors.torch.save_file(state, tmp_path / "weights.safetensors")
    loaded = load_published(tiny(), "maskrcnn_resnet50_fpn", tmp_path / "weights.safetensors")
    for (name, one), other in zip(source.state_dict().items(), loaded.state_dict().values(), strict=True):
        assert torch.equal(one, other), name


def test_names_of_today_stay():
    state = tiny().state_dict()
    assert list(current_names(state)) == list(state)


def test_weights_for_other_classes_are_refused_with_the_reason(tmp_path: Path):
    torch.save(tiny().state_dict(), tmp_path / "weights.pth")
    other = mask_rcnn_resnet18_fpn(4, width=4, fpn_channels=8, norms="published")
    with pytest.raises(InputError, match=r"roi_heads\.box_predictor\.cls_score"):
        load_published(other, "maskrcnn_resnet50_fpn", tmp_path / "weights.pth")


def test_corrupt_weights_are_refused(tmp_path: Path):
    (tmp_path / "weights.pth").write_bytes(b"not weights")
    with pytest.raises(InputError, match="weights"):
        load_published(tiny(), "maskrcnn_resnet50_fpn", tmp_path / "weights.pth")


def test_an_unknown_published_name_is_refused_with_those_there_are():
    with pytest.raises(InputError, match="maskrcnn_resnet50_fpn_coco-bf2d0c1e"):
        load_published(tiny(), "maskrcnn_resnet50_fpn", "imagenet")
    with pytest.raises(InputError, match="no published names"):
        load_published(tiny(), "faster_rcnn_resnet50_c4", "coco")


def test_published_norms_add_nothing_to_the_variance():
    def eps(norms: str) -> set[float]:
        body = with_norms(resnet18(width=4), norms)
        return {part.eps for part in body.modules() if isinstance(part, FrozenBatchNorm2d)}

    assert eps("published") == {0.0}
    assert eps("frozen") == {1e-5}
    assert eps("batch") == set()


def test_norms_follow_the_weights(tmp_path: Path):
    torch.save(resnet18(width=4).state_dict(), tmp_path / "encoder.pth")
    model = mask_rcnn_resnet18_fpn(3, width=4, fpn_channels=8, encoder_weights=tmp_path / "encoder.pth")
    assert model.backbone.body.bn1.eps == 1e-5
    assert isinstance(model.backbone.body.bn1, FrozenBatchNorm2d)
    scratch = mask_rcnn_resnet18_fpn(3, width=4, fpn_channels=8)
    assert isinstance(scratch.backbone.body.bn1, torch.nn.BatchNorm2d)


def test_unknown_norms_are_refused():
    with pytest.raises((InputError, TypeCheckError), match="norms"):
        with_norms(resnet18(width=4), "group")


def test_only_the_last_stages_train():
    body = resnet18(width=4)
    fixed = freeze_encoder(body, 2)
    assert all(not parameter.requires_grad for parameter in body.layer2.parameters())
    assert all(parameter.requires_grad for parameter in body.layer3.parameters())
    assert "conv1.weight" in fixed
    assert "bn1.bias" in fixed
    with pytest.raises(InputError, match="trainable from 0 to 5"):
        freeze_encoder(body, 6)

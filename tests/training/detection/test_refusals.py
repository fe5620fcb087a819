"""What training of a detector refuses, before it makes a folder."""

import json
from pathlib import Path
from typing import Any

import pytest

from pixelwise.errors import InputError
from pixelwise.training import train
from references.box_folders import put_coco, put_instances, put_voc, some_objects

Settings = dict[str, Any]

SMALL: Settings = {"model_settings": {"width": 4, "fpn_channels": 8}, "epochs": 1, "warm_up": 0}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return put_coco(tmp_path_factory.mktemp("data") / "data", some_objects(), masks=False)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"epochs": 0}, "wanted epochs from 1 to 100000, got 0"),
        ({"scales": [320, 4]}, r"wanted scales as whole numbers of pixels from 8 to 8192, got \[320, 4\]"),
        ({"regions_share": 2.0}, "wanted regions_share from 0.01 to 1, got 2"),
        ({"clip": float("nan")}, "wanted clip from 0 to 1e\\+06, got nan"),
        ({"freeze": 2}, "wanted trained weights for the stages that are kept fixed, got freeze = 2 without weights"),
        ({"loss": "dice"}, r"wanted settings among model, .*, got loss\nhint: check the spelling"),
        ({"model": "unet"}, r"wanted a model of the catalog \(mask_rcnn_resnet18_fpn, .*\), got 'unet'"),
        ({"model_settings": {"depth": 3}}, r"wanted settings of faster_rcnn_resnet18_fpn \(width, fpn_channels"),
        ({"model_settings": {"width": 10**9}}, "settings of faster_rcnn_resnet18_fpn up to 4096"),
        ({"model_settings": {"resize": [10**9, 10**9]}}, "settings of faster_rcnn_resnet18_fpn up to 4096"),
        ({"model_settings": {"resize": [0, 9]}}, "wanted a resize rule of two positive numbers of pixels"),
        ({"model_settings": {"anchor_sizes": "small"}}, "settings with which faster_rcnn_resnet18_fpn can be built"),
        (
            {"model": "mask_rcnn_resnet18_fpn"},
            r"wanted objects with masks for a Mask R-CNN, got annotations.json.*: boxes alone\nhint: --model faster",
        ),
    ],
)
def test_bad_settings_are_named_before_a_folder_is_made(
    data: Path, tmp_path: Path, settings: Settings, text: str
) -> None:
    with pytest.raises(InputError, match=text):
        train("detection", data, out=tmp_path / "run", **(SMALL | settings))
    assert not (tmp_path / "run").exists()


def test_what_no_repair_mends_is_refused(tmp_path: Path) -> None:
    data = put_coco(tmp_path / "data", some_objects())
    content = json.loads((data / "annotations.json").read_text())
    content["annotations"][0]["category_id"] = 77
    (data / "annotations.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"got 1: .*category 77, which is none of the classes\nhint: .*data check"):
        train("detection", data, out=tmp_path / "run", **SMALL)
    assert not (tmp_path / "run").exists()


def test_a_data_set_without_any_object_or_image_is_refused(tmp_path: Path) -> None:
    data = put_coco(tmp_path / "data", {"a": [], "b": []})
    with pytest.raises(InputError, match=r"wanted objects in the training images of .*data, got none"):
        train("detection", data, out=tmp_path / "run", **SMALL)
    with pytest.raises(
        InputError, match=r"wanted a folder with images and boxes, got .*nowhere, where there is nothing"
    ):
        train("detection", tmp_path / "nowhere", out=tmp_path / "run", **SMALL)
    with pytest.raises(InputError, match=r"wanted at least one class of objects in .*voc, got none"):
        train("detection", put_voc(tmp_path / "voc", {"a": [], "b": []}), out=tmp_path / "run", **SMALL)
    (put_instances(tmp_path / "maps", some_objects(3)) / "classes.txt").unlink()
    with pytest.raises(InputError, match="wanted a classes file for label maps that number objects"):
        train("detection", tmp_path / "maps", out=tmp_path / "run", **SMALL)


def test_images_of_which_one_cell_is_left_are_refused_in_words(tmp_path: Path) -> None:
    data = put_coco(tmp_path / "data", some_objects(), splits=dict.fromkeys("abcdef", "train"))
    settings = SMALL | {"crop": 24, "batch_size": 1, "holdout": 0.0}
    with pytest.raises(InputError, match=r"batch normalisation has several values.*\nhint: use crops or images larger"):
        train("detection", data, out=tmp_path / "run", **settings)

"""Training a detector: from every layout, with every choice, on images with nothing in them, and what it leaves."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from pixelwise.data.detection.folder import open_detection
from pixelwise.data.detection.objects import objects_of
from pixelwise.inference import Detector, load
from pixelwise.inference.run_folder import read_record
from pixelwise.models.detection.mask_rcnn import MaskRCNN
from pixelwise.results import Detections
from pixelwise.training import train
from pixelwise.training.detection.scenes import Scenes, object_places
from pixelwise.training.detection.settings import DetectionSettings
from pixelwise.training.detection.start import fitted_settings
from pixelwise.training.listener import Listener
from pixelwise.training.metrics_file import read_rows
from references.box_folders import SIZE, Shown, put_coco, put_instances, put_voc, put_yolo, some_objects

Settings = dict[str, Any]

SMALL: Settings = {
    "model_settings": {"width": 4, "fpn_channels": 8},
    "epochs": 1,
    "batch_size": 3,
    "anchors_drawn": 32,
    "regions_drawn": 16,
    "warm_up": 2,
}


def weights(run: Path) -> bytes:
    return (run / "model.safetensors").read_bytes()


@pytest.mark.parametrize("put", [put_coco, put_voc, put_yolo, put_instances])
def test_every_layout_trains(tmp_path: Path, put: Callable[[Path, Shown], Path]) -> None:
    data = put(tmp_path / "data", some_objects())
    run = train("detection", data, out=tmp_path / "run", **SMALL)
    record = read_record(tmp_path / "run")
    assert record.facts["classes"][1:] == (["bar", "disc"] if put is put_voc else ["disc", "bar"])
    assert sum(record.facts["objects"]) == sum(map(len, (some_objects()[name] for name in training_names(data))))
    assert record.model_settings["resize"] is None
    assert run.scores is not None
    predictor = run.predictor()
    assert isinstance(predictor, Detector)
    found = predictor.predict(next(data.rglob("a.png")))
    assert isinstance(found, Detections)
    assert found.size == SIZE
    assert "AP on validation images" in (tmp_path / "run" / "report.html").read_text()
    row = read_rows(tmp_path / "run" / "metrics.csv")[0]
    assert {"loss", "loss/objectness", "loss/box", "val_loss", "val_ap", "val_ap50/disc"} <= set(row)


def training_names(data: Path) -> set[str]:
    """Images of the four fifths that are not held out."""
    from pixelwise.training.split import parted  # noqa: PLC0415

    table = None
    folder = open_detection(data, table=table)
    settings = DetectionSettings()
    return {Path(item.name).stem for item in parted(folder, settings.holdout, settings.seed)[0]}


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "sgd", "learning_rate": 0.01, "schedule": "poly", "scales": [32, 48], "turns": True},
        {"augment": "strong", "crop": 40, "crops_per_image": 2, "sampling": "balanced", "ema": 0.9},
        {"augment": "none", "precision": "bf16", "clip": 0.0, "keep": "last", "validate_every": 2, "epochs": 2},
    ],
    ids=["sgd", "crops", "bf16"],
)
def test_every_choice_trains_masks(tmp_path: Path, settings: Settings) -> None:
    data = put_coco(tmp_path / "data", some_objects())
    run = train("detection", data, out=tmp_path / "run", model="mask_rcnn_resnet18_fpn", **(SMALL | settings))
    rows = read_rows(tmp_path / "run" / "metrics.csv")
    assert all(math.isfinite(row["loss"]) and row["loss/mask"] > 0 for row in rows)
    looked = [("val_mask_ap" in row and not math.isnan(row["val_mask_ap"])) for row in rows]
    assert looked == [(number + 1) % settings.get("validate_every", 1) == 0 for number in range(len(rows))]
    predictor = run.predictor()
    assert isinstance(predictor, Detector)
    assert isinstance(predictor.model, MaskRCNN)


def test_images_without_objects_and_batches_of_background_alone_train(tmp_path: Path) -> None:
    shown = {name: [] for name in "abcdefgh"} | {"i": some_objects()["b"]}
    data = put_coco(tmp_path / "data", shown, splits=dict.fromkeys("abcdefghi", "train"))
    settings = SMALL | {"batch_size": 1, "holdout": 0.0}
    run = train("detection", data, out=tmp_path / "run", **settings)
    assert run.scores is None
    assert "No image was held out" in (tmp_path / "run" / "report.html").read_text()
    state = load(tmp_path / "run").network.state_dict().values()
    assert all(bool(tensor.isfinite().all()) for tensor in state)


def test_a_thousand_objects_and_objects_of_one_pixel_train(tmp_path: Path) -> None:
    many = [("disc", (x, y, x + 1, y + 1)) for x in range(0, 50, 2) for y in range(0, 40)]
    assert len(many) == 1000
    shown: Shown = {"a": many, "b": [("bar", (3, 4, 4, 5))], "c": some_objects()["b"]}
    data = put_coco(tmp_path / "data", shown, splits={"a": "train", "b": "train", "c": "val"})
    train("detection", data, out=tmp_path / "run", model="mask_rcnn_resnet18_fpn", **(SMALL | {"batch_size": 2}))
    assert math.isfinite(read_rows(tmp_path / "run" / "metrics.csv")[0]["loss"])


def test_faults_are_repaired_before_training(tmp_path: Path) -> None:
    data = put_coco(tmp_path / "data", some_objects(), masks=False)
    content = json.loads((data / "annotations.json").read_text())
    bad = [[float("nan"), 1, 5, 5], [5, 5, 0, 0], [10, 10, -4, -4], [500, 500, 9, 9], [50, 30, 90, 90]]
    for number, box in enumerate(bad, start=100):
        content["annotations"].append({"id": number, "image_id": 0, "category_id": 1, "bbox": box, "iscrowd": 0})
    (data / "annotations.json").write_text(json.dumps(content))
    told: list[str] = []
    train("detection", data, out=tmp_path / "run", listener=Listener(told.append), **SMALL)
    assert "1 x zero-area: the object is left out" in told
    assert "1 x reversed: the corners are swapped" in told
    assert "1 x partly-outside: the box is clipped to the image" in told
    assert math.isfinite(read_rows(tmp_path / "run" / "metrics.csv")[0]["loss"])


def test_one_seed_gives_one_result_and_another_seed_another(tmp_path: Path) -> None:
    data = put_coco(tmp_path / "data", some_objects())
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        torch.rand(ord(name))  # what was drawn before must not matter
        train("detection", data, out=tmp_path / name, seed=seed, augment="strong", **SMALL)
    assert weights(tmp_path / "a") == weights(tmp_path / "b")
    assert weights(tmp_path / "a") != weights(tmp_path / "c")


def test_the_resize_rule_and_the_scaling_are_kept_with_the_run(tmp_path: Path) -> None:
    data = put_coco(tmp_path / "data", some_objects())
    settings = SMALL | {"model_settings": {"width": 4, "fpn_channels": 8, "resize": [32, 64]}}
    train("detection", data, out=tmp_path / "run", **settings)
    predictor = load(tmp_path / "run")
    assert isinstance(predictor, Detector)
    assert str(predictor.model.preparation.resize) == "shortest(32, 64)"
    assert predictor.model.preparation.mean == predictor.record.mean
    assert 0.2 < predictor.record.mean[0] < 0.5
    assert "shortest(32, 64)" in (tmp_path / "run" / "report.html").read_text()


def test_sizes_left_open_follow_from_the_data() -> None:
    boxes = torch.tensor([[0.0, 0, 40, 40], [0, 0, 40, 40], [0, 0, 9, 9]])
    objects = [objects_of(boxes, torch.tensor([1, 1, 2]), (200, 300))]
    chosen = fitted_settings(DetectionSettings(), objects, Listener())
    assert chosen == {"resize": None, "anchor_sizes": [8, 16, 32, 64, 128]}
    large = [objects_of(boxes, torch.tensor([1, 1, 2]), (2000, 3000))]
    assert fitted_settings(DetectionSettings(), large, Listener())["resize"] == [800, 1333]
    given = DetectionSettings(model_settings={"resize": None, "anchor_sizes": [16, 32, 64, 128, 256]})
    assert fitted_settings(given, large, Listener()) == given.model_settings
    assert "anchor_sizes" not in fitted_settings(DetectionSettings(model="mask_rcnn_resnet50_fpn"), objects, Listener())


def test_balanced_sampling_draws_every_class_alike() -> None:
    shown = {"a": [("disc", (0, 0, 9, 9))] * 50, "b": [("bar", (20, 10, 30, 20))]}
    labels = {"disc": 1, "bar": 2}
    objects = [
        objects_of(torch.tensor([box for _, box in one]).float(), torch.tensor([labels[name] for name, _ in one]), SIZE)
        for one in shown.values()
    ]
    places = object_places(objects)
    generator = torch.Generator().manual_seed(0)
    drawn = [places.draw(generator) for _ in range(400)]
    assert 150 < sum(image == 1 for image, _ in drawn) < 250
    assert {point for image, point in drawn if image == 1} == {(25.0, 15.0)}


def test_a_short_training_finds_rectangles(tmp_path: Path) -> None:
    shown: Shown = {}
    for number in range(24):
        x, y = (number * 7) % 22, (number * 5) % 20
        name = f"{chr(ord('a') + number)}"
        shown[name] = [("disc", (x, y, x + 16, y + 16)), ("bar", (x + 18, y + 4, x + 34, y + 16))][: 1 + number % 2]
    splits = {name: "val" if number % 4 == 0 else "train" for number, name in enumerate(shown)}
    data = put_coco(tmp_path / "data", shown, splits=splits)
    settings = SMALL | {"epochs": 14, "learning_rate": 0.004, "augment": "none", "validate_every": 14}
    settings["model_settings"] = {"width": 8, "fpn_channels": 16}
    run = train("detection", data, out=tmp_path / "run", **settings)
    assert run.scores is not None
    assert run.scores.boxes.ap50 > run.scores.baseline.ap50 + 0.3


def test_masks_keep_their_objects_through_the_readers(tmp_path: Path) -> None:
    data = put_instances(tmp_path / "data", some_objects())
    folder = open_detection(data)
    assert folder.layout == "instances"
    scenes = Scenes(folder.items, masks=True)
    for index, (name, objects) in enumerate(some_objects().items()):
        scene = scenes[index]
        assert scene.name == f"{name}.png"
        assert scene.objects.boxes.tolist() == [list(map(float, box)) for _, box in objects]
        assert [folder.classes[label] for label in scene.objects.labels.tolist()] == [label for label, _ in objects]

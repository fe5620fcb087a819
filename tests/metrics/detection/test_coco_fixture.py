"""COCO's own 24 numbers on its own example, to 1e-12: crowds, areas and limits included."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pixelwise.metrics.detection.matching import match_objects
from pixelwise.metrics.detection.precision import class_ap
from pixelwise.metrics.detection.protocol import Kind
from pixelwise.metrics.detection.records import ImageDetections, ImageTruth
from pixelwise.metrics.detection.scores import DetectionScores, coco_scores
from pixelwise.ops.run_lengths import Rle

masks = pytest.importorskip("faster_coco_eval.core.mask", reason="COCO's own way to draw polygons")

OFFICIAL: dict[Kind, list[float]] = {
    "boxes": [
        *(0.5045806987249628, 0.6969727247299577, 0.5729816669904824, 0.5856257209410443, 0.5193996948036719),
        *(0.5013978986347466, 0.38681277964578054, 0.5936795762842003, 0.595352982877607, 0.6398109626113442),
        *(0.5664205978994309, 0.5642905982905982),
    ],
    "masks": [
        *(0.3195452758576433, 0.5622883972521636, 0.29892653412086784, 0.3873740315997837, 0.31018272403369485),
        *(0.3269339071005138, 0.2682297225711534, 0.41544868114906375, 0.4168394992198818, 0.4694498622754236),
        *(0.37675922666197265, 0.3814715099715099),
    ],
}


def corners(boxes: list[list[float]]) -> torch.Tensor:
    values = torch.tensor(boxes, dtype=torch.float64).reshape(-1, 4)
    return torch.cat([values[:, :2], values[:, :2] + values[:, 2:]], dim=1)


def drawn(segmentation: Any, height: int, width: int) -> Rle:
    """As COCO's program draws it; ours fills polygons by pixel centres, which is another rule."""
    if isinstance(segmentation, list):
        parts = masks.frPyObjects(segmentation, height, width)
        return dict(masks.merge(parts))
    return segmentation if isinstance(segmentation["counts"], str | bytes) else dict(segmentation)


def read(truth_file: Path, found_file: Path) -> tuple[list[ImageTruth], list[ImageDetections], tuple[str, ...]]:
    """Images and categories in the order of their numbers, as COCO's program takes them."""
    truth, found = json.loads(truth_file.read_text()), json.loads(found_file.read_text())
    categories = sorted(each["id"] for each in truth["categories"])
    labels = {number: place for place, number in enumerate(categories, start=1)}
    truths, detections = [], []
    for image in sorted(truth["images"], key=lambda each: each["id"]):
        here = [each for each in truth["annotations"] if each["image_id"] == image["id"]]
        size = image["height"], image["width"]
        truths.append(
            ImageTruth(
                corners([each["bbox"] for each in here]),
                torch.tensor([labels[each["category_id"]] for each in here], dtype=torch.int64),
                torch.tensor([bool(each["iscrowd"]) for each in here], dtype=torch.bool),
                [drawn(each["segmentation"], *size) for each in here],
                torch.tensor([each["area"] for each in here], dtype=torch.float64),
            )
        )
        mine = [each for each in found if each["image_id"] == image["id"]]
        detections.append(
            ImageDetections(
                corners([each.get("bbox", [0, 0, 1, 1]) for each in mine]),
                torch.tensor([each["score"] for each in mine], dtype=torch.float64),
                torch.tensor([labels[each["category_id"]] for each in mine], dtype=torch.int64),
                [drawn(each["segmentation"], *size) for each in mine if "segmentation" in each],
            )
        )
    return truths, detections, ("background", *map(str, categories))


def scores_of(folder: Path, kind: Kind) -> DetectionScores:
    name = {"boxes": "bbox", "masks": "segm"}[kind]
    files = folder / "instances_val2014_100.json", folder / f"instances_val2014_fake{name}100_results.json"
    truths, found, classes = read(*files)
    return coco_scores(truths, found, classes, kind)


@pytest.mark.data
@pytest.mark.parametrize("kind", ["boxes", "masks"])
def test_the_twelve_numbers_are_cocos(real_data: Path, kind: Kind) -> None:
    scores = scores_of(real_data / "coco_eval_fixture", kind)
    deviation = np.abs(np.array(scores.coco) - np.array(OFFICIAL[kind])).max()
    assert deviation <= 1e-12


@pytest.mark.data
def test_the_small_example_has_no_small_objects(real_data: Path) -> None:
    folder = real_data / "coco_eval_fixture"
    truths, found, classes = read(folder / "small_gt_dataset.json", folder / "small_dt_dataset.json")
    for kind, medium in (("boxes", 0.792), ("masks", 0.737)):
        scores = coco_scores(truths, found, classes, kind)
        assert [round(scores.ap_at(iou), 3) for iou in (0.5, 0.75, 0.95)] == [0.695] * 3
        sizes = scores.ap_by_size
        assert np.isnan(sizes["small"]), "COCO writes -1"
        # For masks COCO's program has 0.792 too: where a result file holds boxes as well, it takes their areas.
        assert (round(sizes["medium"], 3), sizes["large"]) == (medium, 0)


@pytest.mark.data
def test_unit_weights_give_the_same_number_and_doubled_images_theirs(real_data: Path) -> None:
    scores = scores_of(real_data / "coco_eval_fixture", "boxes")
    draws = np.stack([np.ones(100), 2 * np.ones(100)])
    once, twice = scores.resampled_ap(draws).tolist()
    assert once == scores.ap
    assert abs(twice - scores.ap) <= 1e-12, "COCO's guard against 0/0 is half as large beside doubled counts"
    assert class_ap(scores.table).shape == (1, 10, 80)


@pytest.mark.data
def test_the_order_of_the_detections_does_not_matter_where_scores_differ(real_data: Path) -> None:
    folder = real_data / "coco_eval_fixture"
    truths, found, classes = read(
        folder / "instances_val2014_100.json", folder / "instances_val2014_fakebbox100_results.json"
    )
    distinct = [replace_scores(each, number) for number, each in enumerate(found)]
    turned = [ImageDetections(each.boxes.flip(0), each.scores.flip(0), each.labels.flip(0), None) for each in distinct]
    before, after = (class_ap(match_objects(truths, each, len(classes) - 1)) for each in (distinct, turned))
    assert np.array_equal(before, after, equal_nan=True)


def replace_scores(found: ImageDetections, image: int) -> ImageDetections:
    generator = torch.Generator().manual_seed(image)
    scores = torch.rand(len(found.labels), generator=generator, dtype=torch.float64)
    return ImageDetections(found.boxes, scores, found.labels, None)

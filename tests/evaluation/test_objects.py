"""Object scores through the whole evaluation: counted by hand, beside their floor, and absent where not asked for."""

import csv
import dataclasses
import json
import math
from pathlib import Path

import pytest
import torch

from pixelwise.data.classes import ClassTable
from pixelwise.data.folder import open_folder
from pixelwise.data.formats.masks import read_label_map, write_label_map
from pixelwise.evaluation import Scores, evaluate
from pixelwise.evaluation.object_counts import count_objects
from pixelwise.evaluation.object_scores import ObjectScores
from pixelwise.evaluation.segmentation import score_images
from pixelwise.inference import Predictor, Segmenter
from pixelwise.inference.instances import components, separate
from pixelwise.results import Segmentation
from references.instances import matches_by_hand
from references.nuclei_folder import NUCLEI, border_predictor, put_nuclei

pytest.importorskip("skimage")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return put_nuclei(tmp_path_factory.mktemp("nuclei") / "data", count=4)


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    return border_predictor(tmp_path_factory.mktemp("predictor"))[0]


@pytest.fixture(scope="module")
def scores(predictor: Predictor, data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Scores, Path]:
    out = tmp_path_factory.mktemp("report")
    return evaluate(predictor, data, out=out), out


def test_counts_equal_matches_by_hand(scores: tuple[Scores, Path], predictor: Predictor, data: Path) -> None:
    ways = {"separated": separate, "components": components}
    for image, item in zip(scores[0].images, open_folder(data).items, strict=True):
        assert item.labels is not None
        truth = torch.from_numpy(read_label_map(item.labels).astype("int32"))
        predicted = predictor.predict(item.image, probabilities=True)
        assert image.objects is not None
        for name, way in ways.items():
            found = way(predicted, ["nucleus"], "touching").labels
            assert getattr(image.objects, name).tolist() == matches_by_hand(found, truth)


def test_a_segmenter_that_knows_the_truth_beats_its_floor(scores: tuple[Scores, Path]) -> None:
    objects, floor = scores[0].objects, scores[0].components
    assert objects is not None
    assert floor is not None
    assert objects.average_precision > 0.95
    assert 0 < floor.average_precision < 0.9
    assert objects.matches[0.5][0] > floor.matches[0.5][0]


def test_the_files_hold_the_scores(scores: tuple[Scores, Path]) -> None:
    found, out = scores
    assert found.objects is not None
    stored = json.loads((out / "scores.json").read_text())
    assert stored == found.to_json()
    assert stored["objects"]["average_precision"] == found.objects.average_precision
    assert set(stored["objects"]["at"]["0.75"]) == {"average_precision", "pooled", "tp", "fp", "fn"}
    with (out / "images.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["object_ap"] == ""  # no object and none found: nothing to measure
    each = [float(row["object_ap"]) for row in rows[1:]]
    assert sum(each) / len(each) == pytest.approx(found.objects.average_precision, abs=1e-6)
    page = (out / "report.html").read_text()
    for text in ("Objects by IoU threshold", "AP of connected components", "2018 Data Science Bowl", "0.95"):
        assert text in page


def test_means_and_pools_differ_and_nothing_is_no_number() -> None:
    few, many = torch.tensor([[1, 0, 0]] * 10), torch.tensor([[2, 3, 3]] * 10)
    found = ObjectScores(torch.stack([few, many, torch.zeros_like(few)]))
    assert found.average_precision == pytest.approx((1 + 0.25) / 2)
    assert found.precision[0.5] == pytest.approx(0.625)
    assert found.pooled[0.95] == pytest.approx(3 / 9)
    assert found.matches[0.5] == (3, 3, 3)
    nothing = ObjectScores(torch.zeros(1, 10, 3, dtype=torch.int64))
    assert math.isnan(nothing.average_precision)
    assert nothing.to_json()["average_precision"] is None


def test_objects_match_within_their_class_and_not_where_the_truth_is_ignored() -> None:
    table = ClassTable(("rest", "cell", "blood", "edge"), ((0, 0), (1, 99), (100, 199)), ignore=(255,), border=True)
    stored = torch.zeros(12, 30, dtype=torch.uint8)
    stored[2:8, 2:8], stored[2:8, 12:18], stored[2:8, 22:28] = 5, 150, 255
    planes = torch.zeros(4, 12, 30)
    planes[0] = 1
    for left, kind in ((2, 1), (12, 1), (22, 2)):  # the second is blood, the third lies under "ignore"
        planes[:, 2:8, left : left + 6] = 0
        planes[kind, 2:8, left : left + 6] = 1
    predicted = Segmentation(planes.argmax(0), table.names, planes)
    counts = count_objects(predicted, stored.numpy(), table, "a.png")
    assert counts.separated.tolist() == counts.components.tolist() == [[1, 1, 1]] * 10


def test_classes_without_border_have_no_object_scores(predictor: Predictor, data: Path, tmp_path: Path) -> None:
    items = open_folder(data).items
    asked = score_images(predictor, items, NUCLEI, "all")
    assert asked.objects is None
    assert asked.components is None
    for item in items:
        assert item.labels is not None
        write_label_map(tmp_path / "data" / "labels" / item.labels.name, NUCLEI.encode(read_label_map(item.labels), ""))
    (tmp_path / "data" / "images").symlink_to(data / "images")
    plain = ClassTable(NUCLEI.names, ((0, 0), (1, 1), (2, 2)))
    other = Segmenter(predictor.model, dataclasses.replace(predictor.record, classes=plain))
    found = evaluate(other, tmp_path / "data", out=tmp_path / "report")
    assert torch.equal(found.confusion, asked.confusion)
    assert found.objects is None
    assert "objects" not in found.to_json()
    assert (tmp_path / "report" / "images.csv").read_text().startswith("file,mean_iou,pixel_accuracy\n")
    assert "Objects by" not in (tmp_path / "report" / "report.html").read_text()

"""Evaluating a detector on a folder: scores from what it predicts, the grid beside them, and the files."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from pixelwise.data.detection.folder import open_detection
from pixelwise.errors import InputError
from pixelwise.evaluation import evaluate
from pixelwise.evaluation.detection import DetectionEvaluation
from pixelwise.evaluation.grid_baseline import grid_detections
from pixelwise.evaluation.match_file import read_matches
from pixelwise.inference import Detector, load
from pixelwise.inference.object_facts import ObjectFacts
from pixelwise.metrics.detection import coco_scores
from pixelwise.ops import box_area


@pytest.fixture(scope="module")
def detector(detection_run: Path) -> Detector:
    found = load(detection_run)
    assert isinstance(found, Detector)
    return found


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("report") / "out"


@pytest.fixture(scope="module")
def evaluation(detector: Detector, pasture_folder: Path, report: Path) -> DetectionEvaluation:
    found = evaluate(detector, pasture_folder, out=report)
    assert isinstance(found, DetectionEvaluation)
    return found


def test_scores_are_those_of_the_predictions(
    detector: Detector, pasture_folder: Path, evaluation: DetectionEvaluation
) -> None:
    items = open_detection(pasture_folder).only("test").items
    truths, found = [item.objects for item in items], [detector.predict(item.image) for item in items]
    for kind, scores in (("boxes", evaluation.boxes), ("masks", evaluation.masks)):
        assert scores is not None
        expected = coco_scores(truths, found, detector.classes, kind)
        assert torch.allclose(torch.tensor(scores.coco), torch.tensor(expected.coco), equal_nan=True)
    assert evaluation.summary().startswith("boxes: AP50 0.")
    assert "masks: AP50 0." in evaluation.summary()


def test_the_report_and_its_tables_are_there(report: Path, evaluation: DetectionEvaluation) -> None:
    page = (report / "report.html").read_text()
    for words in ("COCO protocol on boxes, 6 images", "COCO protocol on masks", "A grid of equal boxes", "baseline"):
        assert words in page
    scores = json.loads((report / "scores.json").read_text())
    assert list(scores) == ["boxes", "masks", "baseline"]
    assert scores["boxes"]["images"] == 6
    rows = list(csv.DictReader((report / "images.csv").read_text().splitlines()))
    assert len(rows) == 6
    assert all(int(row["right"]) + int(row["missed"]) == int(row["objects"]) for row in rows)
    found = json.loads((report / "detections.json").read_text())
    assert len(found) == sum(len(detections) for _, _, detections in evaluation.judged)
    assert {"image_id", "category_id", "bbox", "score", "segmentation"} == set(found[0])


def test_matches_come_back_for_whoever_draws_images_anew(
    report: Path, evaluation: DetectionEvaluation, tmp_path: Path
) -> None:
    weights = np.random.default_rng(0).integers(0, 3, (20, 6)).astype(np.float64)
    for name, scores in (("boxes", evaluation.boxes), ("masks", evaluation.masks)):
        assert scores is not None
        names, again = read_matches(report / f"matches_{name}.npz")
        assert names == [name for name, _, _ in evaluation.judged]
        assert (again.kind, again.classes) == (name, scores.classes)
        assert np.array_equal(again.resampled_ap(weights), scores.resampled_ap(weights), equal_nan=True)
        assert again.to_json() == scores.to_json()
    (tmp_path / "cut.npz").write_bytes((report / "matches_boxes.npz").read_bytes()[:300])
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    np.savez(tmp_path / "pickled.npz", images=np.array([{}], dtype=object))
    for path in ("cut.npz", "other.npz", "pickled.npz", "missing.npz"):
        with pytest.raises(InputError, match=r"wanted matches of an evaluation in .*\nhint: write it with"):
            read_matches(tmp_path / path)


def test_other_splits_and_places_are_refused_by_name(
    detector: Detector, pasture_folder: Path, detection_run: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"wanted a split of .*: train, val, test, got 'tests'"):
        evaluate(detector, pasture_folder, "tests")
    with pytest.raises(InputError, match="wanted a folder of its own for the report"):
        evaluate(detector, pasture_folder, out=detection_run)
    with pytest.raises(InputError, match="wanted a folder with images and boxes"):
        evaluate(detector, tmp_path)


def test_the_grid_covers_the_image_with_equal_boxes() -> None:
    facts = ObjectFacts(("background", "cow", "camel"), (1, 2), (3, 9), (20.0, 30.0))
    found = grid_detections((50, 100), facts)
    assert found.labels.unique().tolist() == [2]
    assert box_area(found.boxes).sum() == 50 * 100
    assert found.boxes[0].tolist() == [0, 0, 30, 20]
    assert found.boxes[-1].tolist() == [90, 40, 100, 50]
    assert len(grid_detections((500, 500), ObjectFacts(facts.classes, (1, 2), (1, 0), (2.0, 2.0)))) == 100
    assert len(grid_detections((1, 1), facts)) == 1

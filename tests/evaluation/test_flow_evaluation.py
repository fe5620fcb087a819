"""A flow run judged on a folder: its own arithmetic repeated, the files it leaves, and what is refused."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import torch

import pixelwise as pw
from pixelwise.data.flow import open_flow, read_pair
from pixelwise.errors import InputError
from pixelwise.evaluation import FlowScores
from pixelwise.evaluation.flow_scores import CLASSICAL, LEARNED, STILL
from pixelwise.inference.flow_estimator import FlowEstimator, build_flow_model
from pixelwise.inference.run_record import RunRecord
from pixelwise.metrics import flow_scores
from pixelwise.models.flow.classical import dis_installed
from pixelwise.models.normalise import IMAGENET_MEAN, IMAGENET_STD

RECORD = RunRecord("flow", "flownet_s", {"width": 2}, None, IMAGENET_MEAN, IMAGENET_STD, {}, {"name": "x"})


@pytest.fixture(scope="module")
def estimator() -> FlowEstimator:
    torch.manual_seed(0)
    return FlowEstimator(build_flow_model(RECORD), RECORD)


@pytest.fixture(scope="module")
def scores(estimator: FlowEstimator, pasture_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> FlowScores:
    found = pw.evaluate(estimator, pasture_folder, out=tmp_path_factory.mktemp("flow") / "report")
    assert isinstance(found, FlowScores)
    return found


def test_errors_are_those_of_the_answers(scores: FlowScores, estimator: FlowEstimator, pasture_folder: Path) -> None:
    assert scores.split == "test"
    pairs = [read_pair(item) for item in open_flow(pasture_folder).only("test").items]
    errors = torch.stack([(estimator.predict(p.image, p.second).vectors - p.flow).norm(dim=0).double() for p in pairs])
    lengths = torch.stack([pair.flow.norm(dim=0).double() for pair in pairs])
    occluded = torch.stack([pair.occluded for pair in pairs])
    assert scores.epe == pytest.approx(float(errors.mean()), rel=1e-5)
    assert scores.epe_of_no_motion == pytest.approx(float(lengths.mean()), rel=1e-5)
    assert scores.by_group(LEARNED)["occluded"] == pytest.approx(float(errors[occluded].mean()), rel=1e-5)
    assert scores.by_group(STILL)["0-10"] == pytest.approx(float(lengths[lengths < 10].mean()), rel=1e-5)


def test_the_worst_pair_comes_first(scores: FlowScores) -> None:
    errors = [error for error, _ in scores.worst(100)]
    assert len(errors) == 6
    assert errors == sorted(errors, reverse=True)


def test_report_scores_and_table_agree(estimator: FlowEstimator, pasture_folder: Path, tmp_path: Path) -> None:
    scores = pw.evaluate(estimator, pasture_folder, split="val", out=tmp_path / "report")
    assert isinstance(scores, FlowScores)
    written = json.loads((tmp_path / "report" / "scores.json").read_text())
    assert written["split"] == "val"
    assert set(written["methods"]) == {LEARNED, STILL} | ({CLASSICAL} if dis_installed() else set())
    assert written["methods"][LEARNED]["epe_pooled"] == pytest.approx(scores.epe)
    with (tmp_path / "report" / "images.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if (row["method"], row["pixels_of"]) == (LEARNED, "all")]
    assert len(rows) == len(scores.images)
    mean = sum(float(row["epe"]) for row in rows) / len(rows)
    assert mean == pytest.approx(scores.named()["epe_per_image"], abs=1e-5)
    page = (tmp_path / "report" / "report.html").read_text()
    for words in ("no motion", "below 10 px", "left unexplained", "occluded", "Angular"):
        assert words in page


def test_pairs_without_truth_are_refused(estimator: FlowEstimator, pasture_folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "sintel" / "test" / "clean" / "scene"
    data.mkdir(parents=True)
    for number in (1, 2):
        shutil.copy(pasture_folder / "images" / "000000.png", data / f"frame_000{number}.png")
    with pytest.raises(InputError, match="pairs of split test with their flow, got none in"):
        pw.evaluate(estimator, tmp_path / "sintel")


def test_an_unknown_split_is_refused(estimator: FlowEstimator, pasture_folder: Path) -> None:
    with pytest.raises(InputError, match="splits train, val, test, got 'night'"):
        pw.evaluate(estimator, pasture_folder, split="night")


@pytest.mark.data
def test_floors_of_real_pairs_are_those_measured_elsewhere(estimator: FlowEstimator, real_data: Path) -> None:
    # ../shared/data/middlebury_flow/README.md: no motion, and DIS medium of OpenCV 5.0.
    scores = pw.evaluate(estimator, real_data / "middlebury_flow")
    assert isinstance(scores, FlowScores)
    expected = {
        "Grove2": (3.090, 0.319),
        "RubberWhale": (1.256, 0.225),
        "Urban2": (8.393, 0.645),
        "Venus": (3.802, 0.384),
    }
    for image in scores.images:
        still, classical = expected[image.name]
        assert float(flow_scores(image.sums[STILL])[0, 0]) == pytest.approx(still, abs=0.001)
        if CLASSICAL in image.sums:
            assert float(flow_scores(image.sums[CLASSICAL])[0, 0]) == pytest.approx(classical, abs=0.02)

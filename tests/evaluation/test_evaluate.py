"""Scores equal a count by hand; the report holds them and nothing foreign."""

import csv
import dataclasses
import json
import math
import shutil
from pathlib import Path

import pytest
import torch

from pixelwise.data.classes import ClassTable
from pixelwise.data.folder import SegmentationFolder, open_folder
from pixelwise.data.formats.masks import read_label_map, write_label_map
from pixelwise.errors import InputError
from pixelwise.evaluation import Scores, evaluate
from pixelwise.evaluation.asked import chosen_split
from pixelwise.evaluation.statistics import ImageStatistics
from pixelwise.inference import Predictor, Segmenter, load
from references.segmentation_metrics import boundary_counts_by_hand, confusion_by_hand


@pytest.fixture(scope="module")
def predictor(trained_run: Path) -> Predictor:
    return load(trained_run)


@pytest.fixture(scope="module")
def scores(predictor: Predictor, pasture_folder: Path) -> Scores:
    return evaluate(predictor, pasture_folder)


def test_scores_equal_a_count_by_hand(scores: Scores, predictor: Predictor, pasture_folder: Path) -> None:
    items = open_folder(pasture_folder).only("test").items
    assert [image.name for image in scores.images] == [item.name for item in items]
    total = torch.zeros(5, 5, dtype=torch.int64)
    near = torch.zeros(5, 4, dtype=torch.int64)
    for item in items:
        assert item.labels is not None
        truth = torch.from_numpy(read_label_map(item.labels))
        prediction = predictor.predict(item.image).labels
        total += confusion_by_hand(prediction, truth, 5)
        near += boundary_counts_by_hand(prediction, truth, 5, tolerance=2)
    assert torch.equal(scores.confusion, total)
    for index, name in enumerate(scores.classes):
        hit, true, said = (float(each) for each in (total[index, index], total[index].sum(), total[:, index].sum()))
        if true + said:
            assert scores.iou[name] == pytest.approx(hit / (true + said - hit))
            assert scores.dice[name] == pytest.approx(2 * hit / (true + said))
        if true:
            assert scores.recall[name] == pytest.approx(hit / true)
        found, predicted, met, there = near[index].double().tolist()
        if predicted and there and found + met:
            precision, recall = found / predicted, met / there
            expected = 2 * precision * recall / (precision + recall)
            assert scores.boundary_f1(2)[name] == pytest.approx(expected)
    assert scores.pixel_accuracy == pytest.approx(float(total.diagonal().sum() / total.sum()))


def test_the_guess_is_the_most_frequent_class_of_training(scores: Scores, pasture_folder: Path) -> None:
    assert scores.classes[scores.majority] == "background"
    background = int(scores.confusion.sum(1)[0])
    everything = int(scores.confusion.sum())
    assert scores.majority_pixel_accuracy == pytest.approx(background / everything)
    present = sum(count > 0 for count in scores.confusion.sum(1).tolist())
    assert scores.majority_mean_iou == pytest.approx(background / everything / present)


def of_counts(*confusions: list[list[int]], majority: int = 0) -> Scores:
    none = torch.zeros(3, 2, 4, dtype=torch.int64)
    images = [ImageStatistics(f"{index}.png", {}, torch.tensor(each), none) for index, each in enumerate(confusions)]
    return Scores(("ground", "sky"), tuple(images), "test", majority)


def test_what_was_not_measured_is_no_number() -> None:
    found = of_counts([[4, 0], [0, 0]])
    assert found.iou["ground"] == 1
    assert math.isnan(found.iou["sky"])
    assert found.mean_iou == 1
    assert found.to_json()["iou"] == {"ground": 1.0, "sky": None}
    assert found.to_json()["boundary_f1"]["1"] == {"ground": None, "sky": None}
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["majority"]["class"] == "ground"


def test_the_worst_images_come_worst_first() -> None:
    found = of_counts([[4, 0], [0, 4]], [[0, 4], [4, 0]], [[0, 0], [0, 0]], [[2, 2], [2, 2]])
    assert [image.name for _, image in found.worst(3)] == ["1.png", "3.png", "0.png"]
    assert [round(mean, 3) for mean, _ in found.worst(2)] == [0, 0.333]


def test_the_default_split_is_test_then_val_then_everything(pasture_folder: Path) -> None:
    folder = open_folder(pasture_folder)
    assert chosen_split(folder.splits) == "test"
    for splits, expected in ((("train", "val"), "val"), (("train",), "all")):
        items = tuple(item for item in folder.items if item.split in splits)
        assert chosen_split(SegmentationFolder(folder.root, items, folder.classes).splits) == expected


def test_all_and_named_splits_are_taken(predictor: Predictor, pasture_folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    found = evaluate(predictor, pasture_folder, "all", progress=lambda done, total: seen.append((done, total)))
    assert len(found.images) == 40
    assert seen[-1] == (40, 40)
    with pytest.raises(InputError, match=r"wanted a split of .*: train, val, test, got 'tests'"):
        evaluate(predictor, pasture_folder, "tests")


def test_the_runs_own_classes_read_the_folder(predictor: Predictor, pasture_folder: Path, tmp_path: Path) -> None:
    data = shutil.copytree(pasture_folder, tmp_path / "data")
    (data / "classes.txt").write_text("everything\nnothing\n")
    assert torch.equal(evaluate(predictor, data).confusion, evaluate(predictor, pasture_folder).confusion)
    label = open_folder(data, predictor.record.classes).only("test").items[0].labels
    assert label is not None
    values = read_label_map(label).copy()
    values[0, 0] = 77
    write_label_map(label, values)
    with pytest.raises(InputError, match=r"label values of the classes 0 background.*77 in 1 pixels"):
        evaluate(predictor, data)


def test_bad_pairs_are_named(predictor: Predictor, pasture_folder: Path, tmp_path: Path) -> None:
    data = shutil.copytree(pasture_folder, tmp_path / "data")
    item = open_folder(data).only("test").items[0]
    assert item.labels is not None
    write_label_map(item.labels, read_label_map(item.labels)[:-1])
    with pytest.raises(InputError, match=r"wanted a label map of 64x64 for .*, got 63x64 in .*\nhint: run `pixelwise"):
        evaluate(predictor, data)
    item.labels.unlink()
    with pytest.raises(InputError, match="hint:"):
        evaluate(predictor, data)


def test_the_report_is_complete_in_itself(trained_run: Path, pasture_folder: Path, tmp_path: Path) -> None:
    found = evaluate(trained_run, pasture_folder, out=tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text()
    assert "<script" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    for text in ("boundary F1 at 2 px", "Confusion matrix", "The worst images", f"{found.mean_iou:.3f}", "Mean IoU:"):
        assert text in page
    assert json.loads((tmp_path / "report" / "scores.json").read_text()) == found.to_json()
    with (tmp_path / "report" / "images.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(found.images)
    assert {"file", "mean_iou", "pixel_accuracy", "background", "caption"} <= set(rows[0])
    assert 0 <= float(rows[0]["pixel_accuracy"]) <= 1


def test_hostile_class_names_stay_text(trained_run: Path, pasture_folder: Path, tmp_path: Path) -> None:
    loaded = load(trained_run)
    hostile = '<script>alert("x")</script>'
    table = loaded.record.classes
    names = (hostile, *table.names[1:])
    record = dataclasses.replace(loaded.record, classes=ClassTable(names, table.values, table.ignore))
    evaluate(Segmenter(loaded.model, record), pasture_folder, out=tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_reports_have_a_folder_of_their_own(trained_run: Path, pasture_folder: Path, tmp_path: Path) -> None:
    before = (trained_run / "report.html").read_bytes()
    with pytest.raises(InputError, match=r"got the run folder .* which has a report already"):
        evaluate(trained_run, pasture_folder, out=trained_run)
    assert (trained_run / "report.html").read_bytes() == before
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="wanted a folder for the report, got the file"):
        evaluate(trained_run, pasture_folder, out=tmp_path / "file")


def test_an_image_without_counted_pixels_has_empty_scores(
    predictor: Predictor, pasture_folder: Path, tmp_path: Path
) -> None:
    data = shutil.copytree(pasture_folder, tmp_path / "data")
    item = open_folder(data).only("test").items[0]
    assert item.labels is not None
    write_label_map(item.labels, read_label_map(item.labels) * 0 + 255)
    evaluate(predictor, data, out=tmp_path / "report")
    with (tmp_path / "report" / "images.csv").open(newline="") as file:
        first = next(csv.DictReader(file))
    assert (first["file"], first["mean_iou"], first["pixel_accuracy"]) == (item.name, "", "")

"""A flow network trained from a folder: what the run folder holds, how it goes on, and what is refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from pixelwise.data.flow import open_flow
from pixelwise.errors import InputError
from pixelwise.evaluation import FlowScores
from pixelwise.inference import FlowEstimator, load
from pixelwise.training import train
from pixelwise.training.flow.pairs import PairCrops, WholePairs, collate_pairs
from pixelwise.training.flow.recipe import augmentation_of
from pixelwise.training.flow.settings import FlowSettings, flow_settings_from
from pixelwise.training.metrics_file import read_rows
from pixelwise.training.optimisers import SCHEDULES

SETTINGS: dict[str, Any] = {
    "model": "flownet_s",
    "model_settings": {"width": 2},
    "crop_height": 64,
    "crop_width": 64,
    "epochs": 2,
    "batch_size": 28,
    "learning_rate": 1e-3,
}
"""One step an epoch on the 28 training scenes; ema and strong augmentation draw and keep state of their own."""


@pytest.fixture(scope="module")
def run(pasture_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flow") / "run"
    done = train("flow", pasture_folder, out=folder, **SETTINGS, augment="strong", ema=0.9, keep="last")
    assert isinstance(done.scores, FlowScores)
    return folder


def test_the_run_folder_is_complete(run: Path) -> None:
    record = json.loads((run / "run.json").read_text())
    assert (record["task"], record["model"], record["finished"]) == ("flow", "flownet_s", True)
    assert record["settings"]["reduction"] == "sum"
    assert "classes" not in record
    assert "End-point error" in (run / "report.html").read_text()
    assert len(list((run / "checkpoints").glob("epoch-*"))) == 2


def test_every_epoch_is_judged_beside_no_motion(run: Path, pasture_folder: Path) -> None:
    rows = read_rows(run / "metrics.csv")
    assert [row["epoch"] for row in rows] == [1, 2]
    pairs = list(WholePairs(open_flow(pasture_folder).only("val").items))
    lengths = torch.stack([pair.flow.norm(dim=0) for pair in pairs])
    for row in rows:
        assert row["val_epe_of_no_motion"] == pytest.approx(float(lengths.mean()), rel=1e-5)
        assert row["val_epe"] > 0


def test_the_loaded_run_predicts_as_its_validation_says(run: Path, pasture_folder: Path) -> None:
    predictor = load(run)
    assert isinstance(predictor, FlowEstimator)
    errors = []
    for pair in WholePairs(open_flow(pasture_folder).only("val").items):
        flow = predictor.predict(pair.first, pair.second).vectors
        errors.append((flow - pair.flow).norm(dim=0).mean())
    assert float(torch.stack(errors).mean()) == pytest.approx(read_rows(run / "metrics.csv")[-1]["val_epe"], rel=1e-4)


def test_a_run_that_was_stopped_comes_out_as_one_that_was_not(run: Path, pasture_folder: Path, tmp_path: Path) -> None:
    stopped = shutil.copytree(run, tmp_path / "run")
    for name in ("model.safetensors", "report.html", "checkpoints/epoch-00001.ckpt"):
        (stopped / name).unlink()
    record = (stopped / "run.json").read_text()
    (stopped / "run.json").write_text(record.replace('"finished": true', '"finished": false'))
    train("flow", pasture_folder, out=stopped, resume=True)
    ours, theirs = (load_file(folder / "model.safetensors") for folder in (stopped, run))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    seconds = [{**row, "seconds": 0.0} for folder in (stopped, run) for row in read_rows(folder / "metrics.csv")]
    assert seconds[:2] == seconds[2:]


def test_crops_differ_between_epochs_and_repeat_with_the_seed(pasture_folder: Path) -> None:
    settings = FlowSettings(**SETTINGS, augment="strong")
    crops = PairCrops(WholePairs(open_flow(pasture_folder).items), augmentation_of(settings), seed=5)
    first, again, later = crops[0, 3], crops[0, 3], crops[1, 3]
    assert torch.equal(first.first, again.first) and torch.equal(first.flow, again.flow)
    assert not torch.equal(first.first, later.first)
    assert not torch.equal(first.flow, later.flow)


def test_without_a_val_split_a_share_is_held_out(pasture_folder: Path, tmp_path: Path) -> None:
    splits = tmp_path / "splits.csv"
    names = [item.image.name for item in open_flow(pasture_folder).items]
    splits.write_text("file,split\n" + "".join(f"{name},train\n" for name in names))
    settings = SETTINGS | {"epochs": 1, "batch_size": 30}
    done = train("flow", pasture_folder, out=tmp_path / "run", splits=splits, holdout=0.1, **settings)
    assert isinstance(done.scores, FlowScores)
    assert len(done.scores.images) == 4


def test_validation_on_nothing_trains_all_the_same(pasture_folder: Path, tmp_path: Path) -> None:
    splits = tmp_path / "splits.csv"
    names = [item.image.name for item in open_flow(pasture_folder).items]
    splits.write_text("file,split\n" + "".join(f"{name},train\n" for name in names))
    settings = SETTINGS | {"epochs": 1, "batch_size": 40}
    done = train("flow", pasture_folder, out=tmp_path / "run", splits=splits, holdout=0.0, **settings)
    assert done.scores is None
    assert "No pair was held out" in (tmp_path / "run" / "report.html").read_text()


def test_a_published_start_is_taken_from_a_run(run: Path, pasture_folder: Path, tmp_path: Path) -> None:
    settings = SETTINGS | {"epochs": 1, "learning_rate": 1e-12}
    train("flow", pasture_folder, out=tmp_path / "run", weights=str(run), **settings)
    ours, theirs = (load_file(folder / "model.safetensors") for folder in (tmp_path / "run", run))
    for name, weight in theirs.items():
        torch.testing.assert_close(ours[name], weight, rtol=1e-5, atol=1e-8)
    assert "starting_weights.txt" in {path.name for path in (tmp_path / "run").iterdir()}


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"model": "flownet"}, r"a model of the catalog \(flownet_s, flownet_c\), got 'flownet'"),
        ({"model_settings": {"depth": 3}}, r"settings of flownet_s \(width\), got depth"),
        ({"model_settings": {"width": 3}}, "an even width of at least 2, got 3"),
        ({"crop_height": 4}, "crop_height from 8 to 8192, got 4"),
        ({"turns": True}, "settings among model, .*, got turns"),
    ],
)
def test_wrong_settings_are_named(pasture_folder: Path, tmp_path: Path, given: dict[str, Any], text: str) -> None:
    with pytest.raises(InputError, match=text):
        train("flow", pasture_folder, out=tmp_path / "run", **(SETTINGS | given))
    assert not (tmp_path / "run").exists()


@pytest.mark.compile
def test_choices_are_named() -> None:
    with pytest.raises(InputError, match="reduction to be one of sum, mean, got 'median'"):
        flow_settings_from({"reduction": "median"})


def test_classes_and_folders_without_pairs_are_refused(pasture_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no classes for flow"):
        train("flow", pasture_folder, out=tmp_path / "run", classes=pasture_folder / "classes.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="a folder with pairs of images and flow"):
        train("flow", tmp_path / "empty", out=tmp_path / "run")
    splits = tmp_path / "splits.csv"
    names = [item.image.name for item in open_flow(pasture_folder).items]
    splits.write_text("file,split\n" + "".join(f"{name},test\n" for name in names))
    with pytest.raises(InputError, match=r"pairs of split train with their flow .*, got none among 40 pairs of splits"):
        train("flow", pasture_folder, out=tmp_path / "run", splits=splits)
    assert not (tmp_path / "run").exists()


def test_a_broken_file_is_named_before_a_folder_is_made(pasture_folder: Path, tmp_path: Path) -> None:
    data = shutil.copytree(pasture_folder, tmp_path / "data")
    training = open_flow(data).only("train").items[0]
    assert training.flow is not None
    training.flow.write_bytes(training.flow.read_bytes()[:-8])
    with pytest.raises(InputError, match=rf"without fatal faults at .*{training.flow.name}.*\nhint: see all of them"):
        train("flow", data, out=tmp_path / "run", **SETTINGS)
    assert not (tmp_path / "run").exists()


def test_a_file_that_breaks_during_training_stops_it_with_its_name(pasture_folder: Path, tmp_path: Path) -> None:
    data = shutil.copytree(pasture_folder, tmp_path / "data")
    items = open_flow(data).items
    crops = PairCrops(WholePairs(items), augmentation_of(FlowSettings(**SETTINGS)), seed=0)
    assert items[0].flow is not None
    items[0].flow.unlink()
    found = collate_pairs([crops[0, 1], crops[0, 0]])
    assert isinstance(found, InputError)
    assert items[0].flow.name in str(found)


def test_the_rate_is_halved_as_published() -> None:
    rate = SCHEDULES["halvings"]
    steps = {0: 1, 299: 1, 300: 0.5, 399: 0.5, 400: 0.25, 500: 0.125, 600: 0.125}
    assert {step: rate(step / 600) for step in steps} == steps

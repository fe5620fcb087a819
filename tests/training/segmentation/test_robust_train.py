"""Training over groups through `pixelwise.train`: what is refused, written and continued."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from pixelwise.cli.main import run as pixelwise
from pixelwise.errors import InputError
from pixelwise.training import Listener, train
from pixelwise.training.checkpoints import read_checkpoint
from pixelwise.training.metrics_file import read_rows
from pixelwise.training.segmentation.selection import selection_rule
from pixelwise.training.segmentation.shortcut_report import kept_row
from pixelwise.training.segmentation.task import SegmentationTask

Settings = dict[str, Any]
WORST = "val_worst_group_iou"


def stop(row: dict[str, float]) -> None:
    if row["epoch"] == 1:
        raise KeyboardInterrupt


def grouped(tiny: Settings, robust: str, **settings: Any) -> Settings:
    return tiny | {"epochs": 2, "robust": robust, "groups": "light"} | settings


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"robust": "irm"}, 'wanted groups for the robust training irm, got none\nhint: pass groups = "light"'),
        ({"groups": "light"}, 'wanted a robust training that uses groups, got robust = "none"\nhint: choose one of gr'),
        ({"robust_weight": 3.0}, "wanted a robust training that uses robust_weight, got robust"),
        ({"robust": "dro", "groups": "light"}, "wanted robust to be one of none, group_dro, vrex, irm, coral"),
        ({"robust": "irm", "groups": "light", "robust_weight": -1.0}, "wanted robust_weight from 0 to 1e"),
        ({"robust": "irm", "groups": "light", "robust_start": 1.0}, "wanted robust_start from 0 to 0.9, got 1"),
        ({"random_backgrounds": 1.5}, "wanted random_backgrounds from 0 to 1, got 1.5"),
        (
            {"robust": "vrex", "groups": "light", "loss": "dice+0.1*cross_entropy_sum"},
            "wanted a loss whose size does not depend on how many crops a group has in a batch, got cross_entropy_sum",
        ),
        ({"robust": "vrex", "groups": "light", "sampling": "balanced"}, "wanted crops drawn evenly by group, got samp"),
        ({"robust": "coral", "groups": "light", "batch_size": 1}, "wanted batches of at least 2 crops for coral"),
        ({"robust": "irm", "groups": "weather"}, r"wanted a column of attributes.csv to group by \(species, .*weather"),
        ({"robust": "irm", "groups": "light*light_strength"}, r"at least 2 training images of each group .* got 1 of"),
        ({"robust": "irm", "groups": "word"}, "at least two groups by word, got 28 of the group none"),
        ({"robust": "coral", "groups": "light", "model": "patch", "model_settings": {}}, "one last convolution, for c"),
    ],
)
def test_what_does_not_go_together_is_refused_before_a_folder_is_made(
    pasture_folder: Path, tmp_path: Path, settings: Settings, text: str
) -> None:
    with pytest.raises(InputError, match=text):
        train("segmentation", pasture_folder, out=tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


def test_attributes_that_are_missing_or_for_nothing_are_refused(
    pasture_folder: Path, tmp_path: Path, tiny: Settings
) -> None:
    data = shutil.copytree(pasture_folder, tmp_path / "data")
    table = (data / "attributes.csv").rename(tmp_path / "elsewhere.csv")
    asked = grouped(tiny, "irm")
    with pytest.raises(InputError, match=r"\(no attributes: there is no attributes.csv\), got 'light'"):
        train("segmentation", data, out=tmp_path / "run", **asked)
    with pytest.raises(InputError, match="wanted groups by the attributes, got attributes alone"):
        train("segmentation", data, out=tmp_path / "run", attributes=table, **tiny)
    with pytest.raises(InputError, match=r"wanted attributes for training over groups, .* got flow"):
        train("flow", data, out=tmp_path / "run", attributes=table)
    lines = table.read_text().splitlines()
    table.write_text("\n".join(line for line in lines if not line.startswith("000001")))
    with pytest.raises(InputError, match=r"a value of light for every image, got none for 000001.png"):
        train("segmentation", data, out=tmp_path / "run", attributes=table, **asked)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("robust", "settings"),
    [
        ("group_dro", {"ema": 0.9, "robust_weight": 1.0, "keep": "last"}),  # the average must not enter the weights
        ("irm", {"robust_start": 0.5, "optimizer": "adam"}),  # the penalty begins with the second epoch
    ],
)
def test_an_interrupted_run_over_groups_continues_bit_by_bit(
    pasture_folder: Path, tmp_path: Path, tiny: Settings, robust: str, settings: Settings
) -> None:
    asked = grouped(tiny, robust, random_backgrounds=0.5, **settings)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train("segmentation", pasture_folder, out=whole, **asked)
    with pytest.raises(KeyboardInterrupt):
        train("segmentation", pasture_folder, out=parts, listener=Listener(epoch=stop), **asked)
    train("segmentation", pasture_folder, out=parts, resume=True)
    assert (whole / "model.safetensors").read_bytes() == (parts / "model.safetensors").read_bytes()
    one, other = (read_checkpoint(run / "checkpoints" / "epoch-00001.ckpt") for run in (whole, parts))
    state = "current_model_state" if "ema" in settings else "state_dict"
    assert one[state].keys() == other[state].keys()
    assert all(torch.equal(value, other[state][name]) for name, value in one[state].items())
    assert ("robust.group_weights" in one[state]) == (robust == "group_dro")
    if robust == "group_dro":
        assert one[state]["robust.group_weights"].sum().item() == pytest.approx(1)
        assert one[state]["robust.group_weights"].std() > 1e-4


def test_run_and_report_say_method_groups_and_which_weights_were_kept(
    pasture_folder: Path, tmp_path: Path, tiny: Settings
) -> None:
    table = shutil.copy(pasture_folder / "attributes.csv", tmp_path / "mine.csv")
    run = tmp_path / "run"
    asked = grouped(tiny, "coral", random_backgrounds=0.5, epochs=2)
    with pytest.raises(KeyboardInterrupt):
        train("segmentation", pasture_folder, out=run, attributes=table, listener=Listener(epoch=stop), **asked)
    (tmp_path / "mine.csv").write_text(_swapped((tmp_path / "mine.csv").read_text()))
    with pytest.raises(InputError, match=r"the groups by light that the run was started with, got others\nhint: rest"):
        train("segmentation", pasture_folder, out=run, resume=True)
    shutil.copy(pasture_folder / "attributes.csv", tmp_path / "mine.csv")
    train("segmentation", pasture_folder, out=run, resume=True)
    record = json.loads((run / "run.json").read_text())
    assert record["settings"]["robust"] == "coral"
    assert sum(record["facts"]["groups"]["training"].values()) == 28
    assert sum(record["facts"]["groups"]["validation"].values()) == 6
    rule = "those of the epoch with the best mean IoU of the worst group on 6 validation images"
    assert record["facts"]["kept"] == rule
    page = re.sub(r"\s+", " ", (run / "report.html").read_text())
    for text in (
        rule,
        "CORAL (Sun and Saenko 2016)",
        "with a weight of 1. Crops were drawn evenly",
        "0.5 of the crops",
    ):
        assert text in page
    assert "training images" in page
    rows = read_rows(run / "metrics.csv")
    best = read_checkpoint(run / "checkpoints" / "best.ckpt")
    assert best["epoch"] + 1 == kept_row(rows, "best")["epoch"]
    assert kept_row(rows, "last") == rows[-1]
    assert all(row[WORST] == min(v for name, v in row.items() if name.startswith("val_group_iou/")) for row in rows)


def _swapped(table: str) -> str:
    """The attributes of two training images, one dark and one not, the other way around."""
    return table.replace("000000", "x").replace("000001", "000000").replace("x", "000001")


def test_the_moments_are_forgotten_once_where_the_penalty_begins(
    pasture_folder: Path, tmp_path: Path, tiny: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[int] = []
    step = SegmentationTask.training_step

    def watched(self: SegmentationTask, batch: Any, number: int) -> torch.Tensor:
        states = self.trainer.optimizers[0].state.values()
        counts.append(max((int(state["step"]) for state in states), default=0))
        return step(self, batch, number)

    monkeypatch.setattr(SegmentationTask, "training_step", watched)
    train("segmentation", pasture_folder, out=tmp_path / "run", **grouped(tiny, "vrex", robust_start=0.4))
    assert counts == [0, 1, 2, 0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (("best", "none", 6), "those of the epoch with the best mean IoU on 6 validation images"),
        (("best", "none", 0), "those of the last epoch"),
        (("last", "irm", 6), "those of the last epoch"),
    ],
)
def test_the_rule_of_selection_in_words(asked: tuple[str, str, int], text: str) -> None:
    assert selection_rule(*asked) == text


def test_the_commands_of_the_guide_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = str(tmp_path / "pasture"), tmp_path / "run"
    assert pixelwise(["data", "make", "pasture", data, "--images", "24", "--size", "32"]) == 0
    small = ["--width", "4", "--depth", "2", "--crop", "32", "--epochs", "1"]
    asked = ["--random-backgrounds", "0.5", "--robust", "group_dro", "--groups", "fur"]
    assert pixelwise(["train", "segmentation", data, "--out", str(out), *small, *asked]) == 0
    told = capsys.readouterr().out
    assert "training images by fur: dark" in told
    assert "worst group" in told
    assert "GroupDRO" in (out / "report.html").read_text()

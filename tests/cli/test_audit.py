"""The verb audit: exit codes, files, and messages."""

import json
from pathlib import Path

import pytest

from pixelwise.cli.main import run
from pixelwise.evaluation import evaluate
from pixelwise.metrics import mean_iou


def audited(*arguments: str | Path) -> int:
    return run(["audit", *map(str, arguments)])


def test_a_model_with_equal_groups_passes_with_0(
    trained_run: Path, pasture_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, conditions = tmp_path / "audit", tmp_path / "conditions.toml"
    conditions.write_text("minimum = 2\ndraws = 200\n")  # two of the 40 scenes may be all there is of one light
    given = ("--by", "light", "--margin", "0.9", "--conditions", conditions, "--split", "all", "--out", out)
    assert audited(trained_run, pasture_folder, *given) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "model_card.md", "report.csv", "report.html", "report.json", "statistics.npz"
    ]  # fmt: skip
    told = capsys.readouterr().out
    assert "verdict: pass" in told and f"wrote  {out / 'report.html'}" in told and "next   pixelwise evaluate" in told


def test_too_few_images_exit_with_4_unless_they_are_let_pass(
    trained_run: Path, pasture_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = (trained_run, pasture_folder, "--by", "light", "--by", "background", "--out", tmp_path / "audit")
    assert audited(*given) == 4
    assert "too few" in capsys.readouterr().out
    assert audited(*given, "--no-fail-on-inconclusive") == 0
    assert json.loads((tmp_path / "audit" / "report.json").read_text())["verdict"] == "inconclusive"


def test_a_model_that_fails_a_group_exits_with_3(
    trained_run: Path, pasture_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The groups are the half of the images that scored worst, and the rest; the old model is the same one."""
    table = tmp_path / "attributes.csv"
    scores = evaluate(trained_run, pasture_folder, "all")
    ranked = sorted(scores.images, key=lambda image: float(mean_iou(image.confusion)))
    rows = [f"{image.name},{'worse' if place < 20 else 'better'}" for place, image in enumerate(ranked)]
    table.write_text("file,half\n" + "\n".join(rows) + "\n")
    given = ("--by", "half", "--margin", "0", "--attributes", table, "--split", "all", "--out", tmp_path / "audit")
    assert audited(trained_run, pasture_folder, *given, "--against", trained_run) == 3
    told = json.loads((tmp_path / "audit" / "report.json").read_text())
    assert {row["group"]: row["decision"] for row in told["groups"]}["worse"] == "fail"
    assert {row["gap"] for row in told["changes"]} == {0}
    assert "fail" in capsys.readouterr().out


def test_bad_input_exits_with_1_and_a_hint(
    trained_run: Path, pasture_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audited(trained_run, pasture_folder, "--by", "height", "--out", tmp_path / "a") == 1
    assert "an attribute of the data (" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()
    assert audited(trained_run, pasture_folder, "--out", trained_run) == 1
    assert "a folder of its own for the report" in capsys.readouterr().err
    assert audited(trained_run, pasture_folder, "--margin", "-1", "--out", tmp_path / "a") == 1
    assert "a margin of 0 or more" in capsys.readouterr().err
    assert audited(tmp_path, pasture_folder, "--out", tmp_path / "a") == 1
    assert "a run folder with run.json" in capsys.readouterr().err


def test_the_background_probe_is_part_of_the_report(
    trained_run: Path, pasture_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "audit"
    assert audited(trained_run, pasture_folder, "--probe", "background", "--out", out) == 4
    assert "backgrounds of other classes" in capsys.readouterr().out
    told = json.loads((out / "report.json").read_text())
    swaps = [each for each in told["findings"] if each["about"] == "background swap"]
    assert len(swaps) == 3 and told["verdict"] == "inconclusive"  # three of six images have another background
    assert "The same objects before six backgrounds." in (out / "report.html").read_text()


def test_a_probe_that_does_not_fit_the_task_and_one_that_is_unknown(
    detection_run: Path, trained_run: Path, pasture_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "audit"
    assert audited(detection_run, pasture_folder, "--probe", "background", "--out", out) == 1
    assert "segmentation samples for the background swap, got detection" in capsys.readouterr().err
    assert not out.exists()
    assert audited(trained_run, pasture_folder, "--probe", "weather", "--out", out) == 2

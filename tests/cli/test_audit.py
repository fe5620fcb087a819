"""The verb audit: exit codes, files, and messages."""

import json
from pathlib import Path

import pytest

from pixelwise.cli.main import run


def audited(*arguments: str | Path) -> int:
    return run(["audit", *map(str, arguments)])


def test_a_model_with_equal_groups_passes_with_0(
    trained_run: Path, pasture_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "audit"
    assert audited(trained_run, pasture_folder, "--by", "light", "--margin", "0.9", "--split", "all", "--out", out) == 0
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


def test_a_model_worse_than_the_old_one_exits_with_3(
    trained_run: Path, pasture_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conditions = tmp_path / "conditions.toml"
    # No group can be 0 worse than the rest with certainty, unless it is the same model: the gap to itself is 0.
    conditions.write_text('by = ["light"]\nminimum = 2\nmargin = 0.9\n')
    assert audited(
        trained_run, pasture_folder, "--conditions", conditions, "--against", trained_run, "--out", tmp_path / "a"
    ) in (0, 4)
    changes = json.loads((tmp_path / "a" / "report.json").read_text())["changes"]
    assert {row["gap"] for row in changes} == {0}


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

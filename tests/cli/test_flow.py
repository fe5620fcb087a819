"""The verbs on pairs of images: train flow, evaluate, predict."""

from pathlib import Path

import numpy as np
import pytest

from pixelwise.cli.main import run
from pixelwise.data.flow import read_flow
from pixelwise.data.formats.flo import read_flo
from pixelwise.models.flow.classical import dis_installed


def said(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    code = run([str(word) for word in words])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return code, captured.out, captured.err


@pytest.fixture(scope="module")
def trained(pasture_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("flow") / "run"
    words = ["train", "flow", pasture_folder, "--out", out, "--model", "flownet_c", "--width", "2", "--epochs", "1"]
    words += ["--crop-height", "64", "--crop-width", "64", "--batch-size", "28", "--set", "max_displacement=4"]
    assert run([str(word) for word in words]) == 0
    return out


def test_a_finished_run_is_not_resumed(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (trained / "report.html").is_file()
    code, _, err = said(capsys, "train", "flow", trained, "--out", trained, "--resume")
    assert code == 1
    assert "an unfinished run to resume" in err


def test_help_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "train", "flow", "--help")
    assert code == 0
    assert "Example: pixelwise train flow" in " ".join(out.split())
    assert said(capsys, "train", "flow", "data", "--out", "run", "--reduction", "median")[0] == 2


def test_evaluation_says_every_method(
    trained: Path, pasture_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = said(capsys, "evaluate", trained, pasture_folder, "--out", tmp_path / "report")
    assert code == 0
    assert "6 pairs of split test" in out
    lines = [line for line in out.splitlines() if line.startswith(("learned", "no motion", "DIS"))]
    assert len(lines) == 2 + dis_installed()
    assert all("px pooled" in line and "per image" in line and "occluded" in line for line in lines)


def test_prediction_writes_motion_and_pictures_and_goes_on_where_it_stopped(
    trained: Path, pasture_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (pasture_folder / part / "000000.png" for part in ("images", "second"))
    out = tmp_path / "there"
    code, told, _ = said(capsys, "predict", trained, first, second, "--out", out, "--kitti")
    assert code == 0
    assert "agree with the way back" in told
    endings = (".flo", ".flow.png", ".warped.png", ".confidence.png", ".kitti.png")
    assert {path.name for path in out.iterdir()} == {"predictions.json", *(f"000000{ending}" for ending in endings)}
    flow = read_flo(out / "000000.flo")
    assert flow.shape == (64, 64, 2)
    rounded, valid = read_flow(out / "000000.kitti.png")
    assert valid.all()
    assert np.abs(rounded.permute(1, 2, 0).numpy() - flow).max() <= 1 / 128 + 1e-6
    code, told, _ = said(capsys, "predict", trained, first, second, "--out", out, "--kitti")
    assert code == 0
    assert "predicted before" in told


def test_options_of_other_tasks_are_refused(
    trained: Path, pasture_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["predict", trained, pasture_folder, "--out", tmp_path / "there", "--probabilities"]
    code, _, err = said(capsys, *words)
    assert code == 1
    assert "options for predictions of flow: kitti" in err
    assert not (tmp_path / "there").exists()

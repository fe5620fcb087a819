"""Flow data on the command line: made, examined, and refused with a reason."""

from pathlib import Path

import pytest

from pixelwise.cli.main import run
from pixelwise.data.flow import open_flow
from references.flow_folders import MAKERS


def said(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str]:
    code = run([str(word) for word in words])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return code, captured.out + captured.err


def test_help_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = said(capsys, "data", "make", "flying", "--help")
    assert code == 0
    assert "Example: pixelwise data make flying" in " ".join(out.split())


def test_flying_shapes_are_made_and_found_sound(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = tmp_path / "flying"
    code, out = said(capsys, "data", "make", "flying", folder, "--pairs", "4", "--size", "40", "48", "--seed", "2")
    assert code == 0
    assert out.splitlines() == [f"wrote  {folder}", f"next   pixelwise train flow {folder} --out run"]
    assert len(open_flow(folder).items) == 4
    code, out = said(capsys, "data", "check", folder)
    assert code == 0
    assert "4 pairs in the layout pairs (train 3, test 1), flow known in 100.0%" in out
    assert "0 fatal, 0 warnings" in out
    code, out = said(capsys, "data", "make", "flying", folder, "--pairs", "4", "--size", "40", "48", "--seed", "2")
    assert code == 1
    assert "which is complete" in out


def test_faults_of_pairs_end_in_code_1(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    MAKERS["middlebury"](tmp_path)
    (tmp_path / "Venus" / "frame11.png").unlink()
    code, out = said(capsys, "data", "check", tmp_path)
    assert code == 1
    assert "Venus/frame10.png: its partner Venus/frame11.png is not there" in out
    assert "fix: fetch that file, or remove the pair" in out
    assert "1 fatal, 0 warnings" in out


def test_settings_out_of_range_are_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out = said(capsys, "data", "make", "flying", tmp_path / "new", "--size", "10", "64")
    assert code == 1
    assert "size as 32..4096, got (10, 64)" in out
    assert not (tmp_path / "new").exists()


def test_scenes_are_examined_for_each_task_they_serve(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = tmp_path / "pasture"
    said(capsys, "data", "make", "pasture", folder, "--images", "4", "--size", "48")
    _, out = said(capsys, "data", "check", folder)
    for words in ("4 images (", "4 images with boxes (", "4 pairs in the layout pairs ("):
        assert words in out

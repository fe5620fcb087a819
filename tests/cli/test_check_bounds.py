"""`pixelwise data check` says what each stride can reach on the labels at hand."""

from pathlib import Path

import numpy as np
import pytest

from pixelwise.cli.main import app
from pixelwise.data import write_label_map
from references.sample_folders import put_image


def checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    app(["data", "check", str(folder)], result_action="return_value")
    return " ".join(capsys.readouterr().out.split())


def half_and_half(folder: Path, values: tuple[int, int]) -> None:
    """One image whose left 40 of 64 columns have one label, the others another."""
    put_image(folder / "images/a.png", seed=0, height=64, width=64)
    labels = np.full((64, 64), values[1], np.uint8)
    labels[:, :40] = values[0]
    (folder / "labels").mkdir()
    write_label_map(folder / "labels/a.png", labels)


def test_the_row_and_one_stride_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    half_and_half(tmp_path, (0, 1))
    text = checked(tmp_path, capsys)
    # At strides 64 and 128 there is one cell: 40 of 64 columns are right, the other class is lost. The cell of columns
    # 32..63 is split 8 : 24, that of 32..47 is split 8 : 8 and goes to class 0; at 8 and 4 cells end with the halves.
    assert "mean IoU within reach, by stride: 128 0.312, 64 0.312, 32 0.775, 16 0.750, 8 1.000, 4 1.000" in text
    assert "a network of stride 32 can reach a mean IoU of about 0.78 on these labels at most" in text


def test_labels_that_no_class_table_explains_have_no_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    half_and_half(tmp_path, (0, 255))  # 255 would mean ignore, so nothing but class 0 is left
    assert "within reach" not in checked(tmp_path, capsys)


def test_labels_to_ignore_alone_have_no_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    half_and_half(tmp_path, (7, 9))
    (tmp_path / "classes.txt").write_text("0 ground\n7 ignore\n9 ignore\n")
    text = checked(tmp_path, capsys)
    assert "ignore" in text
    assert "within reach" not in text

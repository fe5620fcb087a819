"""The doctor shows each label map's class ids while it has them; maps with a fault are not shown."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pixelwise.data import examine
from references.sample_folders import put_image, put_labels, put_pairs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put_pairs(tmp_path / "images", tmp_path / "labels", "a b c")
    return tmp_path


def seen(folder: Path) -> list[NDArray[Any]]:
    maps: list[NDArray[Any]] = []
    examine(folder, see_labels=maps.append)
    return sorted(maps, key=lambda ids: ids.tolist())


def test_without_a_classes_file_ids_are_stored_values(folder: Path) -> None:
    put_labels(folder / "labels/c.png", (3, 255))
    found = seen(folder)
    assert [sorted(set(ids.ravel().tolist())) for ids in found] == [[0, 1], [0, 1], [3, 255]]
    assert all(ids.dtype == np.uint8 and ids.shape == (12, 16) for ids in found)


def test_a_classes_file_turns_stored_values_into_ids(folder: Path) -> None:
    (folder / "classes.txt").write_text("0 ground\n1-700 object\n900 ignore\n")
    put_labels(folder / "labels/c.png", (0, 700, 900))
    found = seen(folder)
    assert [sorted(set(ids.ravel().tolist())) for ids in found] == [[0, 1], [0, 1], [0, 1, 255]]


def test_maps_that_no_class_fits_are_not_shown(folder: Path) -> None:
    put_labels(folder / "labels/c.png", (0, 300))
    assert len(seen(folder)) == 2  # 300 needs 16 bits, and no file says what it means
    (folder / "classes.txt").write_text("ground\nobject\n")
    assert len(seen(folder)) == 2  # 300 is of no class
    (folder / "labels/a.png").write_bytes(b"")
    assert len(seen(folder)) == 1


def test_images_without_labels_show_nothing(folder: Path) -> None:
    put_image(folder / "images/d.png", seed=9)
    assert len(seen(folder)) == 3

"""Label maps that number objects, as boxes with masks; and which layout a folder is taken for."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixelwise.data.classes import ClassTable
from pixelwise.data.detection.box_doctor import examine_boxes
from pixelwise.data.detection.classes_file import read_choice
from pixelwise.data.detection.folder import layout_of, open_detection
from pixelwise.errors import InputError
from pixelwise.ops.run_lengths import decode_mask
from references.box_folders import put_coco, put_instances, put_voc, put_yolo, some_objects


def test_every_value_of_a_range_is_one_object_whether_its_pixels_touch_or_not(tmp_path: Path) -> None:
    put_instances(tmp_path, {"a": []})
    labels = np.zeros((40, 56), np.uint8)
    labels[2:5, 3:9] = 7
    labels[20:22, 30:31] = 7
    labels[10:12, 40:50] = 105
    Image.fromarray(labels).save(tmp_path / "labels" / "a.png")
    objects = open_detection(tmp_path).items[0].objects
    assert objects.boxes.tolist() == [[3, 2, 31, 22], [40, 10, 50, 12]]
    assert objects.labels.tolist() == [1, 2]
    assert objects.masks is not None
    assert np.array_equal(decode_mask(objects.masks[0]), labels == 7)
    assert open_detection(tmp_path, masks=False).items[0].objects.masks is None


def test_the_classes_of_a_run_are_read_from_a_folder_without_a_class_file(tmp_path: Path) -> None:
    put_instances(tmp_path, some_objects(3))
    table = ClassTable(("background", "disc", "bar"), ((0, 0), (1, 99), (101, 199)))
    (tmp_path / "classes.txt").unlink()
    assert open_detection(tmp_path, ("background", "disc", "bar"), table=table).classes == ("background", "disc", "bar")
    with pytest.raises(InputError, match=r"wanted a classes file for label maps that number objects, got no .*classes"):
        open_detection(tmp_path)


def test_values_of_no_class_are_fatal_and_ranges_are_needed(tmp_path: Path) -> None:
    put_instances(tmp_path, some_objects(3))
    (tmp_path / "classes.txt").write_text("0 background\n1-50 disc\n")
    diagnosis = examine_boxes(tmp_path)
    assert [fault.kind for fault in diagnosis.fatal] == ["label-values"]
    assert "values of no class: 102" in diagnosis.fatal[0].found
    (tmp_path / "classes.txt").write_text("0 background\n1 disc\n")
    with pytest.raises(
        InputError, match=r"wanted a class with a range of values, each of one object, got 0 background"
    ):
        read_choice(tmp_path, None)


def test_layouts_are_told_apart(tmp_path: Path) -> None:
    shown = some_objects(3)
    assert layout_of(put_coco(tmp_path / "coco", shown)) == "coco"
    assert layout_of(put_voc(tmp_path / "voc", shown)) == "voc"
    assert layout_of(put_yolo(tmp_path / "yolo", shown)) == "yolo"
    assert layout_of(put_instances(tmp_path / "maps", shown)) == "instances"
    assert layout_of(tmp_path) is None
    both = put_coco(tmp_path / "both", shown)
    put_instances(both, shown)
    assert layout_of(both) == "coco"


def test_a_file_of_names_chooses_the_classes_of_boxes(tmp_path: Path) -> None:
    data = put_coco(tmp_path / "coco", some_objects(3))
    (tmp_path / "names.txt").write_text("bar\ndisc\n")
    choice = read_choice(data, tmp_path / "names.txt")
    assert choice.names == ("background", "bar", "disc")
    assert choice.table is None
    assert read_choice(data, None).names is None

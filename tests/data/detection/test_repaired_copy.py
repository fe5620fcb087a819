"""A repaired copy says what training would use, in COCO's layout; and the text that tells folders apart."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from pixelwise.data.detection.box_doctor import examine_boxes
from pixelwise.data.detection.fingerprint import detection_fingerprint
from pixelwise.data.detection.folder import open_detection
from pixelwise.data.detection.repair import sound_objects
from pixelwise.data.detection.repaired_copy import write_repaired
from pixelwise.errors import InputError
from references.box_folders import put_coco, put_voc, put_yolo, some_objects


def test_a_repaired_copy_has_no_fault_left_and_the_same_sound_objects(tmp_path: Path) -> None:
    data = put_coco(tmp_path / "data", some_objects(), splits={"a": "val", "b": "train", "c": "test", "d": "train"})
    content = json.loads((data / "annotations.json").read_text())
    for number, box in enumerate([[5, 5, 0, 0], [12, 12, -4, -4], [50, 30, 90, 90]], start=100):
        content["annotations"].append({"id": number, "image_id": 0, "category_id": 2, "bbox": box, "iscrowd": 0})
    (data / "annotations.json").write_text(json.dumps(content))
    folder = open_detection(data)
    written, repairs = write_repaired(folder, tmp_path / "copy")
    # Reversed, cut, without area; two of them have no mask beside objects that have one.
    assert repairs == 3
    copy = open_detection(tmp_path / "copy")
    assert copy.classes == folder.classes
    assert copy.category_ids == folder.category_ids
    assert not examine_boxes(tmp_path / "copy").repairable
    total = 0
    for one, other in zip(folder.items, copy.items, strict=True):
        expected, found = sound_objects(one)[0], other.objects
        assert torch.equal(expected.boxes, found.boxes)
        assert torch.equal(expected.labels, found.labels)
        assert torch.equal(expected.crowd, found.crowd)
        assert one.image.read_bytes() == other.image.read_bytes()
        assert one.split == other.split
        total += len(found)
    assert total == written


@pytest.mark.parametrize("put", [put_voc, put_yolo])
def test_other_layouts_become_coco(tmp_path: Path, put) -> None:
    folder = open_detection(put(tmp_path / "data", some_objects()))
    write_repaired(folder, tmp_path / "copy")
    copy = open_detection(tmp_path / "copy")
    assert copy.layout == "coco"
    for one, other in zip(folder.items, copy.items, strict=True):
        torch.testing.assert_close(one.objects.boxes, other.objects.boxes, atol=1e-4, rtol=0)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    data = put_coco(tmp_path / "data", some_objects(2))
    with pytest.raises(InputError, match=r"wanted an empty or new folder for the repaired copy, got .*data"):
        write_repaired(open_detection(data), data)


def test_the_fingerprint_changes_with_images_annotations_and_splits_alone(tmp_path: Path) -> None:
    splits = dict.fromkeys("abcdef", "train")
    data = put_coco(tmp_path / "data", some_objects(), splits=splits)
    before = detection_fingerprint(open_detection(data))
    moved = shutil.copytree(data, tmp_path / "moved")
    assert detection_fingerprint(open_detection(moved)) == before
    (moved / "splits.csv").write_text((moved / "splits.csv").read_text().replace("a.png,train", "a.png,val"))
    assert detection_fingerprint(open_detection(moved)) != before
    (data / "annotations.json").write_text((data / "annotations.json").read_text() + " ")
    assert detection_fingerprint(open_detection(data)) != before
    folder = open_detection(data)
    (data / "images" / "a.png").unlink()
    with pytest.raises(InputError, match=r"wanted an image that is still there, got .*a\.png"):
        detection_fingerprint(folder)

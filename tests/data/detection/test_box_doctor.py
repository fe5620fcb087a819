"""The doctor for boxes: a sound folder has no fault; every planted fault is found alone, with file and object."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pixelwise.data.detection.box_doctor import REPAIRS, examine_boxes
from pixelwise.data.detection.folder import open_detection
from pixelwise.data.detection.repair import sound_objects
from references.detection_folders import coco_content, put_coco, put_voc, put_yolo, voc_object, voc_text
from references.sample_folders import put_image


@pytest.mark.parametrize("put", [put_voc, put_yolo])
def test_a_sound_folder_has_no_fault_and_its_objects_are_counted(put: Callable[[Path], Path], tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    found = examine_boxes(put(tmp_path), masks=False, progress=lambda done, total: calls.append((done, total)))
    assert found.faults == ()
    assert (found.images, found.splits, found.without_objects) == (6, {"train": 4, "val": 2}, 0)
    assert found.class_objects == {"train": {"cow": 4, "sheep": 4}, "val": {"cow": 2, "sheep": 2}}
    assert calls == [(done, 6) for done in range(1, 7)]


def test_crowds_and_gaps_are_counted_and_are_no_fault_to_mend(tmp_path: Path) -> None:
    found = examine_boxes(put_coco(tmp_path))
    assert [(fault.kind, fault.severity) for fault in found.faults] == [("category-gaps", "warning")]
    assert "2 category ids from 3 to 7" in found.faults[0].found and found.warnings == found.faults
    assert (found.crowds, found.class_objects["train"]) == (1, {"cow": 4, "sheep": 3})


def change(place: int, **fields: Any) -> Callable[[Path], None]:
    """Changes one annotation; 2 and 3 are those of b.png, numbers 3 and 4."""

    def spoil(root: Path) -> None:
        content = coco_content()
        content["annotations"][place].update(fields)
        put_coco(root, content)

    return spoil


def again(root: Path) -> None:
    content = coco_content()
    content["annotations"].append(content["annotations"][4] | {"id": 99})
    put_coco(root, content)


def after(root: Path, act: Callable[[Path], object]) -> None:
    put_coco(root)
    act(root)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-60])


PLANTED: dict[str, tuple[Callable[[Path], object], str, str, str, str]] = {
    "zero area": (change(2, bbox=[5, 4, 0, 16]), "repairable", "zero-area", "(b.png)", "annotation 3"),
    "reversed": (change(2, bbox=[25, 4, -20, 16]), "repairable", "reversed", "(b.png)", "25 4 5 20"),
    "not finite": (change(2, bbox=[5, 4, float("nan"), 16]), "repairable", "box-numbers", "(b.png)", "annotation 3"),
    "outside": (change(2, bbox=[65, 4, 20, 16]), "repairable", "outside", "(b.png)", "annotation 3"),
    "partly outside": (change(2, bbox=[45, 4, 20, 16]), "repairable", "partly-outside", "(b.png)", "60 wide"),
    "tiny": (change(3, bbox=[30, 10, 0.5, 20]), "warnings", "tiny", "(b.png)", "annotation 4"),
    "two points": (change(3, segmentation=[[1, 1, 5, 5]]), "repairable", "polygon-points", "(b.png)", "annotation 4"),
    "run lengths of another size": (
        change(3, segmentation={"size": [60, 40], "counts": [2400]}),
        "repairable",
        "rle-size",
        "(b.png)",
        "the image is 40x60",
    ),
    "duplicate": (again, "repairable", "duplicate", "(c.png)", "annotation 99 lies on annotation 5"),
    "unknown class": (change(2, category_id=4), "fatal", "unknown-class", "(b.png)", "annotation 3: category 4"),
    "background id": (change(2, category_id=0), "fatal", "unknown-class", "(b.png)", "annotation 3: category 0"),
    "unknown image": (change(2, image_id=99), "repairable", "unknown-image", "annotations.json", "annotation 3"),
    "an image that is gone": (
        lambda root: after(root, lambda _: (root / "images/b.png").unlink()),
        "fatal", "missing-image", "images/b.png", "",
    ),
    "an image that is cut": (
        lambda root: after(root, lambda _: cut(root / "images/b.png")),
        "fatal", "unreadable-image", "images/b.png", "",
    ),
    "an image of another size": (
        lambda root: after(root, lambda _: put_image(root / "images/b.png", 1, 60, 40)),
        "fatal", "size-mismatch", "images/b.png", "the image is 60x40",
    ),
    "an image in two splits": (
        lambda root: after(root, lambda _: (root / "images/f.png").write_bytes((root / "images/b.png").read_bytes())),
        "fatal", "duplicate-across-splits", "images/f.png", "the same file as images/b.png",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", PLANTED)
def test_each_planted_fault_is_found_alone_and_named(case: str, tmp_path: Path) -> None:
    make, group, kind, file, words = PLANTED[case]
    make(tmp_path)
    found = examine_boxes(tmp_path)
    faults = [fault for fault in found.faults if fault.kind != "category-gaps"]
    assert [fault.kind for fault in faults] == [kind], [str(fault) for fault in faults]
    assert faults[0] in getattr(found, group)
    assert file in faults[0].file and words in faults[0].found and faults[0].fix


def test_boxes_in_the_wrong_order_are_one_fatal_fault_and_not_a_flood(tmp_path: Path) -> None:
    content = coco_content()
    for record in content["annotations"]:
        x, y, width, height = record["bbox"]
        record["bbox"] = [x, y, x + width, y + height]
    found = examine_boxes(put_coco(tmp_path, content))
    assert [fault.kind for fault in found.fatal] == ["box-order"]
    assert "corners x0 y0 x1 y1 instead of x y width height: 50% of 12" in found.fatal[0].found
    assert found.repairable == ()


def test_a_broken_voc_file_is_fatal_and_the_others_are_still_examined(tmp_path: Path) -> None:
    root = put_voc(tmp_path)
    (root / "Annotations" / "b.xml").write_text("<annotation>")
    (root / "Annotations" / "c.xml").write_text(voc_text(voc_object("cow", (7, 3, 7, 3))))
    (root / "Annotations" / "z.xml").write_text(voc_text(""))
    found = examine_boxes(root)
    assert {(fault.kind, fault.file) for fault in found.fatal} == {("unreadable-annotations", "Annotations/b.xml")}
    assert [(fault.kind, fault.file) for fault in found.repairable] == [("zero-area", "Annotations/c.xml")]
    assert [(fault.kind, fault.file) for fault in found.warnings] == [
        ("annotations-without-image", "Annotations/z.xml")
    ]
    assert found.without_objects == 1


def test_a_class_that_is_never_trained_is_said(tmp_path: Path) -> None:
    content = coco_content()
    content["categories"].append({"id": 8, "name": "goat"})
    content["annotations"][-1]["category_id"] = 8
    content["categories"].append({"id": 9, "name": "yak"})
    found = examine_boxes(put_coco(tmp_path, content))
    kinds = {fault.kind: fault.found for fault in found.warnings}
    assert kinds["unseen-class"] == "goat is in val and never in train"
    assert kinds["empty-class"] == "no object is a yak"


def test_what_the_doctor_calls_repairable_training_gets_repaired(tmp_path: Path) -> None:
    content = coco_content()
    content["annotations"][2]["bbox"] = [25, 4, -20, 16]
    content["annotations"][3]["bbox"] = [1, 2, float("inf"), 3]
    (tmp_path / "a").mkdir()
    folder = open_detection(put_coco(tmp_path / "a", json.loads(json.dumps(content))))
    objects, faults = sound_objects(folder.items[1])
    assert objects.boxes.tolist() == [[5, 4, 25, 20]]
    assert {fault.kind for fault in faults} == {"reversed", "box-numbers"} and {f.kind for f in faults} <= set(REPAIRS)


@pytest.mark.data
@pytest.mark.slow
def test_the_two_empty_boxes_of_the_blood_cells_are_found_and_named(real_data: Path) -> None:
    found = examine_boxes(real_data / "bccd")
    assert [(fault.kind, fault.file) for fault in found.faults] == [
        ("zero-area", "Annotations/BloodImage_00338.xml"),
        ("zero-area", "Annotations/BloodImage_00343.xml"),
    ]
    assert (found.images, found.splits, found.fatal) == (292, {"train": 205, "val": 87}, ())
    counts = {name: sum(split[name] for split in found.class_objects.values()) for name in found.classes[1:]}
    assert counts == {"Platelets": 292, "RBC": 3348, "WBC": 301}

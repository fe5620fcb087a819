"""COCO files: what they say is what is read; what they get wrong is named, object by object."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pixelwise.data.detection.coco_json import coco_objects, read_coco
from pixelwise.data.detection.folder import open_detection
from pixelwise.data.detection.notes import Notes
from pixelwise.data.detection.reading import Reading
from pixelwise.data.faults import Fault
from pixelwise.errors import InputError
from pixelwise.ops.run_lengths import decode_mask, rle_area
from references.detection_folders import coco_content, put_coco

BOX = [2, 3, 4, 5]
SQUARE = [[2, 3, 6, 3, 6, 8, 2, 8]]


def read_one(faults: list[Fault] | None = None, **fields: Any) -> Reading:
    """One annotation of an image of 20x30, sound but for the fields given, and a sound one after it."""
    sound = {"id": 1, "category_id": 3, "bbox": BOX, "segmentation": SQUARE, "iscrowd": 0}
    records = [sound | fields, sound | {"id": 2, "bbox": [10, 10, 5, 5]}]
    return coco_objects(records, (20, 30), {3: 1, 0: 0}, Notes("a.json", faults), masks=True)


def test_a_box_is_corner_and_size_and_labels_have_no_gaps(tmp_path: Path) -> None:
    folder = open_detection(put_coco(tmp_path))
    objects = folder.items[0].objects
    assert objects.boxes.tolist() == [[5, 4, 25, 20], [30, 10, 50, 38]]
    assert (objects.labels.tolist(), folder.classes, folder.category_ids) == (
        [1, 2],
        ("background", "cow", "sheep"),
        (3, 7),
    )
    assert (objects.crowd.tolist(), objects.size) == ([False, True], (40, 60))


def test_all_three_forms_of_masks_are_read(tmp_path: Path) -> None:
    folder = open_detection(put_coco(tmp_path))
    polygon, plain = folder.items[0].objects.masks or ()
    compressed = (folder.items[1].objects.masks or ())[0]
    assert rle_area(polygon) == 20 * 16
    assert decode_mask(polygon)[4:20, 5:25].all()
    np.testing.assert_array_equal(decode_mask(plain), decode_mask(compressed))


def test_without_segmentations_there_are_no_masks(tmp_path: Path) -> None:
    content = coco_content()
    for record in content["annotations"]:
        del record["segmentation"]
    folder = open_detection(put_coco(tmp_path, content))
    assert folder.items[0].objects.masks is None
    assert len(folder.items[0].objects) == 2


LEFT_OUT = {
    "not a number": ({"bbox": [1, float("nan"), 2, 2]}, "box-numbers", "annotation 1, bbox: nan"),
    "infinite": ({"bbox": [1, 1, float("inf"), 2]}, "box-numbers", "inf"),
    "three numbers": ({"bbox": [1, 1, 2]}, "box-numbers", "list of 3: 1, 1, 2"),
    "text": ({"bbox": ["1", 1, 2, 2]}, "box-numbers", "'1'"),
    "huge": ({"bbox": [1, 1, 1e300, 2]}, "box-numbers", "1e+300"),
    "no box": ({"bbox": None}, "box-numbers", "None"),
    "true as a number": ({"bbox": [True, 1, 2, 2]}, "box-numbers", "True"),
    "unknown category": ({"category_id": 4}, "unknown-class", "category 4, which is none of the classes"),
    "background": ({"category_id": 0}, "background-class", "an object of the class background"),
    "crowd flag": ({"iscrowd": 2}, "crowd-flag", "iscrowd 2"),
}


@pytest.mark.parametrize("case", LEFT_OUT)
def test_an_object_that_cannot_be_read_is_left_out_and_named(case: str) -> None:
    fields, kind, text = LEFT_OUT[case]
    faults: list[Fault] = []
    assert read_one(faults, **fields).names == ("annotation 2",)
    assert [fault.kind for fault in faults] == [kind]
    assert text in faults[0].found
    with pytest.raises(InputError, match="annotation 1"):
        read_one(**fields)


BROKEN_MASKS = {
    "two points": ([[1, 1, 5, 5]], "polygon-points", "4 numbers, which are not three points"),
    "odd": ([[1, 1, 5, 5, 1, 5, 2]], "polygon-points", "7 numbers"),
    "nan": ([[1, 1, 5, float("nan"), 1, 5]], "polygon-numbers", "nan"),
    "flat list": ([1, 1, 5, 5, 1, 5], "polygon-numbers", "polygon 0: 1"),
    "wrong size": ({"size": [20, 31], "counts": [620]}, "rle-size", "size list of 2: 20, 31, the image is 20x30"),
    "short": ({"size": [20, 30], "counts": [599]}, "rle-counts", "sum 599"),
    "huge": ({"size": [10**9, 10**9], "counts": [10**18]}, "rle-size", "1000000000"),
    "no counts": ({"size": [20, 30]}, "rle-counts", "sum 0"),
    "lone surrogate": ({"size": [20, 30], "counts": "\ud800"}, "rle-counts", "other characters"),
    "text": ("abc", "segmentation", "'abc'"),
}


@pytest.mark.parametrize("case", BROKEN_MASKS)
def test_an_object_with_a_broken_mask_becomes_a_region_to_ignore(case: str) -> None:
    segmentation, kind, text = BROKEN_MASKS[case]
    faults: list[Fault] = []
    objects = read_one(faults, segmentation=segmentation).objects
    assert kind in {fault.kind for fault in faults} and any(text in fault.found for fault in faults)
    assert objects.boxes[0].tolist() == [2, 3, 6, 8]
    assert objects.crowd.tolist() == [True, False]
    assert [rle_area(mask) for mask in objects.masks or ()] == [20, 20]


def test_a_good_polygon_beside_a_broken_one_is_drawn() -> None:
    faults: list[Fault] = []
    objects = read_one(faults, segmentation=[[1, 1], *SQUARE]).objects
    assert [fault.kind for fault in faults] == ["polygon-points"]
    assert (objects.crowd.tolist(), rle_area((objects.masks or ())[0])) == ([False, False], 20)


REFUSED = {
    "not JSON": ("{", "not JSON"),
    "empty": ("", "not JSON"),
    "a list": ("[]", "list of 0"),
    "nested": ("[" * 100_000, "nested too deeply"),
    "long number": ('{"images": ' + "9" * 5000 + "}", "not JSON"),
    "no categories": ('{"images": [], "annotations": []}', "a list called categories"),
    "empty categories": ('{"images": [], "annotations": [], "categories": []}', "categories with different names, got"),
    "category as number": ('{"images": [], "annotations": [], "categories": [1]}', "category record 0: 1"),
    "negative id": ('{"images":[],"annotations":[],"categories":[{"id":-1,"name":"a"}]}', "an id of its own"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_coco_file_is_refused_by_name(case: str, tmp_path: Path) -> None:
    text, words = REFUSED[case]
    (tmp_path / "annotations.json").write_text(text)
    with pytest.raises(InputError) as caught:
        read_coco(tmp_path / "annotations.json", Notes("annotations.json", []))
    assert words in str(caught.value) and "annotations.json" in str(caught.value)


IMAGE_FAULTS = {
    "two images of one id": (lambda content: content["images"][1].update(id=10), "image-id-twice"),
    "a path out of the folder": (lambda content: content["images"][0].update(file_name="../a.png"), "image-record"),
    "an absolute path": (lambda content: content["images"][0].update(file_name="/a.png"), "image-record"),
    "a null byte": (lambda content: content["images"][0].update(file_name="a\0.png"), "image-record"),
    "no height": (lambda content: content["images"][0].update(height=None), "image-record"),
    "a side of zero": (lambda content: content["images"][0].update(height=0), "image-record"),
    "a side of a billion": (lambda content: content["images"][0].update(width=10**9), "image-record"),
    "no id": (lambda content: content["images"][0].pop("id"), "image-record"),
}


@pytest.mark.parametrize("case", IMAGE_FAULTS)
def test_a_wrong_image_record_is_fatal(case: str, tmp_path: Path) -> None:
    spoil, kind = IMAGE_FAULTS[case]
    content = coco_content()
    spoil(content)
    (tmp_path / "a.json").write_text(json.dumps(content))
    faults: list[Fault] = []
    read_coco(tmp_path / "a.json", Notes("a.json", faults))
    assert [(fault.severity, fault.kind) for fault in faults if fault.severity == "fatal"] == [("fatal", kind)]


def test_annotations_of_unknown_images_are_left_out_and_noted(tmp_path: Path) -> None:
    content = coco_content()
    content["annotations"][0]["image_id"] = 99
    (tmp_path / "a.json").write_text(json.dumps(content))
    faults: list[Fault] = []
    file = read_coco(tmp_path / "a.json", Notes("a.json", faults))
    assert len(file.annotations[10]) == 1
    assert [(fault.kind, fault.found) for fault in faults] == [
        ("unknown-image", "annotation 1 belongs to image 99, which the file does not list")
    ]

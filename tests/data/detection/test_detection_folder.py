"""The three layouts give the same items, classes, splits and boxes; what is no layout is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pixelwise.data.detection.folder import open_detection
from pixelwise.errors import InputError
from references.detection_folders import BOXES, coco_content, put_coco, put_images, put_voc, put_yolo, yolo_text

LAYOUTS: dict[str, Callable[[Path], Path]] = {"coco": put_coco, "voc": put_voc, "yolo": put_yolo}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_gives_the_same_data_set(layout: str, tmp_path: Path) -> None:
    folder = open_detection(LAYOUTS[layout](tmp_path))
    assert (folder.layout, folder.classes, folder.splits) == (layout, ("background", "cow", "sheep"), ("train", "val"))
    assert [item.name for item in folder.items] == ["a.png", "b.png", "c.png", "d.png", "e.png", "f.png"]
    assert [item.name for item in folder.only("val").items] == ["e.png", "f.png"]
    for item in folder.items:
        assert item.image.is_file() and item.objects.size == (40, 60)
        assert item.objects.boxes.round().tolist() == [list(box) for box in BOXES]
        assert item.objects.labels.tolist() == [1, 2]


@pytest.mark.parametrize(("layout", "ids"), [("coco", (3, 7)), ("voc", (1, 2)), ("yolo", (0, 1))])
def test_the_files_own_class_numbers_are_kept(layout: str, ids: tuple[int, ...], tmp_path: Path) -> None:
    assert open_detection(LAYOUTS[layout](tmp_path)).category_ids == ids


@pytest.mark.parametrize("layout", LAYOUTS)
def test_given_classes_fix_the_labels_and_others_are_refused(layout: str, tmp_path: Path) -> None:
    root = LAYOUTS[layout](tmp_path)
    folder = open_detection(root, classes=("background", "goat", "sheep", "cow"))
    assert folder.items[0].objects.labels.tolist() == [3, 2]
    with pytest.raises(InputError, match="class"):
        _ = open_detection(root, classes=("background", "goat", "cow")).items[0].objects
    with pytest.raises(InputError, match="begin with background"):
        open_detection(root, classes=("cow", "sheep"))


def test_masks_can_be_left_aside(tmp_path: Path) -> None:
    assert open_detection(put_coco(tmp_path), masks=False).items[0].objects.masks is None


def test_coco_files_in_parts_name_the_splits(tmp_path: Path) -> None:
    content = coco_content()
    for split, chosen in (("train2017", slice(0, 4)), ("val2017", slice(4, 6))):
        part = content | {"images": content["images"][chosen]}
        (tmp_path / "annotations").mkdir(exist_ok=True)
        (tmp_path / "annotations" / f"instances_{split}.json").write_text(json.dumps(part))
        put_images(tmp_path / split, [Path(image["file_name"]).stem for image in part["images"]])
    (tmp_path / "annotations" / "captions_val2017.json").write_text("not read")
    folder = open_detection(tmp_path)
    assert {split: len(folder.only(split).items) for split in folder.splits} == {"train": 4, "val": 2}
    assert all(item.image.is_file() for item in folder.items)


def test_coco_files_beside_their_images_name_the_splits(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        put_images(tmp_path / split)
        (tmp_path / split / "_annotations.coco.json").write_text(json.dumps(coco_content()))
    folder = open_detection(tmp_path)
    assert (folder.splits, len(folder.items)) == (("train", "val"), 12)
    assert folder.items[6].name == "valid/a.png"  # a.png alone would be two images
    other = coco_content()
    other["categories"][0]["name"] = "goat"
    (tmp_path / "valid" / "_annotations.coco.json").write_text(json.dumps(other))
    with pytest.raises(InputError, match="category 3 is goat, elsewhere cow"):
        open_detection(tmp_path)


def test_yolo_folders_in_parts_and_without_labels(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        put_images(tmp_path / split / "images", ("a", "b"))
        (tmp_path / split / "labels").mkdir()
        (tmp_path / split / "labels" / "a.txt").write_text(yolo_text())
    (tmp_path / "classes.txt").write_text("cow\nsheep\n")
    folder = open_detection(tmp_path)
    assert [(item.split, len(item.objects)) for item in folder.items] == [
        ("train", 2), ("train", 0), ("val", 2), ("val", 0)
    ]  # fmt: skip


def test_a_category_called_background_is_no_class_of_its_own(tmp_path: Path) -> None:
    content = coco_content()
    content["categories"].insert(0, {"id": 0, "name": "background"})
    folder = open_detection(put_coco(tmp_path, content))
    assert (folder.classes, folder.category_ids) == (("background", "cow", "sheep"), (3, 7))


def test_a_folder_that_pasture_wrote_opens(pasture_folder: Path) -> None:
    folder = open_detection(pasture_folder)
    assert (folder.layout, folder.splits, len(folder.items)) == ("coco", ("train", "val", "test"), 40)
    objects = next(item.objects for item in folder.items if len(item.objects))
    assert len(objects.masks or ()) == len(objects)


REFUSED = {
    "nothing": (lambda root: None, "where there is nothing"),
    "empty": (lambda root: root.mkdir(), "with nothing"),
    "images alone": (lambda root: put_images(root / "images"), "with images"),
    "no names": (lambda root: put_yolo(root) / "data.yaml", "no data.yaml"),
    "no images": (
        lambda root: put_coco(root, coco_content() | {"images": [], "annotations": []}),
        "at least one image",
    ),
    "a wrong split": (lambda root: put_coco(root) / "splits.csv", "no image is called g.png"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_data_set_is_refused_with_the_layouts(case: str, tmp_path: Path) -> None:
    make, words = REFUSED[case]
    file = make(tmp_path / "set")
    if case == "no names":
        file.unlink()
    if case == "a wrong split":
        file.write_text("file,split\ng.png,train\n")
    with pytest.raises(InputError) as caught:
        open_detection(tmp_path / "set")
    assert words in str(caught.value)


def test_a_split_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'test'"):
        open_detection(put_voc(tmp_path)).only("test")

"""Small detection folders on disk in three layouts, sound unless a test spoils them: six images of 40x60."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from references.sample_folders import put_image

HEIGHT, WIDTH = 40, 60
BOXES = ((5, 4, 25, 20), (30, 10, 50, 38))
"""Those of each image, x0 y0 x1 y1; the first is a cow, the second a sheep."""

NAMES = ("a", "b", "c", "d", "e", "f")


def coco_content() -> dict[str, Any]:
    """A sound COCO file: polygons, plain and compressed run lengths, a crowd, gaps in the category ids."""
    images = [
        {"id": 10 + place, "file_name": f"{name}.png", "height": HEIGHT, "width": WIDTH}
        for place, name in enumerate(NAMES)
    ]
    annotations = []
    for image in images:
        for category, (x0, y0, x1, y1) in zip((3, 7), BOXES, strict=True):
            polygon = [x0, y0, x1, y0, x1, y1, x0, y1]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image["id"],
                    "category_id": category,
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "area": (x1 - x0) * (y1 - y0),
                    "iscrowd": 0,
                    "segmentation": [polygon],
                }
            )
    plain = {"size": [HEIGHT, WIDTH], "counts": [204, 16, 2180]}  # one column, rows 4..19 of column 5
    annotations[1]["segmentation"] = plain
    annotations[1]["iscrowd"] = 1
    annotations[2]["segmentation"] = {"size": [HEIGHT, WIDTH], "counts": "\\6`0TT2"}  # the same, compressed
    return {
        "info": {"description": "sample"},
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 3, "name": "cow"}, {"id": 7, "name": "sheep"}],
    }


def put_coco(root: Path, content: dict[str, Any] | None = None) -> Path:
    """images/, annotations.json and splits.csv: four images to train, two to validate."""
    put_images(root / "images")
    (root / "annotations.json").write_text(json.dumps(coco_content() if content is None else content))
    put_splits(root)
    return root


def put_splits(root: Path) -> None:
    lines = [f"{name}.png,{'train' if place < 4 else 'val'}" for place, name in enumerate(NAMES)]
    (root / "splits.csv").write_text("file,split\n" + "\n".join(lines) + "\n")


def put_images(folder: Path, names: Sequence[str] = NAMES) -> None:
    for name in names:
        put_image(folder / f"{name}.png", NAMES.index(name), HEIGHT, WIDTH)


def voc_object(name: str, box: Sequence[object], more: str = "") -> str:
    corners = "".join(
        f"<{tag}>{value}</{tag}>" for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
    )
    return f"<object><name>{name}</name>{more}<bndbox>{corners}</bndbox></object>"


def voc_text(objects: str, size: tuple[int, int] | None = (HEIGHT, WIDTH)) -> str:
    said = f"<size><width>{size[1]}</width><height>{size[0]}</height><depth>3</depth></size>" if size else ""
    return f"<annotation><filename>a.png</filename>{said}{objects}</annotation>"


def voc_objects_text() -> str:
    """Both boxes as VOC writes them: pixels count from 1, the last one is inside."""
    return "".join(
        voc_object(name, (x0 + 1, y0 + 1, x1, y1), "<difficult>1</difficult>" * (name == "sheep"))
        for name, (x0, y0, x1, y1) in zip(("cow", "sheep"), BOXES, strict=True)
    )


def put_voc(root: Path) -> Path:
    put_images(root / "JPEGImages")
    (root / "Annotations").mkdir()
    for name in NAMES:
        (root / "Annotations" / f"{name}.xml").write_text(voc_text(voc_objects_text()))
    lists = root / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("".join(f"{name}\n" for name in NAMES[:4]))
    (lists / "val.txt").write_text("".join(f"{name}\n" for name in NAMES[4:]))
    (lists / "cow_train.txt").write_text("a  1\nb -1\n")
    return root


def yolo_text() -> str:
    """The first object as a box, the second as a polygon."""
    (x0, y0, x1, y1), (left, upper, right, lower) = BOXES
    box = (x0 + x1) / 2 / WIDTH, (y0 + y1) / 2 / HEIGHT, (x1 - x0) / WIDTH, (y1 - y0) / HEIGHT
    corners = ((left, upper), (right, upper), (right, lower), (left, lower))
    polygon = [share for x, y in corners for share in (x / WIDTH, y / HEIGHT)]
    return "0 " + " ".join(f"{value:.6f}" for value in box) + "\n1 " + " ".join(f"{v:.6f}" for v in polygon) + "\n"


def put_yolo(root: Path) -> Path:
    for split, names in (("train", NAMES[:4]), ("val", NAMES[4:])):
        put_images(root / "images" / split, names)
        (root / "labels" / split).mkdir(parents=True)
        for name in names:
            (root / "labels" / split / f"{name}.txt").write_text(yolo_text())
    (root / "data.yaml").write_text("path: .\ntrain: images/train\nval: images/val\nnames:\n  0: cow\n  1: sheep\n")
    return root

"""Small detection data sets in each layout: grey images with bright rectangles, whose corners are the boxes."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

Box = tuple[int, int, int, int]
Shown = dict[str, list[tuple[str, Box]]]
"""For each image the class and box of each object."""

NAMES = ("disc", "bar")
SIZE = (40, 56)


def some_objects(count: int = 6) -> Shown:
    """Images a, b, ... with up to two objects each; every third has none."""
    found: Shown = {}
    for number in range(count):
        x, y = 3 + 4 * (number % 5), 5 + 3 * (number % 4)
        both: list[tuple[str, Box]] = [("disc", (x, y, x + 14, y + 12)), ("bar", (x + 16, y + 2, x + 36, y + 12))]
        found[chr(ord("a") + number)] = both[: (number + 1) % 3]
    return found


def put_pictures(folder: Path, shown: Shown, size: tuple[int, int] = SIZE) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, objects in shown.items():
        pixels = np.random.default_rng(ord(name[0])).integers(60, 90, (*size, 3), np.uint8)
        for label, (x0, y0, x1, y1) in objects:
            pixels[y0:y1, x0:x1] = (220, 200, 60) if label == "disc" else (40, 180, 230)
        Image.fromarray(pixels).save(folder / f"{name}.png")


def put_coco(root: Path, shown: Shown, masks: bool = True, splits: dict[str, str] | None = None) -> Path:
    put_pictures(root / "images", shown)
    images, annotations = [], []
    for number, (name, objects) in enumerate(shown.items()):
        images.append({"id": number, "file_name": f"{name}.png", "height": SIZE[0], "width": SIZE[1]})
        for label, (x0, y0, x1, y1) in objects:
            record = {
                "id": len(annotations) + 1,
                "image_id": number,
                "category_id": NAMES.index(label) + 1,
                "bbox": [x0, y0, x1 - x0, y1 - y0],
                "iscrowd": 0,
            }
            polygon = [[x0, y0, x1, y0, x1, y1, x0, y1]]
            annotations.append(record | ({"segmentation": polygon} if masks else {}))
    categories = [{"id": number, "name": name} for number, name in enumerate(NAMES, start=1)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (root / "annotations.json").write_text(json.dumps(content))
    if splits:
        rows = [f"{name}.png,{split}" for name, split in splits.items()]
        (root / "splits.csv").write_text("\n".join(["file,split", *rows]) + "\n")
    return root


def put_voc(root: Path, shown: Shown) -> Path:
    put_pictures(root / "JPEGImages", shown)
    (root / "Annotations").mkdir(parents=True)
    for name, objects in shown.items():
        parts = [_voc_object(label, box) for label, box in objects]
        size = f"<size><width>{SIZE[1]}</width><height>{SIZE[0]}</height><depth>3</depth></size>"
        (root / "Annotations" / f"{name}.xml").write_text(f"<annotation>{size}{''.join(parts)}</annotation>")
    return root


def _voc_object(label: str, box: Sequence[int]) -> str:
    x0, y0, x1, y1 = box  # VOC counts pixels from 1 and includes the last
    corners = f"<xmin>{x0 + 1}</xmin><ymin>{y0 + 1}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax>"
    return f"<object><name>{label}</name><bndbox>{corners}</bndbox></object>"


def put_yolo(root: Path, shown: Shown) -> Path:
    put_pictures(root / "images" / "train", shown)
    (root / "labels" / "train").mkdir(parents=True)
    (root / "data.yaml").write_text(f"names: [{', '.join(NAMES)}]\n")
    height, width = SIZE
    for name, objects in shown.items():
        lines = []
        for label, (x0, y0, x1, y1) in objects:
            centre = f"{(x0 + x1) / 2 / width:.9f} {(y0 + y1) / 2 / height:.9f}"
            lines.append(f"{NAMES.index(label)} {centre} {(x1 - x0) / width:.9f} {(y1 - y0) / height:.9f}")
        (root / "labels" / "train" / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return root


def put_instances(root: Path, shown: Shown) -> Path:
    """Label maps in which discs have the values 1 to 99 and bars 101 to 199."""
    put_pictures(root / "images", shown)
    (root / "labels").mkdir()
    (root / "classes.txt").write_text("0 background\n1-99 disc\n101-199 bar\n")
    for name, objects in shown.items():
        labels = np.zeros(SIZE, np.uint8)
        for number, (label, (x0, y0, x1, y1)) in enumerate(objects, start=1):
            labels[y0:y1, x0:x1] = number + 100 * NAMES.index(label)
        Image.fromarray(labels).save(root / "labels" / f"{name}.png")
    return root

"""Object annotations in COCO's JSON, with masks as its compressed run lengths.

Source: Lin et al. 2014.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypedDict

from pixelwise.files import write_text
from pixelwise.ops.run_lengths import Rle


class Annotation(TypedDict):
    """One object, as COCO stores it."""

    id: int
    image_id: int
    category_id: int
    bbox: list[float]
    """x, y of the upper left corner, width, height: not two corners."""
    area: int
    iscrowd: int
    segmentation: Rle


def annotation(number: int, image: int, category: int, box: Sequence[float], mask: Rle, area: int) -> Annotation:
    """One object.

    Args:
        number: from 1 on, unique in the file.
        image: number of its image.
        category: number of its category.
        box: x0 y0 x1 y1 in pixels, ends exclusive.
        mask: its pixels.
        area: how many they are.
    """
    x0, y0, x1, y1 = (float(value) for value in box)
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": area,
        "iscrowd": 0,
        "segmentation": mask,
    }


def write_coco(
    path: Path, images: Iterable[dict[str, Any]], annotations: Iterable[Annotation], categories: Sequence[str]
) -> None:
    """Writes the annotations of a data set, whole or not at all.

    Args:
        path: the JSON file.
        images: records with id, file_name, width, height, and what else is known.
        annotations: all objects of all images.
        categories: their names; the first has number 1.
    """
    content = {
        "images": list(images),
        "annotations": list(annotations),
        "categories": [{"id": number, "name": name} for number, name in enumerate(categories, start=1)],
    }
    write_text(Path(path), json.dumps(content, separators=(",", ":"), allow_nan=False) + "\n")

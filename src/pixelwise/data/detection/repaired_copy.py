"""A repaired copy of a detection data set, in COCO's layout whatever the layout it came from."""

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pixelwise.data.detection.folder import DetectionFolder
from pixelwise.data.detection.objects import Objects
from pixelwise.data.detection.repair import sound_objects
from pixelwise.errors import InputError
from pixelwise.files import whole_file, write_text


def write_repaired(
    folder: DetectionFolder, out: Path, progress: Callable[[int, int], None] | None = None
) -> tuple[int, int]:
    """Writes images/, annotations.json and splits.csv; gives the objects written and how many were left out or changed.

    Objects are those that training would use. Marks of difficult objects become crowds, which COCO knows: neither is
    right or wrong to find. Images are copied as they are.

    Args:
        folder: the data set.
        out: a folder that is empty or not there yet.
        progress: called with (images done, images in all).

    Raises:
        InputError: `out` holds something, or an image or its annotations cannot be read.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError("an empty or new folder for the repaired copy", f"{out}", "choose another --repair")
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    rows = []
    repairs = 0
    for number, item in enumerate(folder.items, start=1):
        objects, faults = sound_objects(item)
        repairs += len(faults)
        height, width = objects.size
        images.append({"id": number, "file_name": item.name, "width": width, "height": height})
        annotations += _records(objects, number, len(annotations) + 1, folder.category_ids)
        rows.append((item.name, item.split))
        with whole_file(out / "images" / item.name) as unfinished:
            shutil.copyfile(item.image, unfinished)
        if progress is not None:
            progress(number, len(folder.items))
    names = zip(folder.category_ids, folder.classes[1:], strict=True)
    categories = [{"id": number, "name": name} for number, name in names]
    content = {"images": images, "annotations": annotations, "categories": categories}
    write_text(out / "splits.csv", _table(rows))
    write_text(out / "annotations.json", json.dumps(content, separators=(",", ":"), allow_nan=False) + "\n")
    return len(annotations), repairs


def _records(objects: Objects, image: int, first: int, categories: tuple[int, ...]) -> list[dict[str, Any]]:
    records = []
    ignored = (objects.crowd | objects.difficult).tolist()
    for place, (box, label) in enumerate(zip(objects.boxes.tolist(), objects.labels.tolist(), strict=True)):
        x0, y0, x1, y1 = box
        record: dict[str, Any] = {
            "id": first + place,
            "image_id": image,
            "category_id": categories[label - 1],
            "bbox": [x0, y0, x1 - x0, y1 - y0],
            "area": (x1 - x0) * (y1 - y0),
            "iscrowd": int(ignored[place]),
        }
        if objects.masks is not None:
            record["segmentation"] = _plain(objects.masks[place]["counts"], objects.size)
        records.append(record)
    return records


def _plain(counts: str | bytes | list[int], size: tuple[int, int]) -> dict[str, Any]:
    return {"size": list(size), "counts": counts.decode("ascii") if isinstance(counts, bytes) else counts}


def _table(rows: list[tuple[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "split"])
    writer.writerows(rows)
    return text.getvalue()

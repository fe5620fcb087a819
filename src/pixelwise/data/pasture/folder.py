"""A folder of Pasture scenes in plain formats, which every program of the field reads."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pixelwise.data.formats.coco import Annotation, annotation, write_coco
from pixelwise.data.formats.flo import write_flo
from pixelwise.data.formats.masks import write_label_map
from pixelwise.data.generated_folder import claim_folder, split_of, write_png
from pixelwise.data.pasture.knobs import CLASSES, SPECIES, Knobs
from pixelwise.data.pasture.render import Scene, check_draw, render
from pixelwise.errors import InputError
from pixelwise.files import write_text
from pixelwise.ops.run_lengths import encode_mask

FORMAT_VERSION = 1
"""Rises when the same knobs and seed would give another picture or another layout."""

DESCRIPTION = "pasture.json"
ANNOTATIONS = "annotations.json"
"""Written last: a folder that has it is complete."""

MOST_IMAGES = 999_999
"""File names have six digits."""

CLASS_COLOURS = np.array(
    [[40, 44, 52], [230, 97, 72], [240, 180, 60], [120, 190, 235], [150, 110, 200]], dtype=np.uint8
)
"""How viewers show the label maps: dark ground; red cow, yellow camel, blue sheep, violet horse."""


def write_folder(
    folder: Path, knobs: Knobs, images: int, seed: int, progress: Callable[[int, int], None] | None = None
) -> None:
    """Writes scenes 0..images-1 of a world with all their truth.

    For each scene NNNNNN: images/NNNNNN.png and second/NNNNNN.png (RGB), labels/NNNNNN.png (palette, class numbers),
    instances/NNNNNN.png (16 bit), flow/NNNNNN.flo, occlusion/NNNNNN.png (255 where not seen in the second frame). For
    all: classes.txt, splits.csv, attributes.csv, annotations.json (COCO), pasture.json (knobs, seed). A run that was
    stopped goes on when called again with the same arguments: finished files are kept. Each image appears under its
    name only when it is complete.

    Args:
        folder: made where it is missing.
        knobs: the settings.
        images: how many, 1..999999.
        seed: any whole number from 0 on.
        progress: called with (done, all) after each image.

    Raises:
        InputError: the folder holds something else, other knobs, or is complete; or the number of images is out of
            range.
        OSError: the disk is full or not writable; nothing incomplete is left under a final name.
    """
    folder = Path(folder)
    if isinstance(images, bool) or not isinstance(images, int) or not 1 <= images <= MOST_IMAGES:
        raise InputError(f"1..{MOST_IMAGES} images", repr(images), hint="images=1000 trains a small network")
    check_draw("seed", seed)
    description = {
        "format": "pasture",
        "version": FORMAT_VERSION,
        "images": images,
        "seed": seed,
        "knobs": asdict(knobs),
    }
    claim_folder(folder, DESCRIPTION, description, ANNOTATIONS)
    rows, records, objects = [], [], list[Annotation]()
    for index in range(images):
        # A scene is painted again even if its files are there: the lists need it, and painting costs less than
        # reading all back.
        scene = render(knobs, seed, index)
        name = f"{index:06d}"
        _write_scene(folder, name, scene)
        rows.append({"file": f"{name}.png", **scene.attributes, "caption": scene.caption})
        height, width = scene.labels.shape
        records.append(
            {"id": index, "file_name": f"{name}.png", "width": width, "height": height, "caption": scene.caption}
        )
        objects.extend(_annotations(scene, index, len(objects) + 1))
        if progress is not None:
            progress(index + 1, images)
    write_text(folder / "classes.txt", "".join(f"{number} {name}\n" for number, name in enumerate(CLASSES)))
    splits = [
        {"file": f"{index:06d}.png", "split": split}
        for index, split in enumerate(split_of(images, seed, FORMAT_VERSION))
    ]
    write_text(folder / "splits.csv", _table(splits))
    write_text(folder / "attributes.csv", _table(rows))
    write_coco(folder / ANNOTATIONS, records, objects, SPECIES)


def _write_scene(folder: Path, name: str, scene: Scene) -> None:
    """Writes those files of a scene that are not there yet."""
    writers: dict[str, Callable[[Path], None]] = {
        f"images/{name}.png": lambda path: write_png(path, scene.image),
        f"second/{name}.png": lambda path: write_png(path, scene.second),
        f"labels/{name}.png": lambda path: write_label_map(path, scene.labels, CLASS_COLOURS),
        f"instances/{name}.png": lambda path: write_png(path, scene.instances),
        f"flow/{name}.flo": lambda path: write_flo(path, scene.flow),
        f"occlusion/{name}.png": lambda path: write_png(path, scene.occlusion.astype(np.uint8) * np.uint8(255)),
    }
    for place, write in writers.items():
        if not (folder / place).exists():
            write(folder / place)


def _annotations(scene: Scene, image: int, first: int) -> Iterator[Annotation]:
    """One COCO record for each animal, numbered from `first` on."""
    for number, (box, label, animal) in enumerate(zip(scene.boxes, scene.classes, scene.animals, strict=True)):
        x0, y0, x1, y1 = (int(side) for side in box)
        mask = encode_mask(scene.instances[y0:y1, x0:x1] == number + 1, scene.labels.shape, (y0, x0))
        yield annotation(first + number, image, int(label), box.tolist(), mask, animal.area)


def _table(rows: list[dict[str, Any]]) -> str:
    """Rows as CSV with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()

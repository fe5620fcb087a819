"""Object annotations in COCO's JSON, with masks as its compressed run lengths.

Source: Lin et al. 2014; the coding is that of maskApi.c in COCO's own tools.

A mask is read column by column; run lengths alternate between outside and inside, starting outside. The compressed
form writes each length (from the fourth on: its difference to the length two before) in groups of 5 bits, lowest
first: bit 6 says that more follow, the last group's bit 5 is the sign, and 48 is added to land among printable
characters.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from jaxtyping import Bool

from pixelwise.errors import InputError
from pixelwise.files import write_text
from pixelwise.shapes import Size


class Rle(TypedDict):
    """A mask as COCO stores it."""

    size: list[int]
    """Height and width."""
    counts: str


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


def encode_mask(mask: Bool[np.ndarray, "H W"], size: Size | None = None, corner: tuple[int, int] = (0, 0)) -> Rle:
    """The run lengths of a mask.

    Args:
        mask: True inside.
        size: height and width of the image where `mask` is only a window of it; outside the window nothing is inside.
        corner: row and column of the window's first pixel.

    >>> encode_mask(np.array([[False, True], [True, True]]))
    {'size': [2, 2], 'counts': '13'}
    """
    height, width = mask.shape if size is None else size
    down, across = corner
    assert down + mask.shape[0] <= height and across + mask.shape[1] <= width, "the window leaves the image"
    column, row = np.divmod(np.flatnonzero(mask.T), max(1, mask.shape[0]))
    places = (column + across) * height + row + down
    if not len(places):
        return {"size": [height, width], "counts": _compressed([height * width])}
    breaks = np.flatnonzero(np.diff(places) != 1)
    starts = places[np.concatenate([[0], breaks + 1])]
    ends = places[np.concatenate([breaks, [len(places) - 1]])] + 1
    edges = np.concatenate([[0], np.stack([starts, ends], axis=1).ravel(), [height * width]])
    counts = np.diff(edges)
    # The last run is outside; where the mask reaches the last pixel there is none.
    return {"size": [height, width], "counts": _compressed(counts[: len(counts) - int(counts[-1] == 0)].tolist())}


def decode_mask(rle: Rle, source: str = "a mask") -> Bool[np.ndarray, "H W"]:
    """The mask of compressed run lengths.

    Args:
        rle: size and counts.
        source: what to call it in an error: file and annotation.

    Raises:
        InputError: counts are no run lengths, or do not fill the size exactly.
    """
    height, width = rle["size"]
    counts = _decompressed(rle["counts"], source)
    if min(counts, default=0) < 0 or sum(counts) != height * width:
        raise InputError(
            f"run lengths of at least 0 with the sum {height * width} for {height}x{width} pixels",
            f"{len(counts)} run lengths with the sum {sum(counts)} in {source}",
            hint="write the annotation again with pixelwise.data.formats.coco.encode_mask",
        )
    inside = np.arange(len(counts)) % 2 == 1
    return np.repeat(inside, counts).reshape(width, height).T


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


def _compressed(counts: list[int]) -> str:
    """Run lengths as characters."""
    text = []
    for place, count in enumerate(counts):
        value = count - counts[place - 2] if place > 2 else count
        more = True
        while more:
            group, value = value & 0x1F, value >> 5
            more = value != (-1 if group & 0x10 else 0)
            text.append(chr(group + 0x20 * more + 48))
    return "".join(text)


def _decompressed(text: str, source: str) -> list[int]:
    """Characters as run lengths.

    Raises:
        InputError: a character outside the code, or the text ends within a number.
    """
    counts: list[int] = []
    value = shift = 0
    for place, character in enumerate(text):
        code = ord(character) - 48
        if not 0 <= code < 64:
            raise InputError(
                "compressed run lengths, characters from '0' to 'o'",
                f"{character!r} at place {place} in {source}",
                hint="write the annotation again with pixelwise.data.formats.coco.encode_mask",
            )
        value |= (code & 0x1F) << shift
        shift += 5
        if not code & 0x20:
            value -= (code & 0x10) << (shift - 4)
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    if shift:
        raise InputError(
            "compressed run lengths",
            f"a text that ends within a number in {source}",
            hint="the file may be cut short: copy it again",
        )
    return counts

"""Detections in COCO's results format, which its evaluation server and every evaluator read.

Source: the data set's page "Results format": a list with image_id, category_id, bbox as x y width height, score, and
segmentation as compressed run lengths where there are masks.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from pixelwise.data.detection.folder import DetectionFolder
from pixelwise.errors import InputError
from pixelwise.files import write_named
from pixelwise.ops.run_lengths import Rle, decode_mask, encode_mask
from pixelwise.results import ObjectMasks


@runtime_checkable
class Found(Protocol):
    """What a detector found in one image, as `pixelwise.results.Detections` has it."""

    @property
    def boxes(self) -> Tensor:
        """N 4: x0 y0 x1 y1 in pixels."""

    @property
    def scores(self) -> Tensor:
        """N of them."""

    @property
    def labels(self) -> Tensor:
        """N of 1..K."""

    @property
    def masks(self) -> ObjectMasks | Sequence[Rle] | None:
        """One for each object, or None."""


def write_detections_coco(path: Path, folder: DetectionFolder, detections: Mapping[str, Found]) -> None:
    """Writes a results file, whole or not at all; images without detections have no entry, as is the custom.

    Args:
        path: the JSON file.
        folder: the data set, for the numbers of its images and categories.
        detections: by the names of the items, in any order.

    Raises:
        InputError: a name of no item, two images of one number, a label that is no class, a box or a score that is not
            finite, or the file cannot be written.
    """
    items = {item.name: item for item in folder.items}
    strange = [name for name in detections if name not in items]
    if strange:
        raise InputError(f"names of images of {folder.root}", f"{strange[0]!a}", hint=f"such as {folder.items[0].name}")
    numbers = [items[name].image_id for name in detections]
    if len(set(numbers)) < len(numbers):
        raise InputError(
            "different image ids", f"one twice among {len(numbers)}", hint="write each split on its own: only('val')"
        )
    records: list[dict[str, Any]] = []
    for name, found in detections.items():
        records.extend(detection_records(name, items[name].image_id, found, folder.category_ids))
    write_named(Path(path), (json.dumps(records, separators=(",", ":"), allow_nan=False) + "\n").encode())


def detection_records(name: str, image: int | str, found: Found, categories: Sequence[int]) -> Iterator[dict[str, Any]]:
    """The entries of one image in a results file.

    Args:
        name: what a message calls the image.
        image: its number or name in the file.
        found: what was found in it.
        categories: the file's numbers of classes 1..K.

    Raises:
        InputError: a label that is no class, or a box or a score that is not finite.
    """
    boxes, scores = found.boxes.detach().double().cpu(), found.scores.detach().double().cpu()
    labels: list[int] = found.labels.tolist()
    if not (torch.isfinite(boxes).all() and torch.isfinite(scores).all()):
        raise InputError("finite boxes and scores", f"others in {name}", hint="the model's weights may hold NaN")
    if any(not 1 <= label <= len(categories) for label in labels):
        raise InputError(f"labels in 1..{len(categories)}", f"{labels} in {name}"[:100], hint="0 is background")
    masks = _run_lengths(found.masks)
    for place, (box, score, label) in enumerate(zip(boxes.tolist(), scores.tolist(), labels, strict=True)):
        x0, y0, x1, y1 = box
        record: dict[str, Any] = {
            "image_id": image,
            "category_id": categories[label - 1],
            "bbox": [x0, y0, x1 - x0, y1 - y0],
            "score": score,
        }
        yield record if masks is None else record | {"segmentation": masks[place]}


def _run_lengths(masks: ObjectMasks | Sequence[Rle] | None) -> Sequence[Rle] | None:
    if masks is None:
        return None
    if not isinstance(masks, ObjectMasks):
        return [mask if isinstance(mask["counts"], str) else encode_mask(decode_mask(mask)) for mask in masks]
    windows = [np.asarray(window.detach().cpu()) for window in masks.windows]
    return [encode_mask(window, masks.size, corner) for window, corner in zip(windows, masks.corners, strict=True)]

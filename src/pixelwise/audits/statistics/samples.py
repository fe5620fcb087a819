"""What an audit asks a model about: named images with their truth and attributes, from a folder or from anywhere."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from torch import Tensor

from pixelwise.data.classes import ClassTable
from pixelwise.data.detection.folder import DetectionFolder
from pixelwise.data.detection.repair import sound_objects
from pixelwise.data.flow import FlowFolder, FlowItem, read_pair
from pixelwise.data.folder import SegmentationFolder
from pixelwise.data.formats.masks import read_label_map
from pixelwise.data.images import read_image
from pixelwise.data.items import ATTRIBUTE_FILES
from pixelwise.data.tables import ATTRIBUTES_HINT, read_table
from pixelwise.errors import InputError

AnyImage = Path | Tensor


@dataclass(frozen=True, eq=False)
class Sample:
    """One image, or a pair of frames, to ask a model about.

    `images` are files or tensors (3, H, W) of floats 0..1; a model is called with all of them. `truth` is the answer
    that would be right, or a function that reads it: a class name or number (classification); a label map (H, W) with
    255 for pixels that do not count (segmentation); a record of objects such as
    `pixelwise.data.detection.objects.Objects` (detection); a flow (2, H, W), NaN where it is unknown (flow). All
    samples of an audit have the same attributes.
    """

    name: str
    images: tuple[AnyImage, ...]
    truth: Any
    attributes: Mapping[str, str] = field(default_factory=dict)

    def read_truth(self) -> Any:
        """The right answer, read now where it lies in a file."""
        return self.truth() if callable(self.truth) else self.truth

    def read_images(self) -> tuple[Tensor, ...]:
        """The images as tensors.

        Raises:
            InputError: a file cannot be read.
        """
        return tuple(read_image(image) if isinstance(image, Path) else image for image in self.images)


def segmentation_samples(folder: SegmentationFolder, table: ClassTable) -> list[Sample]:
    """The images of a folder with label maps, read when they are asked for.

    Args:
        folder: the data set, or one split of it.
        table: which stored values mean which class.

    Raises:
        InputError: an image has no label map.
    """
    samples = []
    for item in folder.items:
        if item.labels is None:
            raise InputError(f"a label map for {item.image}", "none", "run `pixelwise data check` on the folder")
        samples.append(Sample(item.name, (item.image,), _reader(item.labels, table), item.attributes))
    return samples


def detection_samples(folder: DetectionFolder, attributes: Path | None = None) -> list[Sample]:
    """The images of a folder with objects, read when they are asked for.

    Args:
        folder: the data set, or one split of it.
        attributes: a CSV of attributes by file name; None takes attributes.csv in the folder, where there is one.

    Raises:
        InputError: the attributes cannot be read.
    """
    root = folder.root if folder.root.is_dir() else folder.root.parent
    columns = read_attributes([item.name for item in folder.items], root, attributes)
    return [
        Sample(item.name, (item.image,), lambda item=item: sound_objects(item)[0], found)
        for item, found in zip(folder.items, columns, strict=True)
    ]


def flow_samples(folder: FlowFolder, attributes: Path | None = None) -> list[Sample]:
    """The pairs of frames of a folder whose true flow is known.

    Args:
        folder: the data set, or one split of it.
        attributes: as in `detection_samples`.

    Raises:
        InputError: the attributes cannot be read.
    """
    items = [item for item in folder.items if item.flow is not None]
    columns = read_attributes([item.name for item in items], folder.root, attributes)
    return [
        Sample(item.name, (item.image, item.second), lambda item=item: true_flow(item), found)
        for item, found in zip(items, columns, strict=True)
    ]


def true_flow(item: FlowItem) -> Tensor:
    """The flow of a pair, NaN where it is unknown."""
    pair = read_pair(item)
    return pair.flow.where(pair.valid, torch.tensor(float("nan")))


def read_attributes(names: Sequence[str], root: Path, given: Path | None) -> list[Mapping[str, str]]:
    """The attributes of images by name, from a CSV whose first column is the name, with or without suffix.

    An image without a row has "" for every attribute.

    Args:
        names: of the images.
        root: the folder in which attributes.csv or index.csv is looked for.
        given: the file, where it is another one.

    Raises:
        InputError: the file cannot be read, or no row is about any of the images.
    """
    file = given or next((root / name for name in ATTRIBUTE_FILES if (root / name).is_file()), None)
    if file is None:
        return [{} for _ in names]
    rows = {row.key: row.cells for row in read_table(file, ATTRIBUTES_HINT)}
    found = [rows.get(name) or rows.get(str(PurePosixPath(name).with_suffix(""))) for name in names]
    if not any(found):
        raise InputError(f"rows about the images, such as {names[0]}", f"none in {file}", hint=ATTRIBUTES_HINT)
    empty = dict.fromkeys(next(iter(rows.values())), "")
    return [cells or empty for cells in found]


def _reader(labels: Path, table: ClassTable) -> Callable[[], Tensor]:
    return lambda: torch.from_numpy(table.encode(read_label_map(labels), str(labels)))

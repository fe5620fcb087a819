"""Training crops and whole validation images, read from a folder as they are needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.utils.data import Dataset

from pixelwise.data.classes import ClassTable
from pixelwise.data.folder import Item
from pixelwise.data.formats.masks import read_label_map
from pixelwise.data.images import read_image
from pixelwise.data.transforms import Augmentation, Sample, augment
from pixelwise.errors import InputError
from pixelwise.shapes import Image, Images, LabelMaps
from pixelwise.training.draws import Key, generator_for

Channels = tuple[float, float, float]
"""One number for each of red, green and blue."""


class Batch(NamedTuple):
    """Crops side by side, with the names of the files they come from."""

    images: Images
    labels: LabelMaps
    names: tuple[str, ...]


class WholeImage(NamedTuple):
    """One image with its labels, uncut."""

    image: Image
    labels: UInt8[Tensor, "H W"]
    name: str


@dataclass(frozen=True)
class WholeImages(Dataset[WholeImage]):
    """Images and their class indices, in the folder's order."""

    items: Sequence[Item]
    classes: ClassTable

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> WholeImage:
        item = self.items[index]
        if item.labels is None:
            raise InputError(f"a label map for {item.image}", "none", "run `pixelwise data check` on the folder")
        image = read_image(item.image)
        labels = torch.from_numpy(self.classes.encode(read_label_map(item.labels), str(item.labels)))
        if labels.shape != image.shape[-2:]:
            raise InputError(
                f"a label map of {image.shape[-2]}x{image.shape[-1]} for {item.image}",
                f"{labels.shape[0]}x{labels.shape[1]} in {item.labels}",
                "run `pixelwise data check` on the folder",
            )
        return WholeImage(image, labels, item.name)


@dataclass(frozen=True)
class Crops(Dataset[WholeImage | InputError]):
    """Augmented crops; crop i of an epoch comes from image i modulo the number of images.

    A file that cannot be read gives its error as the crop, because torch cannot raise an error of three parts across
    processes.
    """

    images: WholeImages
    augmentation: Augmentation
    crops_per_image: int
    seed: int

    def __len__(self) -> int:
        return len(self.images) * self.crops_per_image

    def __getitem__(self, key: Key) -> WholeImage | InputError:
        epoch, index = key
        try:
            whole = self.images[index % len(self.images)]
        except InputError as error:
            return error
        # 1 keeps these draws apart from the order's, which use (seed, epoch).
        moved = augment(
            Sample(image=whole.image, labels=whole.labels), self.augmentation, generator_for(self.seed, epoch, index, 1)
        )
        assert moved.labels is not None, "augment keeps what it is given"
        return WholeImage(moved.image, moved.labels, whole.name)


def collate(crops: Sequence[WholeImage | InputError]) -> Batch | InputError:
    """One batch, its images channels-last, the layout in which convolutions run fastest; or the first error."""
    good = []
    for crop in crops:
        if isinstance(crop, InputError):
            return crop
        good.append(crop)
    images = torch.stack([crop.image for crop in good]).contiguous(memory_format=torch.channels_last)
    return Batch(images, torch.stack([crop.labels for crop in good]).long(), tuple(crop.name for crop in good))


def channel_statistics(images: WholeImages, at_most: int = 100) -> tuple[Channels, Channels]:
    """Mean and standard deviation of each channel over evenly spaced images, `at_most` so many to bound the time."""
    chosen = np.unique(np.linspace(0, len(images) - 1, min(at_most, len(images))).round().astype(int))
    sums = torch.zeros(3, 3, dtype=torch.float64)  # rows: pixels, sum, sum of squares; float64 keeps large sums exact
    for index in chosen.tolist():
        pixels = images[index].image.double().flatten(1)
        sums += torch.stack([torch.full((3,), float(pixels.shape[1])), pixels.sum(1), pixels.square().sum(1)])
    mean = sums[1] / sums[0]
    # A constant channel would be divided by 0; 1/255 is one step of an 8-bit image.
    std = (sums[2] / sums[0] - mean.square()).clamp(min=0).sqrt().clamp(min=1 / 255)
    (r, g, b), (sr, sg, sb) = mean.tolist(), std.tolist()
    return (r, g, b), (sr, sg, sb)

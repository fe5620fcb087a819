"""Training crops and whole validation images, read from a folder as they are needed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol, runtime_checkable

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
from pixelwise.shapes import Image, Images
from pixelwise.training.draws import Key, generator_for
from pixelwise.training.kept import Kept, stamp_of
from pixelwise.training.segmentation.centred import augment_around
from pixelwise.training.segmentation.groups import Groups
from pixelwise.training.segmentation.loss_terms import with_needs
from pixelwise.training.segmentation.sampling import ClassPixels, find_pixel
from pixelwise.training.segmentation.truth import Truth, joined

KEPT_BYTES = 512_000_000
"""Decoded images that each reading process keeps: 160 of 512 x 512 pixels, and little beside training itself."""

Channels = tuple[float, float, float]
"""One number for each of red, green and blue."""


@runtime_checkable
class Picture(Protocol):
    """Anything with an image."""

    @property
    def image(self) -> Image:
        """RGB, float 0..1."""


@runtime_checkable
class Pictures(Protocol):
    """Images by number."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Picture: ...


class Batch(NamedTuple):
    """Crops side by side, with the names of the files they come from and the numbers of their groups, if any."""

    images: Images
    truth: Truth
    names: tuple[str, ...]
    groups: tuple[int, ...] = ()


class Crop(NamedTuple):
    """One crop; its truth is a batch of one."""

    image: Image
    truth: Truth
    name: str
    group: int = 0


class WholeImage(NamedTuple):
    """One image with its labels, uncut."""

    image: Image
    labels: UInt8[Tensor, "H W"]
    name: str


@dataclass(frozen=True)
class WholeImages(Dataset[WholeImage]):
    """Images and their class indices, in the folder's order.

    Decoded images are kept while they fit into `kept_bytes` and their files stay as they are, because small crops
    would decode a whole image each. They are shared: callers change nothing in them.
    """

    items: Sequence[Item]
    classes: ClassTable
    kept_bytes: int = KEPT_BYTES

    @cached_property
    def _kept(self) -> Kept[WholeImage]:
        return Kept(self.kept_bytes)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> WholeImage:
        item = self.items[index]
        stamp = stamp_of(file for file in (item.image, item.labels) if file is not None)
        whole = self._kept.get(index, stamp)
        if whole is None:
            whole = self._read(index)
            self._kept.put(index, stamp, whole, whole.image.nbytes + whole.labels.nbytes)
        return whole

    def labels(self, index: int) -> UInt8[Tensor, "H W"]:
        """The class indices of one image alone, which are read faster than the image.

        Raises:
            InputError: the image has no label map, or it cannot be read.
        """
        item = self.items[index]
        if item.labels is None:
            raise InputError(f"a label map for {item.image}", "none", "run `pixelwise data check` on the folder")
        return torch.from_numpy(self.classes.encode(read_label_map(item.labels), str(item.labels)))

    def _read(self, index: int) -> WholeImage:
        item = self.items[index]
        labels = self.labels(index)
        image = read_image(item.image)
        if labels.shape != image.shape[-2:]:
            raise InputError(
                f"a label map of {image.shape[-2]}x{image.shape[-1]} for {item.image}",
                f"{labels.shape[0]}x{labels.shape[1]} in {item.labels}",
                "run `pixelwise data check` on the folder",
            )
        return WholeImage(image, labels, item.name)


@dataclass(frozen=True)
class Crops(Dataset[Crop | InputError]):
    """Augmented crops, together with the maps that the loss needs.

    Crop i of an epoch comes from image i modulo the number of images, from anywhere in it. With `class_pixels` it
    stands around a pixel drawn evenly by class instead, with `groups` it comes from an image drawn evenly by group; not
    both. `change` is what happens to an image before that, such as another background. A file that cannot be read gives
    its error as the crop, because torch cannot raise an error of three parts across processes.
    """

    images: WholeImages
    augmentation: Augmentation
    crops_per_image: int
    seed: int
    loss: str = "cross_entropy"
    class_pixels: ClassPixels | None = None
    groups: Groups | None = None
    change: Callable[[Sample, torch.Generator], Sample] | None = None

    def __len__(self) -> int:
        return len(self.images) * self.crops_per_image

    def __getitem__(self, key: Key) -> Crop | InputError:
        epoch, index = key
        try:
            # The last number keeps kinds of draws apart, and from the order's, which use (seed, epoch).
            generators = [generator_for(self.seed, epoch, index, kind) for kind in (1, 2, 3)]
            return self._cut(index, *generators)
        except InputError as error:
            return error

    def _cut(self, index: int, moves: torch.Generator, changes: torch.Generator, images: torch.Generator) -> Crop:
        pixel, chosen = None, index % len(self.images)
        if self.class_pixels is not None:
            chosen, label, number = self.class_pixels.draw(moves)
            pixel = find_pixel(self.images[chosen].labels, label, number, self.images[chosen].name)
        elif self.groups is not None:
            chosen = self.groups.draw(images)
        whole = self.images[chosen]
        sample = Sample(image=whole.image, labels=whole.labels)
        if self.change is not None:
            sample = self.change(sample, changes)
        if pixel is None:
            moved = augment(sample, self.augmentation, moves)
        else:
            moved = augment_around(sample, self.augmentation, pixel, moves)
        assert moved.labels is not None, "augment keeps what it is given"
        truth = with_needs(Truth(moved.labels[None]), self.loss, len(self.images.classes.names))
        group = 0 if self.groups is None else self.groups.training[chosen]
        return Crop(moved.image, truth, whole.name, group)


def collate(crops: Sequence[Crop | InputError]) -> Batch | InputError:
    """One batch, its images channels-last, the layout in which convolutions run fastest; or the first error."""
    good = []
    for crop in crops:
        if isinstance(crop, InputError):
            return crop
        good.append(crop)
    images = torch.stack([crop.image for crop in good]).contiguous(memory_format=torch.channels_last)
    truth = joined([crop.truth for crop in good])
    names, groups = (tuple(each) for each in zip(*((crop.name, crop.group) for crop in good), strict=True))
    return Batch(images, truth._replace(labels=truth.labels.long()), names, groups)


def channel_statistics(images: Pictures, at_most: int = 100) -> tuple[Channels, Channels]:
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

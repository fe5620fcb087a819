"""What predictions are: frozen records that every verb and the library speak."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int32, Int64

from pixelwise import shapes
from pixelwise.shapes import LabelMap, Size


@dataclass(frozen=True)
class Segmentation:
    """A class for every pixel of one image.

    `labels` holds class indices into `classes` (uint8 or int64). `probabilities` (K H W, each pixel summing to 1) is
    kept only on request, because it is K times as large as the image.
    """

    labels: LabelMap
    classes: tuple[str, ...]
    probabilities: Float[torch.Tensor, "K H W"] | None = None

    @property
    def shares(self) -> dict[str, float]:
        """The part of the image that each class covers, in 0..1; 0 for an image without pixels."""
        counts = torch.bincount(self.labels.flatten().long(), minlength=len(self.classes))
        return {
            name: count / max(1, self.labels.numel()) for name, count in zip(self.classes, counts.tolist(), strict=True)
        }


@dataclass(frozen=True)
class Flow:
    """Where every pixel of one image is in the next.

    `vectors` holds (dx, dy) in pixels: pixel p of the first image is at p + vectors(p) in the second. `confidence` is
    in 0..1 where it was asked for (`pixelwise.ops.flow_confidence`); low where a pixel is hidden in the second image.
    """

    vectors: shapes.Flow
    confidence: Float[torch.Tensor, "H W"] | None = None


@dataclass(frozen=True)
class Instances:
    """The separate objects of one image.

    `labels` is 0 where there is no object and 1..N inside object 1..N. `classes` names the class of each object and
    `scores` gives the mean probability of that class inside it, both in the order of the numbers.
    """

    labels: Int32[torch.Tensor, "H W"]
    classes: tuple[str, ...]
    scores: Float[torch.Tensor, " N"]

    @property
    def count(self) -> int:
        """How many objects there are."""
        return len(self.classes)


@runtime_checkable
class ObjectMasks(Protocol):
    """Masks of objects, each as a window of the image; `pixelwise.ops.CroppedMasks` is one."""

    @property
    def windows(self) -> list[Bool[torch.Tensor, "_ _"]]:
        """What is inside, for each object."""

    @property
    def corners(self) -> list[tuple[int, int]]:
        """Row and column of each window's first pixel."""

    @property
    def size(self) -> Size:
        """Height and width of the image."""

    def __len__(self) -> int: ...

    def full(self, device: torch.device | str = "cpu") -> Bool[torch.Tensor, "N H W"]:
        """Every mask in the whole image."""

    def run_lengths(self) -> list[Any]:
        """Every mask as COCO's run lengths, each a `pixelwise.ops.Rle`."""


@dataclass(frozen=True)
class Detections:
    """The objects found in one image, the one with the highest score first.

    `boxes` are x0 y0 x1 y1 in pixels of the image as it was given, ends exclusive. `labels` are indices 1..K into
    `classes`, whose first entry is the background, and `scores` are probabilities in 0..1. `masks` has one window for
    each object, or is None where the model gives boxes alone. `size` is the image's.
    """

    boxes: Float[torch.Tensor, "N 4"]
    scores: Float[torch.Tensor, " N"]
    labels: Int64[torch.Tensor, " N"]
    classes: tuple[str, ...]
    masks: ObjectMasks | None
    size: Size

    def __len__(self) -> int:
        return len(self.boxes)

"""What predictions are: frozen records that every verb and the library speak."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int32

from pixelwise.shapes import LabelMap


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

"""The true objects of one image, whatever file they come from."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.ops.run_lengths import Rle
from pixelwise.shapes import Boxes, Size

HINT = "pixelwise.data.detection.objects.objects_of fills in what a data set does not say"


@dataclass(frozen=True)
class Objects:
    """The objects of one image: N boxes with their classes, marks and masks.

    `boxes` are x0 y0 x1 y1 in pixels, ends exclusive, float32. As they come from a file they may be empty, reversed or
    outside the image; `pixelwise.data.detection.repair.repaired` mends that. `labels` are 1..K; 0 is background and
    no object has it. `crowd` marks regions in which detections are neither right nor wrong (COCO's iscrowd), and
    `difficult` objects that Pascal VOC does not count. `masks` are run lengths of the whole image, decoded on demand
    by `pixelwise.ops.run_lengths`; None where the objects have only boxes. `size` is the image's height and width.

    Raises:
        InputError: the parts differ in number or type, or a label is below 1.
    """

    boxes: Boxes
    labels: Int64[Tensor, " N"]
    crowd: Bool[Tensor, " N"]
    difficult: Bool[Tensor, " N"]
    masks: tuple[Rle, ...] | None
    size: Size

    def __post_init__(self) -> None:
        count = len(self.labels)
        wanted = {
            "boxes": ((count, 4), torch.float32),
            "labels": ((count,), torch.int64),
            "crowd": ((count,), torch.bool),
            "difficult": ((count,), torch.bool),
        }
        for name, (shape, dtype) in wanted.items():
            part = getattr(self, name)
            if tuple(part.shape) != shape or part.dtype != dtype:
                raise InputError(
                    f"{name} of shape {shape} and {dtype} for {count} labels",
                    f"{tuple(part.shape)} and {part.dtype}",
                    hint=HINT,
                )
        if self.masks is not None and len(self.masks) != count:
            raise InputError(f"{count} masks, one for each object, or None", f"{len(self.masks)}", hint=HINT)
        if count and int(self.labels.min()) < 1:
            raise InputError(
                "labels from 1 on", f"{int(self.labels.min())}", hint="0 is background; leave such objects out"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, chosen: Bool[Tensor, " N"] | Int64[Tensor, " M"]) -> "Objects":
        """Some of the objects: those marked True, or those numbered, in this order."""
        numbers = torch.where(chosen)[0] if chosen.dtype == torch.bool else chosen
        return replace(
            self,
            boxes=self.boxes[numbers],
            labels=self.labels[numbers],
            crowd=self.crowd[numbers],
            difficult=self.difficult[numbers],
            masks=None if self.masks is None else tuple(self.masks[number] for number in numbers.tolist()),
        )


def objects_of(boxes: Boxes, labels: Int64[Tensor, " N"], size: Size, masks: tuple[Rle, ...] | None = None) -> Objects:
    """Objects that are neither crowds nor difficult.

    Args:
        boxes: x0 y0 x1 y1 in pixels.
        labels: 1..K.
        size: height and width of the image.
        masks: one for each, of this size.

    Raises:
        InputError: as `Objects`.

    >>> one = objects_of(torch.tensor([[1.0, 2.0, 5.0, 4.0]]), torch.tensor([3]), (8, 8))
    >>> len(one), one.crowd.tolist(), one.masks
    (1, [False], None)
    """
    plain = torch.zeros(len(labels), dtype=torch.bool)
    return Objects(boxes, labels, plain, plain, masks, size)

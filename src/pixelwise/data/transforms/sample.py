"""One training sample: an image and everything known about its pixels, so that one draw can move all of it."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Integer
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.shapes import Boxes, Flow, Image, LabelMap, Mask

LABEL_TYPES = (torch.uint8, torch.int16, torch.int32, torch.int64)
"""The integer types that can hold 255, the ignore label; int8 cannot."""


@dataclass(frozen=True, eq=False)
class Sample:
    """An image (RGB, float 0..1) with its truth; all but the image may be missing; maps have the image's size.

    `labels` are class indices, 255 = ignore. `boxes` are x0 y0 x1 y1 in pixels, ends exclusive, and `masks` show one
    object each, in the order of the boxes. `flow` is (dx, dy) in pixels from `image` to `second`, known where `valid`
    is True; without `valid` it is known wherever it is finite. `kept` is filled by `augment`: row i of the boxes was
    row `kept[i]` before, so `classes[sample.kept]` are the classes of the boxes that are left.
    """

    image: Image
    labels: LabelMap | None = None
    boxes: Boxes | None = None
    flow: Flow | None = None
    second: Image | None = None
    valid: Mask | None = None
    masks: Bool[Tensor, "N H W"] | None = None
    kept: Integer[Tensor, " N"] | None = None

    def __post_init__(self) -> None:
        """Checks that all parts belong to the same picture.

        Raises:
            InputError: a part has another size or type than the image asks for, or boxes are not x0 <= x1, y0 <= y1.
        """
        _check_image(self.image)
        height, width = self.image.shape[1:]
        objects = -1 if self.boxes is None else len(self.boxes)
        _check_shape("labels", self.labels, (height, width))
        _check_shape("flow", self.flow, (2, height, width))
        _check_shape("second", self.second, (3, height, width))
        _check_shape("valid", self.valid, (height, width))
        _check_shape("masks", self.masks, (objects, height, width))
        _check_shape("boxes", self.boxes, (-1, 4))
        _check_labels(self.labels)
        _check_boxes(self.boxes)
        if self.valid is not None and self.flow is None:
            raise InputError(
                "valid together with flow", "valid alone", hint="valid says where the flow is known; leave it out"
            )


def _check_image(image: Tensor) -> None:
    if image.ndim != 3 or image.shape[0] != 3 or not image.is_floating_point() or image.numel() == 0:
        raise InputError(
            "a float RGB image of shape (3, H, W) with at least one pixel",
            f"{image.dtype} of shape {tuple(image.shape)}",
            hint="read it with pixelwise.data.read_image, or use torch.from_numpy(array).permute(2, 0, 1) / 255",
        )


def _check_shape(name: str, part: Tensor | None, wanted: tuple[int, ...]) -> None:
    """Refuses a part of another shape; -1 stands for any length."""
    if part is None:
        return
    same = part.ndim == len(wanted) and all(w in (-1, s) for s, w in zip(part.shape, wanted, strict=True))
    if not same:
        size = ", ".join("N" if side == -1 else str(side) for side in wanted)
        raise InputError(
            f"{name} of shape ({size}), as the image has it",
            f"{tuple(part.shape)}",
            hint=f"check that {name} and image are of the same picture and channels come first",
        )


def _check_labels(labels: Tensor | None) -> None:
    if labels is not None and labels.dtype not in LABEL_TYPES:
        raise InputError(
            "labels as integers that can hold 255 (uint8, int16, int32, int64)",
            str(labels.dtype),
            hint="convert them with labels.long()",
        )


def _check_boxes(boxes: Tensor | None) -> None:
    if boxes is None:
        return
    wrong = ~((boxes[:, 2:] >= boxes[:, :2]).all(1) & boxes.isfinite().all(1))
    if bool(wrong.any()):
        row = int(wrong.nonzero()[0])
        raise InputError(
            "boxes as x0 y0 x1 y1 with x0 <= x1 and y0 <= y1",
            f"{boxes[row].tolist()} in row {row}",
            hint="boxes given as x y width height need boxes[:, 2:] += boxes[:, :2] first",
        )

"""Boxes around masks, and the overlap of masks."""

import torch
from jaxtyping import Bool, Float, Num, Shaped
from torch import Tensor

from pixelwise.errors import InputError

BLOCK = 2**18
"""Pixels of both sets compared at once: as float32 they stay in the cache, and counts up to 2**24 are exact."""


def masks_to_boxes(masks: Shaped[Tensor, "N H W"]) -> Float[Tensor, "N 4"]:
    """The box x0 y0 x1 y1 around each mask in pixels, ends exclusive, as float32; zeros where a mask is empty.

    torchvision's ends are inclusive: its x1 and y1 are smaller by 1, and a mask of one pixel has a box without area.

    Args:
        masks: of any dtype; what is not 0 is inside.

    Raises:
        InputError: not of three axes.

    >>> masks_to_boxes(torch.tensor([[[0, 0, 0], [0, 1, 1]], [[0, 0, 0], [0, 0, 0]]])).tolist()
    [[1.0, 1.0, 3.0, 2.0], [0.0, 0.0, 0.0, 0.0]]
    """
    _check_stack(masks, "masks")
    if 0 in masks.shape:
        return torch.zeros(masks.shape[0], 4, device=masks.device)
    inside = masks.bool()
    (left, right), (top, bottom) = _extent(inside.any(dim=1)), _extent(inside.any(dim=2))
    return torch.stack([left, top, right, bottom], dim=1).float()


def mask_iou(
    masks1: Num[Tensor, "N H W"] | Bool[Tensor, "N H W"],
    masks2: Num[Tensor, "M H W"] | Bool[Tensor, "M H W"],
    iscrowd: Bool[Tensor, " M"] | None = None,
) -> Float[Tensor, "N M"]:
    """Intersection over union of every pair of masks, in 0..1, as float32. Two empty masks have 0.

    Counted exactly, by matrix products over blocks of pixels that take a megabyte beside the masks. A compiled graph
    takes all pixels at once, and rounds counts beyond 2**24.

    Args:
        masks1: detections, of any real dtype; what is not 0 is inside.
        masks2: true objects.
        iscrowd: True for crowds among `masks2`. The union with a crowd is the detection alone, as in COCO, so that
            each part of a crowd can be found.

    Raises:
        InputError: not stacks of masks of one size on one device, or marks of another number or dtype.
    """
    _check_pairs(masks1, masks2, iscrowd)
    intersection, areas, others = _counts(masks1.flatten(1), masks2.flatten(1))
    union = areas[:, None] + others - intersection
    if iscrowd is not None:
        union = torch.where(iscrowd, areas[:, None], union)
    return intersection.float() / union.clamp(min=1).float()


def _extent(hit: Tensor) -> tuple[Tensor, Tensor]:
    """First place and end of what is True in each row; 0 and 0 where nothing is."""
    numbers = hit.to(torch.uint8)  # argmax takes no bool; of equals it gives the first
    return numbers.argmax(dim=1), (hit.shape[1] - numbers.flip(1).argmax(dim=1)) * hit.any(dim=1)


def _counts(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The number of pixels inside both of each pair, inside each of the first, and inside each of the second."""
    sizes = (first.shape[0], second.shape[0]), first.shape[:1], second.shape[:1]
    common, area, other = (torch.zeros(size, dtype=torch.int64, device=first.device) for size in sizes)
    pixels = first.shape[1]
    # A compiler could not trace a loop over a number that it does not know.
    block = pixels if torch.compiler.is_compiling() else max(1, BLOCK // max(1, sum(sizes[0])))
    # Autocast would count in half precision.
    with torch.autocast(first.device.type, enabled=False):
        for start in range(0, pixels, max(1, block)):
            a, b = (masks[:, start : start + block].bool().float() for masks in (first, second))
            common, area, other = common + (a @ b.T).long(), area + a.sum(1).long(), other + b.sum(1).long()
    return common, area, other


def _check_stack(masks: Tensor, name: str) -> None:
    if masks.ndim != 3:
        raise InputError(
            f"{name} of shape (N, height, width)", f"shape {tuple(masks.shape)}", hint="one mask is a stack: mask[None]"
        )


def _check_pairs(masks1: Tensor, masks2: Tensor, iscrowd: Tensor | None) -> None:
    _check_stack(masks1, "masks1")
    _check_stack(masks2, "masks2")
    if masks1.shape[1:] != masks2.shape[1:] or masks1.device != masks2.device:
        raise InputError(
            "masks of one size on one device",
            f"{tuple(masks1.shape[1:])} on {masks1.device} and {tuple(masks2.shape[1:])} on {masks2.device}",
            hint="compare masks of one image at a time",
        )
    if iscrowd is not None and (iscrowd.dtype != torch.bool or iscrowd.shape != masks2.shape[:1]):
        raise InputError(
            f"a crowd mark (bool) for each of {masks2.shape[0]} masks",
            f"{iscrowd.dtype} of shape {tuple(iscrowd.shape)}",
            hint="pass iscrowd.bool()",
        )

"""Small masks pasted into their boxes: as windows, run lengths, or whole images.

The pasting is that of torchvision, which published weights were judged with: the mask is framed with a pixel of
zeros and the box grown alike; the box is cut to whole pixels towards zero and includes its last pixel; the frame is
resized to it (bilinear, corners not aligned), and what reaches the threshold is inside. Resizing is linear on each
axis alone, so a mask is multiplied by one matrix for its rows and one for its columns, inside its box only.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Num
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.ops.run_lengths import Rle, encode_mask
from pixelwise.shapes import Size

FARTHEST = 1e9
"""Coordinates are cut here, in pixels: beyond, whole numbers in 64 bits could overflow, and no image reaches."""


BLOCK = 2**20
"""Soft values computed at once: 4 MB, which about fit a cache."""


@dataclass(frozen=True)
class CroppedMasks:
    """Masks of objects in one image, each as a window; outside its window nothing of an object is inside.

    A hundred objects in an image of 4K are 830 MB as whole images, and their windows are as many pixels as they cover.
    """

    windows: list[Bool[Tensor, "_ _"]]
    corners: list[tuple[int, int]]
    """Row and column of each window's first pixel; the windows lie inside the image."""
    size: Size
    """Height and width of the image."""

    def __len__(self) -> int:
        return len(self.windows)

    def full(self, device: torch.device | str = "cpu") -> Bool[Tensor, "N H W"]:
        """Every mask in the whole image.

        Args:
            device: where to put them.
        """
        masks = torch.zeros(len(self), *self.size, dtype=torch.bool, device=device)
        for mask, window, (row, column) in zip(masks, self.windows, self.corners, strict=True):
            mask[row : row + window.shape[0], column : column + window.shape[1]] = window
        return masks

    def run_lengths(self) -> list[Rle]:
        """Every mask as COCO's run lengths."""
        return [
            encode_mask(window.cpu().numpy(), self.size, corner)
            for window, corner in zip(self.windows, self.corners, strict=True)
        ]


def paste_masks(
    masks: Num[Tensor, "N h w"], boxes: Float[Tensor, "N 4"], size: Size, threshold: float = 0.5, padding: int = 1
) -> CroppedMasks:
    """The masks in their boxes, each as a window of the image.

    Equal to `paste_masks_in_image(masks[:, None], boxes, size) >= threshold` of torchvision wherever its soft value
    is not within rounding (4e-6) of the threshold. A box without area still covers the pixel it lies in, as there; a
    reversed box (x1 < x0) and one with NaN or infinite coordinates gets an empty window. Values of masks that are not
    finite count as 0. Boxes and thus windows depend on values, so graphs cannot hold this: there use
    `paste_masks_full`.

    Args:
        masks: values such as probabilities in 0..1, of any real dtype; computed in float32 at least.
        boxes: one for each mask, x0 y0 x1 y1 in pixels of the image.
        size: height and width of the image.
        threshold: what a value must reach to be inside; above 0, which is the value outside the box.
        padding: pixels of zeros around each mask; 1 as published.

    Raises:
        InputError: shapes, dtypes or devices that do not fit, masks without pixels, a negative padding or side, or
            a threshold that is not above 0.
    """
    _check(masks, boxes, size, threshold, padding)
    start, length = _whole_pixels(boxes, masks.shape[1:], padding)
    low, high = start.clamp(min=0), (start + length).minimum(start.new_tensor(size))
    seen = (high > low).all(dim=1, keepdim=True)
    low, shown = low.where(seen, 0), (high - low).where(seen, 0).tolist()
    windows: dict[int, Tensor] = {}
    for group in _alike(shown):
        one = torch.tensor(group, device=masks.device)
        extent = max(shown[index][0] for index in group), max(shown[index][1] for index in group)
        values = _values(masks[one], start[one], length[one], low[one], extent, padding)
        for index, inside in zip(group, values >= threshold, strict=True):
            windows[index] = inside[: shown[index][0], : shown[index][1]]
    corners = [(row, column) for row, column in low.tolist()]
    return CroppedMasks([windows[index] for index in range(len(shown))], corners, (int(size[0]), int(size[1])))


def paste_masks_full(
    masks: Num[Tensor, "N h w"], boxes: Float[Tensor, "N 4"], size: Size, threshold: float = 0.5, padding: int = 1
) -> Bool[Tensor, "N H W"]:
    """The same masks, each in the whole image.

    The windows are copied into empty images. In compiled and exported graphs, where no size may depend on a value,
    the matrices of rows and columns span the image instead, and the soft values of all masks are held at once.

    Args:
        masks: as for `paste_masks`, like all that follow.
        boxes: one for each mask.
        size: height and width of the image.
        threshold: what a value must reach to be inside.
        padding: pixels of zeros around each mask.

    Raises:
        InputError: as `paste_masks`.
    """
    if not torch.compiler.is_compiling():
        return paste_masks(masks, boxes, size, threshold, padding).full(masks.device)
    _check(masks, boxes, size, threshold, padding)
    start, length = _whole_pixels(boxes, masks.shape[1:], padding)
    return _values(masks, start, length, torch.zeros_like(start), size, padding) >= threshold


def _alike(shown: list[list[int]]) -> list[list[int]]:
    """Groups of windows to be computed at one size, the largest of the group, which at most doubles the work.

    One window at a time would be a hundred times a few microseconds of work, and as many waits of all threads for
    each other.
    """
    groups: list[list[int]] = []
    height = width = pixels = 0
    for index in sorted(range(len(shown)), key=lambda index: (shown[index][0] * shown[index][1], shown[index])):
        rows, columns = shown[index]
        height, width, pixels = max(height, rows), max(width, columns), pixels + rows * columns
        if groups and (len(groups[-1]) + 1) * height * width <= min(2 * pixels, BLOCK):
            groups[-1].append(index)
        else:
            groups.append([index])
            height, width, pixels = rows, columns, rows * columns
    return groups


def _whole_pixels(boxes: Tensor, cells: torch.Size, padding: int) -> tuple[Tensor, Tensor]:
    """First pixel and number of pixels of each grown box, as (rows, columns); no pixels where there is no box."""
    boxes = boxes.to(torch.promote_types(boxes.dtype, torch.float32))
    # In this order as published: another one rounds differently, and some boxes would end a pixel later.
    scale = boxes.new_tensor([(side + 2 * padding) / side for side in cells])
    upper, lower = boxes[:, [1, 0]], boxes[:, [3, 2]]
    half, middle = (lower - upper) * 0.5 * scale, (lower + upper) * 0.5
    start, end = ((middle + way).clamp(-FARTHEST, FARTHEST).nan_to_num(0).long() for way in (-half, half))
    proper = boxes.isfinite().all(dim=1, keepdim=True) & (lower >= upper).all(dim=1, keepdim=True)
    return start, (end - start + 1).where(proper, 0)


def _values(masks: Tensor, start: Tensor, length: Tensor, low: Tensor, extent: Size, padding: int) -> Tensor:
    """The soft values of each mask in a window of the given extent from `low` on; 0 outside its box."""
    down, across = (
        _taps(
            low[:, axis, None] + torch.arange(extent[axis], device=masks.device),
            start[:, axis, None],
            length[:, axis, None],
            (masks.shape[1 + axis], padding),
        )
        for axis in (0, 1)
    )
    finite = masks.to(torch.float32).nan_to_num(nan=0, posinf=0, neginf=0)
    # Autocast would paste in half precision.
    with torch.autocast(masks.device.type, enabled=False):
        return down @ (finite @ across.mT)


def _taps(places: Tensor, start: Tensor, length: Tensor, cells: tuple[int, int]) -> Tensor:
    """How much each cell of a mask counts at each place: bilinear, a hat of height 1 around the cell's centre."""
    number, padding = cells
    framed = number + 2 * padding
    source = (places - start + 0.5) * (framed / length.clamp(min=1)) - 0.5
    # The frame's own cells are zeros, so they need no column.
    centres = torch.arange(padding, padding + number, device=places.device)
    hats = (1 - (source.clamp(0, framed - 1)[..., None] - centres).abs_()).clamp_(min=0)
    outside = (places < start) | (places >= start + length)
    return hats.masked_fill_(outside[..., None], 0)


def _check(masks: Tensor, boxes: Tensor, size: Size, threshold: float, padding: int) -> None:
    if masks.ndim != 3 or 0 in masks.shape[1:] or masks.is_complex() or boxes.shape != (masks.shape[0], 4):
        raise InputError(
            "masks of shape (N, height, width) with pixels and boxes of shape (N, 4)",
            f"masks {masks.dtype} {tuple(masks.shape)} and boxes {tuple(boxes.shape)}",
            hint="take the channel of the label first: masks[torch.arange(len(masks)), labels]",
        )
    if not boxes.is_floating_point() or boxes.device != masks.device:
        raise InputError(
            f"boxes as floats on {masks.device}",
            f"{boxes.dtype} on {boxes.device}",
            hint="pass boxes.to(masks.device).float()",
        )
    if len(size) != 2 or min(size) < 0 or padding < 0:
        raise InputError(
            "height and width of the image and a padding, all at least 0",
            f"{tuple(size)} and {padding}",
            hint="pass image.shape[-2:]",
        )
    if not threshold > 0:
        raise InputError(
            "a threshold above 0, which is the value outside the boxes",
            str(threshold),
            hint="masks are probabilities: pass logits.sigmoid()",
        )

"""Boxes: area, formats, clipping, and which are too small. Boxes are x0 y0 x1 y1 in pixels, ends exclusive.

The signatures are torchvision's. It accepts rotated boxes as well, which pixelwise does not.
"""

import torch
from jaxtyping import Int64, Num
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.shapes import Size

FORMATS = ("xyxy", "xywh", "cxcywh")
"""Two corners; corner and size; centre and size."""


def box_area(boxes: Num[Tensor, "*batch 4"], fmt: str = "xyxy") -> Num[Tensor, "*batch"]:
    """The area of each box in square pixels, at least 0.

    A box with x1 < x0 or y1 < y0 has area 0 (torchvision multiplies the signed sides, so that a box reversed on both
    axes looks proper there). NaN gives NaN. Half precision gives float32, because a box of 256x256 pixels overflows
    float16; integers give int64.

    Args:
        boxes: any number of boxes.
        fmt: their format, one of `FORMATS`.

    Raises:
        InputError: the last axis has not 4 entries, the dtype is bool or complex, or the format is unknown.

    >>> box_area(torch.tensor([[1.0, 1.0, 4.0, 3.0], [4.0, 1.0, 1.0, 3.0]])).tolist()
    [6.0, 0.0]
    """
    check_boxes(boxes, "boxes")
    _check_format(fmt)
    x0, y0, x1, y1 = upcast(boxes).unbind(-1)
    width, height = (x1 - x0, y1 - y0) if fmt == "xyxy" else (x1, y1)
    return width.clamp(min=0) * height.clamp(min=0)


def box_convert(boxes: Num[Tensor, "*batch 4"], in_fmt: str, out_fmt: str) -> Num[Tensor, "*batch 4"]:
    """The same boxes in another format, as a new tensor.

    Integers give int64 between corners and sizes; a centre may lie on half a pixel, so they become floats where a
    format with centres is involved. Reversed, infinite and NaN boxes are computed like any other.

    Args:
        boxes: any number of boxes.
        in_fmt: their format, one of `FORMATS`.
        out_fmt: the wanted format.

    Raises:
        InputError: as `box_area`.

    >>> box_convert(torch.tensor([[1, 1, 4, 3]]), "xyxy", "xywh").tolist()
    [[1, 1, 3, 2]]
    """
    check_boxes(boxes, "boxes")
    _check_format(in_fmt)
    _check_format(out_fmt)
    wide = upcast(boxes)
    if not boxes.is_floating_point() and in_fmt != out_fmt and "cxcywh" in (in_fmt, out_fmt):
        wide = wide.to(torch.get_default_dtype())
    converted = wide.clone() if in_fmt == out_fmt else _from_corners(_to_corners(wide, in_fmt), out_fmt)
    return converted.to(boxes.dtype) if boxes.is_floating_point() else converted


def clip_boxes_to_image(boxes: Num[Tensor, "*batch 4"], size: Size) -> Num[Tensor, "*batch 4"]:
    """The boxes moved inside an image: coordinates in 0..width and 0..height.

    A box beside the image shrinks to its border, with no area; infinite coordinates reach the border; NaN stays NaN;
    a reversed box stays reversed.

    Args:
        boxes: any number of boxes of two corners.
        size: height and width of the image.

    Raises:
        InputError: the last axis has not 4 entries, the dtype is bool or complex, or a side is negative.
    """
    check_boxes(boxes, "boxes")
    if len(size) != 2 or min(size) < 0:
        raise InputError(
            "an image size of height and width, each at least 0", str(tuple(size)), hint="pass image.shape[-2:]"
        )
    height, width = size
    x0, y0, x1, y1 = boxes.unbind(-1)
    columns = [x.clamp(min=0, max=width) for x in (x0, x1)]
    rows = [y.clamp(min=0, max=height) for y in (y0, y1)]
    return torch.stack([columns[0], rows[0], columns[1], rows[1]], dim=-1)


def remove_small_boxes(boxes: Num[Tensor, "N 4"], min_size: float | int) -> Int64[Tensor, " K"]:
    """The indices of the boxes whose sides are both at least `min_size`, in order.

    Reversed boxes and boxes with NaN are never among them. The number of results depends on the values, so
    torch.compile(fullgraph=True) needs torch._dynamo.config.capture_dynamic_output_shape_ops.

    Args:
        boxes: boxes of two corners.
        min_size: in pixels; 0 keeps boxes without area.

    Raises:
        InputError: the boxes are not N x 4, or their dtype is bool or complex.
    """
    check_boxes(boxes, "boxes")
    x0, y0, x1, y1 = upcast(boxes).unbind(-1)
    large = (x1 - x0 >= max(min_size, 0)) & (y1 - y0 >= max(min_size, 0))
    return torch.nonzero(large).squeeze(-1)


def check_boxes(boxes: Tensor, name: str) -> None:
    """Refuses tensors that cannot be boxes.

    Args:
        boxes: the tensor.
        name: what to call it in the error.

    Raises:
        InputError: the last axis has not 4 entries, or the dtype is bool or complex.
    """
    if boxes.ndim == 0 or boxes.shape[-1] != 4 or boxes.dtype == torch.bool or boxes.is_complex():
        raise InputError(
            f"{name} as numbers of shape (..., 4)",
            f"{boxes.dtype} of shape {tuple(boxes.shape)}",
            hint="without boxes pass torch.zeros(0, 4)",
        )


def upcast(boxes: Num[Tensor, "*shape"]) -> Num[Tensor, "*shape"]:
    """The numbers in a dtype in which products of sides neither overflow nor wrap: float32 or wider, or int64."""
    if boxes.is_floating_point():
        return boxes.to(torch.promote_types(boxes.dtype, torch.float32))
    return boxes.to(torch.int64)


def _check_format(fmt: str) -> None:
    if fmt not in FORMATS:
        raise InputError(
            f"a box format of {', '.join(FORMATS)}", repr(fmt), hint="rotated boxes must be enclosed by upright ones"
        )


def _to_corners(boxes: Tensor, fmt: str) -> Tensor:
    if fmt == "xyxy":
        return boxes
    start, size = boxes[..., :2], boxes[..., 2:]
    if fmt == "cxcywh":
        start = start - 0.5 * size
    return torch.cat([start, start + size], dim=-1)


def _from_corners(boxes: Tensor, fmt: str) -> Tensor:
    if fmt == "xyxy":
        return boxes
    start, end = boxes[..., :2], boxes[..., 2:]
    return torch.cat([start if fmt == "xywh" else (start + end) / 2, end - start], dim=-1)

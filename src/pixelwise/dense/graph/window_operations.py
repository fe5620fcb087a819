"""Torch's operations on neighbourhoods of cells as steps: convolutions, poolings, borders, resampling.

Each translator gives features, or None where the operation is used in a form the dense engine does not follow.
"""

from typing import Any, Literal

from torch import Tensor

from pixelwise.dense.graph.steps import (
    Border,
    Convolution,
    Pair,
    Pooling,
    Shuffle,
    Subsampling,
    TransposedConvolution,
    Upsampling,
)
from pixelwise.dense.graph.translation import Features, Parts, Translation, Unknown

LAST = 2**62
"""Slices without an end reach to the largest integer, which is larger than this."""


def pair(value: Any) -> Pair:
    """Both entries of a setting that torch takes as one number or two."""
    values = list(value) if isinstance(value, list | tuple) else [value]
    return int(values[0]), int(values[-1])


def convolution(
    todo: Translation, x: Features, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Features | None:  # fmt: skip
    """conv2d, also with padding by name."""
    if x.layout != "NCHW":
        return None
    kernel, dilation = pair(todo.operand_shape(1)[2:]), pair(dilation)
    if padding == "same":
        # torch puts the odd cell of an even kernel behind.
        totals = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        top, left = totals[0] // 2, totals[1] // 2
        amounts = (top, totals[0] - top), (left, totals[1] - left)
    else:
        vertical, horizontal = pair(0 if padding == "valid" else padding)
        amounts = (vertical, vertical), (horizontal, horizontal)
    step = Convolution(weight, bias, kernel, pair(stride), amounts, dilation, groups)
    return todo.add(step, x, todo.features_shape())


def transposed_convolution(
    todo: Translation, x: Features, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, *rest: Any
) -> Features | None:
    """conv_transpose2d."""
    if x.layout != "NCHW":
        return None
    kernel = pair(todo.operand_shape(1)[2:])
    output_padding, groups, dilation = rest + (0, 1, 1)[len(rest) :]
    step = TransposedConvolution(
        weight, bias, kernel, pair(stride), pair(padding), pair(output_padding), pair(dilation), groups
    )
    return todo.add(step, x, todo.features_shape())


def fully_connected(todo: Translation, x: Features, weight: Any, bias: Any = None) -> Features | Unknown:
    """Linear: over flattened features a convolution that covers them, else each cell's channels alone."""
    if x.layout != "flat":
        return todo.pointwise((x, weight, bias), {}, channels=todo.result_shape[-1])
    _, height, width = todo.shape(x)
    return todo.add(Convolution(weight, bias, (height, width)), x, (todo.result_shape[1], 1, 1), "flat")


def max_pooling(
    todo: Translation, x: Features, kernel: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil: bool = False,
) -> Features | None:  # fmt: skip
    """max_pool2d."""
    step = Pooling("max", pair(kernel), pair(stride or kernel), pair(padding), pair(dilation), ceil)
    return todo.add(step, x, todo.features_shape()) if x.layout == "NCHW" else None


def average_pooling(
    todo: Translation, x: Features, kernel: Any, stride: Any = None, padding: Any = 0, ceil: bool = False,
    count_padding: bool = True, divisor: int | None = None,
) -> Features | None:  # fmt: skip
    """avg_pool2d."""
    step = Pooling("average", pair(kernel), pair(stride or kernel), pair(padding), (1, 1), ceil, count_padding, divisor)
    return todo.add(step, x, todo.features_shape()) if x.layout == "NCHW" else None


def adaptive_average(todo: Translation, x: Features, size: Any) -> Features | None:
    """adaptive_avg_pool2d, where its windows are of one size."""
    return _adaptive(todo, x, size, "average")


def adaptive_maximum(todo: Translation, x: Features, size: Any) -> Parts | None:
    """adaptive_max_pool2d, where its windows are of one size; torch gives the places of the maxima beside them."""
    pooled = _adaptive(todo, x, size, "max")
    return None if pooled is None else Parts(values_alone, (pooled,))


def values_alone(x: Tensor) -> tuple[Tensor]:
    """The first of the two results of a maximum; its places belong to one image size and have no dense form."""
    return (x,)


def mean(
    todo: Translation, x: Features, dims: list[int] | None = None, keepdim: bool = False, **settings: Any
) -> Features | Unknown | None:
    """The mean over both image axes, or over the channels."""
    return _reduced(todo, x, dims, keepdim, "average")


def maximum(todo: Translation, x: Features, dims: list[int] | None = None, keepdim: bool = False) -> Any:
    """The maximum over both image axes, or over the channels."""
    return _reduced(todo, x, dims, keepdim, "max")


def _adaptive(todo: Translation, x: Features, size: Any, kind: Literal["max", "average"]) -> Features | None:
    channels, height, width = todo.shape(x)
    rows, columns = pair(size)
    if x.layout != "NCHW" or height % rows or width % columns:
        return None
    kernel = height // rows, width // columns
    return todo.add(Pooling(kind, kernel, kernel, whole=True), x, (channels, rows, columns))


def _reduced(
    todo: Translation, x: Features, dims: list[int] | None, keepdim: bool, kind: Literal["max", "average"]
) -> Features | Unknown | None:
    channel_axis = {"NCHW": 1, "NHWC": 3, "flat": 1}[x.layout]
    axes = sorted(axis % 4 for axis in dims or [])
    if x.layout == "flat" or not axes:
        return None
    if axes == [channel_axis]:
        return todo.pointwise((x, list(dims or []), True), {}, channels=1) if keepdim else None
    if axes != sorted({0, 1, 2, 3} - {0, channel_axis}):
        return None
    channels, height, width = todo.shape(x)
    layout = x.layout if keepdim else "flat"
    return todo.add(Pooling(kind, (height, width), (height, width), whole=True), x, (channels, 1, 1), layout)


def padding(
    todo: Translation, x: Features, amounts: list[int], mode: str = "constant", value: float | None = None
) -> Features | None:
    """Padding or, by negative amounts, cropping of the image axes."""
    if isinstance(mode, int | float):  # constant_pad_nd has the value in this place
        mode, value = "constant", mode
    if x.layout != "NCHW" or len(amounts) > 4:
        return None
    left, right, top, bottom = (*amounts, 0, 0, 0, 0)[:4]
    return todo.add(Border(((top, bottom), (left, right)), mode, value or 0.0), x, todo.features_shape())


def crop(
    todo: Translation, x: Features, axis: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Features | Unknown | None:
    """A slice along one axis."""
    whole = (start or 0) == 0 and (end is None or end > LAST) and step == 1
    if whole:
        return x
    if x.layout != "NCHW" or axis % 4 == 0:
        return None
    if axis % 4 == 1:
        return todo.pointwise((x, axis, start, end, step), {}, channels=todo.result_shape[1])
    length = todo.shape(x)[axis % 4 - 1]
    first, stop, _ = slice(start, end).indices(length)
    cut = [(0, 0), (0, 0)]
    cut[axis % 4 - 2] = (-first, stop - length)
    kept = list(todo.shape(x))
    kept[axis % 4 - 1] = stop - first
    cropped = x if cut == [(0, 0), (0, 0)] else todo.add(Border((cut[0], cut[1])), x, (kept[0], kept[1], kept[2]))
    if step == 1:
        return cropped
    every = (step, 1) if axis % 4 == 2 else (1, step)
    return todo.add(Subsampling(every), cropped, todo.features_shape())


def nearest(todo: Translation, x: Features, *settings: Any) -> Features | Unknown | None:
    """upsample_nearest2d."""
    return _upsampled(todo, x, "nearest", align_corners=False)


def bilinear(
    todo: Translation, x: Features, size: Any, align_corners: bool, *settings: Any
) -> Features | Unknown | None:
    """upsample_bilinear2d."""
    return _upsampled(todo, x, "bilinear", align_corners)


def bicubic(
    todo: Translation, x: Features, size: Any, align_corners: bool, *settings: Any
) -> Features | Unknown | None:
    """upsample_bicubic2d."""
    return _upsampled(todo, x, "bicubic", align_corners)


def _upsampled(
    todo: Translation, x: Features, mode: Literal["nearest", "bilinear", "bicubic"], align_corners: bool
) -> Features | Unknown | None:
    _, height, width = todo.shape(x)
    channels, tall, wide = todo.features_shape()
    if x.layout != "NCHW":
        return None
    if (tall, wide) == (height, width):
        return x
    if align_corners or tall % height or wide % width:
        why = "with aligned corners" if align_corners else "by no whole factor"
        return todo.image_wide(f"resizes {why}, so that its samples follow from the image's size", (x,), {})
    return todo.add(Upsampling((tall // height, wide // width), mode), x, (channels, tall, wide))


def shuffle(todo: Translation, x: Features, factor: int) -> Features | None:
    """pixel_shuffle."""
    return todo.add(Shuffle(factor), x, todo.features_shape()) if x.layout == "NCHW" else None


def unshuffle(todo: Translation, x: Features, factor: int) -> Features | None:
    """pixel_unshuffle."""
    return todo.add(Shuffle(factor, inverse=True), x, todo.features_shape()) if x.layout == "NCHW" else None


def group_norm(todo: Translation, x: Features, *settings: Any) -> Features | Unknown:
    """group_norm."""
    return todo.image_wide("takes the mean and variance of the whole image", (x, *settings), {})


def instance_norm(todo: Translation, x: Features, *settings: Any) -> Features | Unknown:
    """instance_norm; with stored statistics it works on each cell alone."""
    use_input_statistics = settings[4]
    if use_input_statistics:
        return todo.image_wide("takes the mean and variance of the whole image", (x, *settings), {})
    return todo.pointwise((x, *settings), {})

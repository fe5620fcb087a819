"""Torch's operations that work on each cell alone, or only rearrange the features, as steps.

Each translator gives features, or None where the operation is used in a form the dense engine does not follow.
"""

from typing import Any

from pixelwise.dense.graph.translation import Features, Parts, Translation, Unknown, leaves

ELEMENTWISE = (
    *("relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "hardswish", "hardsigmoid"),
    *("hardtanh", "sigmoid", "logsigmoid", "log_sigmoid", "tanh", "softplus", "softsign", "threshold", "clamp"),
    *("clamp_min", "clamp_max", "abs", "neg", "exp", "log", "log1p", "sqrt", "rsqrt", "reciprocal", "square", "pow"),
    *("add", "sub", "rsub", "mul", "div", "maximum", "minimum", "to", "_to_copy", "erf", "sin", "cos"),
)
"""Each result depends on the same place of each input."""


def each_cell(todo: Translation, *arguments: Any, **keywords: Any) -> Features | Unknown | None:
    """An elementwise operation, when the weights in it have one value per channel or one at all."""
    sources = [each for each in leaves(arguments) if isinstance(each, Features)]
    for place, argument in enumerate(arguments):
        shape = todo.operand_shape(place)
        if isinstance(argument, Features):
            continue
        if sources[0].layout == "NCHW" and todo.kind != "prelu":
            extent = shape[-2:] if len(shape) >= 2 else (1, *shape)
        else:
            extent = shape[:-1]
        if any(each != 1 for each in extent):
            return todo.image_wide("adds weights that belong to places of the image", arguments, keywords)
    if sources[0].layout == "flat" and max(todo.shape(sources[0])[1:]) > 1 and len(sources) == 1:
        weights = [todo.operand_shape(place) for place in range(1, len(arguments))]
        if any(shape not in ((), (1,)) for shape in weights):
            return None
    return todo.pointwise(arguments, keywords)


def batch_norm(
    todo: Translation, x: Features, weight: Any, bias: Any, mean: Any, variance: Any, training: bool, *settings: Any
) -> Features | Unknown | None:
    """batch_norm with stored statistics; with those of the batch it is image-wide."""
    arguments = (x, weight, bias, mean, variance, training, *settings)
    if training:
        return todo.image_wide("normalises with the statistics of the batch at hand", arguments, {})
    if x.layout == "flat":
        # Over flattened features each value has statistics of its own, not each channel.
        return todo.pointwise(arguments, {}) if max(todo.shape(x)[1:]) == 1 else None
    return todo.pointwise(arguments, {}) if x.layout == "NCHW" else None


def layer_norm(todo: Translation, x: Features, shape: list[int], *settings: Any) -> Features | Unknown | None:
    """layer_norm over the channels; over channels and places it is image-wide."""
    if x.layout == "NCHW" or len(shape) != 1 or (x.layout == "flat" and max(todo.shape(x)[1:]) > 1):
        return todo.image_wide("takes the mean and variance of the whole image", (x, shape, *settings), {})
    return todo.pointwise((x, shape, *settings), {})


def over_channels(todo: Translation, x: Features, axis: int, *settings: Any) -> Features | Unknown | None:
    """Softmax over the channels."""
    if axis % (2 if x.layout == "flat" else 4) != {"NCHW": 1, "NHWC": 3, "flat": 1}[x.layout]:
        return None
    if x.layout == "flat" and max(todo.shape(x)[1:]) > 1:
        return None
    return todo.pointwise((x, 1 if x.layout == "NCHW" else -1, *settings), {})


def channel_norm(
    todo: Translation, x: Features, order: float = 2, axes: Any = None, keepdim: bool = False, **settings: Any
) -> Features | Unknown | None:
    """The length of the vector of each cell's channels."""
    if x.layout != "NCHW" or list(axes or []) not in ([1], [-3]) or not keepdim:
        return None
    return todo.pointwise((x, order, axes, keepdim), settings, channels=1)


def concatenation(todo: Translation, parts: list[Any], axis: int = 0) -> Features | Unknown | None:
    """Features side by side along the channels."""
    if not all(isinstance(part, Features) and part.layout == parts[0].layout for part in parts):
        return None
    layout = parts[0].layout
    if layout == "flat" and any(max(todo.shape(part)[1:]) > 1 for part in parts):
        return None
    if axis % (2 if layout == "flat" else 4) != {"NCHW": 1, "NHWC": 3, "flat": 1}[layout]:
        return None
    return todo.pointwise(
        (list(parts), 1 if layout == "NCHW" else -1), {}, channels=sum(todo.shape(p)[0] for p in parts)
    )


def split(todo: Translation, x: Features, sizes: Any, axis: int = 0) -> Parts | None:
    """Groups of channels."""
    return Parts(todo.operation, (x, sizes, axis)) if x.layout == "NCHW" and axis % 4 == 1 else None


def expanded(todo: Translation, x: Features, other: Features) -> Features | None:
    """One value per cell for all channels: left to the operation that follows, which repeats it anyway."""
    same_places = isinstance(other, Features) and todo.shape(x)[1:] == todo.shape(other)[1:]
    return x if same_places and x.layout == other.layout else None


def reshaped(todo: Translation, x: Features, *settings: Any) -> Features | None:
    """Flattening to one list of values per image, or a change that is none."""
    shape = todo.shape(x)
    if len(todo.result_shape) == 2 and todo.result_shape[1] == shape[0] * shape[1] * shape[2] and x.layout != "NHWC":
        return Features(x.node, "flat")
    if x.layout != "NHWC" and todo.result_shape[1:] == shape:
        return Features(x.node, "NCHW")
    return x if x.layout == "NHWC" and todo.result_shape[1:] == (*shape[1:], shape[0]) else None


def permuted(todo: Translation, x: Features, axes: list[int]) -> Features | None:
    """Channels to the last place and back: the features stay as they are."""
    order = [axis % 4 for axis in axes]
    if x.layout == "NCHW" and order == [0, 2, 3, 1]:
        return Features(x.node, "NHWC")
    if x.layout == "NHWC" and order == [0, 3, 1, 2]:
        return Features(x.node, "NCHW")
    return x if order == [0, 1, 2, 3] else None


def unchanged(todo: Translation, x: Features, *settings: Any, **keywords: Any) -> Features | None:
    """An operation that changes no value in evaluation mode."""
    if todo.kind.removesuffix("_").endswith("dropout") and settings[-1]:
        return None
    return x

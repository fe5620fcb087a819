"""The operations of torch that the dense engine understands, by name."""

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import fx

from pixelwise.dense.graph import cell_operations as cells
from pixelwise.dense.graph import window_operations as windows
from pixelwise.dense.graph.steps import Node
from pixelwise.dense.graph.translation import Features, Parts, Translation, Unknown, leaves, weight_only

TRANSLATORS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(cells.ELEMENTWISE, cells.each_cell),
    "conv2d": windows.convolution,
    "conv_transpose2d": windows.transposed_convolution,
    "linear": windows.fully_connected,
    "max_pool2d": windows.max_pooling,
    "avg_pool2d": windows.average_pooling,
    "adaptive_avg_pool2d": windows.adaptive_average,
    "adaptive_max_pool2d": windows.adaptive_maximum,
    "mean": windows.mean,
    "amax": windows.maximum,
    "pad": windows.padding,
    "constant_pad_nd": windows.padding,
    "slice": windows.crop,
    "upsample_nearest2d": windows.nearest,
    "upsample_bilinear2d": windows.bilinear,
    "upsample_bicubic2d": windows.bicubic,
    "pixel_shuffle": windows.shuffle,
    "pixel_unshuffle": windows.unshuffle,
    "group_norm": windows.group_norm,
    "instance_norm": windows.instance_norm,
    "batch_norm": cells.batch_norm,
    "layer_norm": cells.layer_norm,
    "softmax": cells.over_channels,
    "log_softmax": cells.over_channels,
    "linalg_vector_norm": cells.channel_norm,
    "cat": cells.concatenation,
    "chunk": cells.split,
    "split": cells.split,
    "split_with_sizes": cells.split,
    "prelu": cells.each_cell,
    "expand_as": cells.expanded,
    "flatten": cells.reshaped,
    "view": cells.reshaped,
    "reshape": cells.reshaped,
    "_unsafe_view": cells.reshaped,
    "squeeze": cells.reshaped,
    "permute": cells.permuted,
    "dropout": cells.unchanged,
    "feature_dropout": cells.unchanged,
    "contiguous": cells.unchanged,
    "clone": cells.unchanged,
    "alias": cells.unchanged,
    "detach": cells.unchanged,
}


def translate(node: fx.Node, nodes: list[Node], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """What an exported operation's value is: features, an unknown tensor, or a weight or number.

    Args:
        node: the operation.
        nodes: the graph so far; steps are appended.
        arguments: values of its arguments.
        keywords: values of its keyword arguments.
    """
    todo = Translation(node, nodes)
    everything = list(leaves((arguments, keywords)))
    if not any(isinstance(each, Features | Unknown | Parts) for each in everything):
        return weight_only(todo.operation, arguments, keywords)
    if todo.operation is operator.getitem and isinstance(arguments[0], Parts):
        todo.operation = arguments[0].operation
        return todo.pointwise(arguments[0].arguments, {}, todo.result_shape[1], part=arguments[1])
    known = TRANSLATORS.get(todo.kind.removesuffix("_"))
    if known is not None and all(not isinstance(each, Unknown | Parts) for each in everything):
        todo.operation = plain_twin(todo.operation)
        result = known(todo, *arguments, **keywords)
        if result is not None:
            return result
    return todo.image_wide(f"calls {todo.kind}, which the dense engine does not follow here", arguments, keywords)


def plain_twin(operation: Any) -> Callable[..., Any]:
    """The operation that gives a new tensor instead of overwriting its first argument, which other steps may read."""
    name, overload = operation._opname, operation._overloadname
    if not name.endswith("_"):
        return operation  # type: ignore[no-any-return]
    packet = getattr(torch.ops.aten, name.removesuffix("_"))
    return getattr(packet, overload) if overload in packet.overloads() else packet  # type: ignore[no-any-return]

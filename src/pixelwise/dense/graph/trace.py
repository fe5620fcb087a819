"""Any network as a list of steps that the dense engine understands, through torch.export."""

import logging
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.export.graph_signature import InputKind

from pixelwise.dense.graph.operations import translate
from pixelwise.dense.graph.steps import Graph, Image, Named, Node
from pixelwise.dense.graph.translation import Features, Unknown
from pixelwise.dense.placement import evaluating, placement
from pixelwise.errors import InputError
from pixelwise.shapes import Size

TRACED_BATCH = 2
"""One image would hide which 1 in a shape is the batch."""


def trace(model: nn.Module, size: Size, channels: int = 3) -> Graph:
    """The steps of a network on images of one size, in evaluation mode.

    Nothing is computed: torch.export follows the shapes alone. In-place operations count as their plain twins.

    Args:
        model: any module from (B, channels, H, W) to one tensor (B, K) or (B, K, h, w); left unchanged.
        size: height and width of the images.
        channels: their channels.

    Raises:
        InputError: torch.export cannot follow the network (the message names the line), or it returns something else.
    """
    program = _exported(model, size, channels)
    given: dict[str, Any] = {}
    for spec in program.graph_signature.input_specs:
        if spec.kind in (InputKind.PARAMETER, InputKind.BUFFER):
            given[spec.arg.name] = Named(str(spec.target))
        elif spec.kind is InputKind.CONSTANT_TENSOR:
            given[spec.arg.name] = program.constants[str(spec.target)]
    return _graph(program.graph, given, size, channels, type(model).__name__)


def _exported(model: nn.Module, size: Size, channels: int) -> torch.export.ExportedProgram:
    device, dtype = placement(model)
    # A tensor without values: real ones of gigapixel images would be larger than the machine.
    with FakeTensorMode(allow_non_fake_inputs=True):
        images = torch.empty(TRACED_BATCH, channels, *size, device=device, dtype=dtype)
    try:
        with evaluating(model), torch.no_grad(), _silent_export():
            return torch.export.export(model, (images,), strict=False)
    except Exception as error:  # a network can fail in any way
        raise InputError(
            f"a network that torch.export can follow for {channels} x {size[0]} x {size[1]} images",
            f"{type(error).__name__}: {str(error).partition(chr(10))[0]} in {_line_of(error)}",
            "replace branches on the values of tensors, or calls into other libraries, at that line; "
            "or pass the image size the network expects",
        ) from error


@contextmanager
def _silent_export() -> Iterator[None]:
    """Without torch's own report of an operation that fails: a traceback ahead of the error that names the line."""
    reports = logging.getLogger("torch._subclasses.fake_tensor")
    level = reports.level
    reports.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        reports.setLevel(level)


def _line_of(error: BaseException) -> str:
    """The last line of the network's own source that led to an error."""
    torch_folder = Path(torch.__file__).parent
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if torch_folder not in Path(frame.filename).parents and frame.filename != __file__ and frame.line
    ]
    return f"{frames[-1].filename}:{frames[-1].lineno} ({frames[-1].line})" if frames else "one of torch's own layers"


def _graph(graph: fx.Graph, given: Mapping[str, Any], size: Size, channels: int, model: str) -> Graph:
    nodes = [Node("image", Image(), (), (channels, *size))]
    values: dict[Any, Any] = {}
    for node in graph.nodes:
        if node.op == "placeholder":
            values[node] = given.get(node.name, Features(0, "NCHW"))
        elif node.op == "output":
            return _finished(nodes, [values[each] for each in node.args[0]], size, model)
        else:
            _append(node, nodes, values)
    raise AssertionError("an exported graph ends in an output")


def _append(node: fx.Node, nodes: list[Node], values: dict[fx.Node, Any]) -> None:
    arguments = tuple(fx.node.map_arg(node.args, values.__getitem__))
    keywords = dict(fx.node.map_arg(node.kwargs, values.__getitem__))
    values[node] = translate(node, nodes, arguments, keywords)
    # x.add_(y) changes x itself: whoever reads x afterwards reads the sum.
    if node.args and isinstance(node.args[0], fx.Node) and is_in_place(node):
        values[node.args[0]] = values[node]


def is_in_place(node: fx.Node) -> bool:
    """Whether an operation overwrites its first argument, by the naming rule of torch's operations."""
    name = str(getattr(node.target, "_opname", ""))
    return name.endswith("_") and not name.endswith("__")


def _finished(nodes: list[Node], results: list[Any], size: Size, model: str) -> Graph:
    wanted = "a network that returns one tensor of scores, (B, K) or (B, K, h, w)"
    hint = "wrap it in a module whose forward returns the scores alone"
    if len(results) != 1 or not isinstance(results[0], Features | Unknown):
        kinds = ", ".join(type(each).__name__ for each in results)
        raise InputError(wanted, f"{len(results)} results ({kinds}) from {model}", hint)
    result = results[0]
    if (
        isinstance(result, Unknown)
        or result.layout == "NHWC"
        or (result.layout == "flat" and max(nodes[result.node].shape[1:]) > 1)
    ):
        raise InputError(wanted, f"a tensor of another form from {model} at {nodes[result.node].name}", hint)
    # Steps behind the result, such as those of an auxiliary head that is thrown away, do not count.
    return Graph(_needed(nodes, result.node), size, flat=result.layout == "flat")


def _needed(nodes: list[Node], last: int) -> tuple[Node, ...]:
    """The nodes that the last one depends on, numbered anew."""
    needed = {last}
    for position in range(last, -1, -1):
        if position in needed:
            needed.update(nodes[position].inputs)
    renumbered = {old: new for new, old in enumerate(sorted(needed))}
    kept = (
        Node(node.name, node.step, tuple(renumbered[each] for each in node.inputs), node.shape, node.line)
        for old, node in enumerate(nodes)
        if old in needed
    )
    return tuple(kept)


def lookup(model: nn.Module) -> dict[str, Tensor]:
    """Every weight and buffer of a network by name, as `Named` steps mean them."""
    return dict(model.named_parameters(remove_duplicate=False)) | dict(model.named_buffers(remove_duplicate=False))

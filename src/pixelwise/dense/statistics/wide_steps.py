"""Which steps look at the whole image, and which give every cell the same value."""

from typing import Any

import torch
from torch import Tensor

from pixelwise.dense.graph.cell_operations import ELEMENTWISE
from pixelwise.dense.graph.steps import (
    Border,
    Computed,
    Convolution,
    ImageWide,
    Named,
    Node,
    Pointwise,
    Pooling,
    Step,
    Subsampling,
    Upsampling,
)
from pixelwise.dense.graph.translation import leaves
from pixelwise.dense.verdict import Finding, NotExact

NORMS = ("instance_norm", "group_norm", "batch_norm", "layer_norm")

SPREADING = ("expand", "expand_as", "repeat", "upsample_nearest2d", "upsample_bilinear2d", "upsample_bicubic2d")
"""Operations that give every cell the value of the only one."""

SINGLE = (1, 1)

HINT = "replace the operation, or give the whole image the memory it needs"


def refusal(node: Node, reason: str, hint: str) -> NotExact:
    """The error that names the node."""
    return NotExact("tile-exact once its image-wide statistics are known", Finding(False, node.name, reason, hint))


def kind_of(step: Step) -> str:
    """The name of the torch operation of a step, such as "group_norm"; "" for steps of other kinds."""
    return str(getattr(step.operation, "_opname", "")) if isinstance(step, Pointwise | ImageWide) else ""


def spreads(step: Step) -> bool:
    """Whether a step gives every cell the value of a single one."""
    return isinstance(step, Upsampling) or kind_of(step) in SPREADING


def has_weights(step: Pointwise | ImageWide) -> bool:
    """Whether an operation has tensors of its own, which might belong to places."""
    return any(isinstance(each, Named | Computed | Tensor) for each in leaves((step.arguments, step.keywords)))


def pools_everything(node: Node, source: Node) -> bool:
    """Whether a pooling makes one value per channel of the traced image, whether written as global or not."""
    step = node.step
    if not isinstance(step, Pooling) or node.shape[1:] != SINGLE:
        return False
    return step.whole or (step.kernel == source.shape[1:] and not any(step.padding) and step.divisor is None)


def refuse_unbounded(node: Node) -> None:
    """Raises for operations that need more of the image than one value per channel."""
    if isinstance(node.step, ImageWide):
        raise refusal(node, node.step.reason, HINT)
    if isinstance(node.step, Pooling) and node.step.whole:
        raise refusal(node, f"pools the whole image into {node.shape[1]}x{node.shape[2]} parts", HINT)
    if isinstance(node.step, Border) and node.step.mode == "circular":
        raise refusal(node, "continues the image with its other side", 'pad with "reflect" or zeros instead')


def bound(step: ImageWide) -> dict[str, Any]:
    """The arguments of a torch operation by name, left-out ones with their default."""
    operation: Any = step.operation
    declared = operation._schema.arguments
    given = dict(zip((each.name for each in declared), step.arguments, strict=False)) | dict(step.keywords)
    return {each.name: given.get(each.name, each.default_value) for each in declared}


def groups_of(node: Node, before: tuple[int, int, int], settings: dict[str, Any]) -> int | None:
    """How many groups of channels share their statistics; None for one per channel."""
    over_all = list(settings.get("normalized_shape", before)) == list(before) and settings.get("weight") is None
    if node.shape != before or ("normalized_shape" in settings and not over_all):
        raise refusal(node, "normalises places with weights of their own", "use GroupNorm with one group")
    if "normalized_shape" in settings:
        return 1
    groups: int | None = settings.get("num_groups")
    return groups


def stays_constant(node: Node, before: tuple[int, int, int]) -> bool:
    """Whether a node only spreads a value over cells, or picks or pools cells that are all alike."""
    match node.step:
        case Pooling() as step:
            return before[1:] != SINGLE and not any(step.padding) and not step.ceil and step.divisor is None
        case Subsampling():
            return True
        case ImageWide() as step if kind_of(step) == "unsqueeze":
            # From (B, C) to (B, C, 1, 1): new axes stand behind.
            return step.arguments[1] in (2, 3, -1)
    return spreads(node.step)


def computable_once(node: Node, before: list[tuple[int, int, int]]) -> bool:
    """Whether a node, applied to one cell of features that are alike everywhere, gives what it gives for each."""
    alone = all(shape[1:] == SINGLE for shape in before) and node.shape[1:] == SINGLE
    if node.shape[0] == 0:
        return False
    match node.step:
        case Convolution() as step:
            return alone or (step.kernel == SINGLE and not any(map(any, step.padding)))
        case Pooling():
            return alone
        case Pointwise():
            return True
        case ImageWide():
            # A group norm of values that are alike everywhere is that of one cell.
            spread_channels = spreads(node.step) and before[0][0] == 1
            return kind_of(node.step) in (*ELEMENTWISE, "group_norm") or spread_channels
    return False


def side_by_side(parts: list[Tensor]) -> Tensor:
    """Features along the channels; values per channel are repeated for every cell."""
    batch, _, rows, columns = (max(part.shape[axis] for part in parts) for axis in range(4))
    return torch.cat([part.expand(batch, -1, rows, columns) for part in parts], dim=1)

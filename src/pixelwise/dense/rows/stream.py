"""Images of any height through a network row by row: no row of any layer is computed twice.

Each step of the traced network keeps the rows of its inputs that its kernel still needs, and gives them back when it
has moved past them. Unlike tiles, bands need no halo.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from pixelwise.dense.graph.footprint import is_image_wide
from pixelwise.dense.graph.rarefied import weight_of
from pixelwise.dense.graph.steps import Border, Convolution, Graph, ImageWide, Node
from pixelwise.dense.graph.trace import lookup, trace
from pixelwise.dense.placement import evaluating, placement
from pixelwise.dense.rows.reads import Rows
from pixelwise.dense.rows.schedule import RowSchedule, Work, peak_values
from pixelwise.dense.rows.window import Held, computed_rows
from pixelwise.dense.tiles.journal import image_digest, model_digest
from pixelwise.dense.tiles.kept import Kept, Reduce
from pixelwise.dense.tiles.memory import parse_bytes
from pixelwise.dense.tiles.outputs import open_outputs
from pixelwise.dense.tiles.plan import WORKING_COPIES, Plan, Span
from pixelwise.dense.tiles.regions import Regions, as_regions
from pixelwise.dense.verdict import Finding, NotExact
from pixelwise.errors import InputError

LARGEST_BAND = 64
"""Rows per band at most."""


class RowStream:
    """A traced network in the middle of an image."""

    def __init__(self, graph: Graph, tensors: Mapping[str, Tensor], read: Callable[[Rows], Tensor]) -> None:
        """Starts above the first row.

        Args:
            graph: the network's steps, traced at the image's size, none of them image-wide.
            tensors: its weights by name.
            read: gives rows of the image (1, C, n, W) in the network's type, each asked for once, from the top.
        """
        self._nodes = [_with_fixed_weight(node, tensors) for node in graph.nodes]
        self._tensors = tensors
        self._read = read
        self._schedule = RowSchedule(graph)
        self._held = [Held(torch.empty(0, 0, 0, 0), 0) for _ in graph.nodes]

    def band(self, stop: int) -> Tensor:
        """The result's rows from the last band's end to `stop`, (1, K, n, w)."""
        rows = torch.empty(0)
        for work in self._schedule.band(stop):
            rows = self._computed(work)
            self._held[work.position] = self._held[work.position].followed_by(rows)
            for source, kept in work.kept:
                self._held[source] = self._held[source].since(kept)
        self._held[-1] = self._held[-1].since(stop)
        return rows

    def _computed(self, work: Work) -> Tensor:
        node = self._nodes[work.position]
        if not node.inputs:
            return self._read(work.rows)
        inputs = [self._held[each] for each in node.inputs]
        return computed_rows(node, inputs, self._nodes[node.inputs[0]].shape[1], work.rows, self._tensors)


def stream_rows(
    model: nn.Module,
    image: Any,
    band: int | None = None,
    memory: str | int = "1GB",
    reduce: Reduce = None,
    out: Any = None,
    progress: Callable[[int, int], None] | None = None,
) -> Any:
    """The network's scores (K, h, w) for one image, computed row by row from the top, or what a reduction keeps.

    They equal `model(image)`. Memory grows with the image's width and not with its height. The network is applied as it
    is: without padding its scores are smaller than the image, with strides coarser.

    Args:
        model: from (1, C, H, W) to (1, K, h, w); applied in eval mode, whatever mode it is in.
        image: as in `TiledModel.run`.
        band: rows of the result that are computed at a time; None takes as many as fit the budget, up to
            `LARGEST_BAND`.
        memory: budget for the features that are held at once, such as "1GB".
        reduce: what to keep of the scores, as in `TiledModel.run`.
        out: where the result goes, as in `TiledModel.run`. A file appears when it is complete; after an interruption
            the same call begins at the top again, but rewrites nothing.
        progress: called with (bands done, bands in all).

    Raises:
        NotExact: a step depends on the whole image; the error names it.
        InputError: no such image or reduction; an unsuitable `out`; the network cannot be traced at this size, gives no
            scores per place, or not even bands of one row fit the budget.
    """
    regions = as_regions(image)
    channels = regions.read(0, 0, 1, 1).shape[0]
    graph = trace(model, regions.size, channels)
    _refuse(graph, type(model).__name__)
    plan, kept = _plan(model, graph, band, parse_bytes(memory)), Kept(reduce, None, None)
    blank = torch.empty(1, graph.nodes[-1].shape[0], 1, 1, dtype=placement(model)[1])
    kinds = kept.kinds(blank, graph.nodes[-1].shape[1:])
    outs = out if isinstance(out, list | tuple) else [out] * len(kinds)
    if len(outs) != len(kinds):
        raise InputError(f"{len(kinds)} outs, one per reduction", f"{len(outs)}", "pass a list of as many, or None")
    outputs = open_outputs(outs, kinds, plan, lambda: _job(model, regions, plan, kept))
    with evaluating(model):
        for index, (row, scores) in enumerate(_bands(model, graph, regions, plan)):
            if index not in outputs.done:
                parts = kept.parts(partial(torch.squeeze, scores, 0), kinds, row, plan.columns[0])
                outputs.write(index, row, plan.columns[0], parts)
            if progress is not None:
                progress(index + 1, plan.tiles)
    results = outputs.finish()
    return results[0] if kept.single else results


def _bands(model: nn.Module, graph: Graph, image: Regions, plan: Plan) -> Iterator[tuple[Span, Tensor]]:
    """The scores of each band."""
    device, number_type = placement(model)

    def read(rows: Rows) -> Tensor:
        pixels = image.read(rows[0], 0, rows[1] - rows[0], image.size[1])
        # Channels last is the layout in which convolutions are faster on CPUs, and in which rows lie together.
        return pixels.to(device, number_type).unsqueeze(0).contiguous(memory_format=torch.channels_last)

    stream = RowStream(graph, lookup(model), read)
    for span in plan.rows:
        with torch.inference_mode():
            scores = stream.band(span.stop)
        yield span, scores


def _plan(model: nn.Module, graph: Graph, band: int | None, budget: int) -> Plan:
    """Bands of the given height, or of the largest power of two that fits: networks' strides divide those."""
    height, width = graph.nodes[-1].shape[1:]
    if band is not None and band < 1:
        raise InputError("a band of at least 1 row", f"band = {band}", "pass band=64, or leave it out")
    rows = band or min(LARGEST_BAND, 1 << (height - 1).bit_length())
    size = torch.empty(0, dtype=placement(model)[1]).element_size() * WORKING_COPIES
    needed = int(peak_values(graph, rows) * size)
    while band is None and needed > budget and rows > 1:
        rows //= 2
        needed = int(peak_values(graph, rows) * size)
    if band is None and needed > budget:
        raise InputError(
            f"a memory budget of at least {needed / 1e6:.0f} MB, which single rows of {graph.size[1]} pixels take",
            f"{budget / 1e6:g} MB",
            "raise the budget, or use pixelwise.dense.tiled, which cuts the width too",
        )
    spans = [(start, min(start + rows, height)) for start in range(0, height, rows)]
    columns = (Span(0, width, 0, width),)
    return Plan(tuple(Span(*span, *span) for span in spans), columns, wanted=(height, width), halo=0, bytes=needed)


def _refuse(graph: Graph, model: str) -> None:
    """Raises where a network cannot be streamed."""
    for node in graph.nodes:
        reason = None
        hint = "freeze its statistics for this image with pixelwise.dense.freeze_statistics"
        if is_image_wide(node):
            reason = node.step.reason if isinstance(node.step, ImageWide) else "pools the whole image"
        elif isinstance(node.step, Border) and node.step.mode == "circular" and any(node.step.amounts[0]):
            reason, hint = "continues the image's top with its bottom rows", "pad with zeros or by reflection"
        if reason is not None:
            raise NotExact("tile-exact", Finding(False, node.name, reason, hint))
    if graph.flat:
        raise InputError(
            "a network that returns scores for places, (1, K, h, w)",
            f"a vector per image from {model}",
            "make a patch classifier dense first: pixelwise.dense.densify(model, patch)",
        )


def _job(model: nn.Module, image: Regions, plan: Plan, kept: Kept) -> dict[str, str]:
    """What the results depend on, for the journal."""
    return {
        "model": model_digest(model),
        "image": image_digest(image),
        "plan": f"row by row, {plan.rows[0].stop} at a time",
        "results": str(kept),
        "torch": torch.__version__,
    }


def _with_fixed_weight(node: Node, tensors: Mapping[str, Tensor]) -> Node:
    """A convolution whose weight is computed and laid out once instead of for every band."""
    if not isinstance(node.step, Convolution):
        return node
    weight = weight_of(node.step.weight, tensors)
    assert weight is not None, "a convolution has a weight"
    if weight.ndim == 4:
        weight = weight.detach().contiguous(memory_format=torch.channels_last)
    return replace(node, step=replace(node.step, weight=weight))

"""The image-wide statistics of one image, found in passes over tiles that fit a memory budget."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

from pixelwise.dense.graph.footprint import footprints
from pixelwise.dense.graph.steps import Pair
from pixelwise.dense.placement import placement
from pixelwise.dense.statistics.freezing import Measured
from pixelwise.dense.statistics.frozen import FrozenNetwork
from pixelwise.dense.statistics.image_statistics import ChannelStatistics, channel_statistics
from pixelwise.dense.statistics.owned_cells import Strip, strips
from pixelwise.dense.tiles.memory import ActivationMemory, parse_bytes
from pixelwise.dense.tiles.plan import WORKING_COPIES
from pixelwise.dense.tiles.regions import Regions, as_regions, read_mirrored
from pixelwise.errors import InputError


def freeze_statistics(
    model: nn.Module,
    image: Any,
    memory: str | int = "1GB",
    tile: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> FrozenNetwork:
    """The network with the image-wide statistics of one image, ready for `tiled`, which then is exact.

    InstanceNorm, GroupNorm, BatchNorm without stored statistics, squeeze-and-excite gates and global pooling branches
    look at the whole image. Their means, variances and maxima are summed up here tile by tile, each cell once, in
    float64: first those that depend on no others, then those behind them, and so on. `passes` of the result says how
    many passes that took: the depth of image-wide operations one behind the other. A pass runs the network as far as
    the operation it serves.

    The scores of the result equal the network's on the whole image up to rounding. For networks without padding,
    `tiled` mirrors the image at its border; the statistics are those of the image as it is.

    Args:
        model: from (1, C, H, W) to (1, K, h, w); taken in evaluation mode, left unchanged, and kept for its weights.
        image: the image, as in `tiled`.
        memory: budget for the activations of one tile.
        tile: rows and columns per tile instead of a budget; rounded down to the network's alignment.
        progress: called with (tiles done, tiles in all passes).

    Raises:
        InputError: no such image; a network that torch.export cannot follow at this size; NaN or infinity in the image,
            which would spread to every score; or a budget too small for the smallest tile.
        NotExact: an operation that needs more of the image than one value per channel, such as attention.
    """
    regions = as_regions(image)
    budget = parse_bytes(memory)
    frozen = FrozenNetwork(model, regions.size, regions.read(0, 0, 1, 1).shape[0])
    sweeps = [_sweep(frozen, turn + 1, budget, tile) for turn in range(frozen.passes)]
    total, done = sum(len(sweep.rows) * len(sweep.columns) for sweep in sweeps), 0
    for turn, sweep in enumerate(sweeps, start=1):
        sums: list[ChannelStatistics | None] = [None] * len(sweep.measured)
        for rows, columns in product(sweep.rows, sweep.columns):
            sums = [_added(*each) for each in zip(sums, _parts(frozen, regions, sweep, rows, columns), strict=True)]
            done += 1
            if progress is not None:
                progress(done, total)
        for measured, found in zip(sweep.measured, sums, strict=True):
            assert found is not None, "every node has cells, and every cell is owned by a tile"
            _fill(frozen, measured, found)
        with torch.no_grad():
            for derived in frozen.values.derived:
                if derived.turn == turn:
                    frozen.derive(derived)
    return frozen


@dataclass(frozen=True)
class Sweep:
    """One pass over the image: what is measured in it, and the tiles."""

    measured: tuple[Measured, ...]
    rows: tuple[Strip, ...]
    columns: tuple[Strip, ...]

    @property
    def window(self) -> Pair:
        """Height and width of the largest tile that is read."""
        height, width = (max(strip.stop - strip.start for strip in axis) for axis in (self.rows, self.columns))
        return height, width


def _sweep(frozen: FrozenNetwork, turn: int, budget: int, tile: int | None) -> Sweep:
    """The pass that serves one depth of image-wide operations, in the largest tiles that fit the budget."""
    measured = tuple(each for each in frozen.values.measured if each.turn == turn)
    graph = frozen.values.graph
    seen = [[footprints(graph, axis)[each.source] for each in measured] for axis in (0, 1)]
    known = [[each for each in axis if each is not None] for axis in seen]
    assert all(len(axis) == len(measured) for axis in known), "nothing is image-wide in a frozen graph"
    cells = [[graph.nodes[each.source].shape[1 + axis] for each in measured] for axis in (0, 1)]

    def cut(side: int) -> Sweep:
        rows, columns = (strips(known[axis], cells[axis], graph.size[axis], side) for axis in (0, 1))
        return Sweep(measured, rows, columns)

    if tile is not None:
        if tile < 1:
            raise InputError("a tile of at least 1 pixel", f"tile = {tile}", "pass tile=512, or leave it out")
        return cut(tile)
    memory = ActivationMemory(_UpTo(frozen, [each.source for each in measured]), graph.nodes[0].shape[0])
    step = math.lcm(*(each.alignment for axis in known for each in axis))
    return _largest(cut, lambda sweep: int(memory.peak(sweep.window) * WORKING_COPIES), step, max(graph.size), budget)


def _largest(cut: Callable[[int], Sweep], memory: Callable[[Sweep], int], step: int, length: int, budget: int) -> Sweep:
    """The cut with the largest tiles whose activations fit the budget."""
    fits, too_large = 0, length // step + 2
    while too_large - fits > 1:
        middle = (fits + too_large) // 2
        if memory(cut(middle * step)) <= budget:
            fits = middle
        else:
            too_large = middle
    if fits == 0:
        least = math.ceil(memory(cut(step)) / 1e6)
        raise InputError(
            f"a memory budget of at least {least} MB, which the smallest tile takes",
            f"{budget / 1e6:g} MB",
            f'pass memory="{least}MB" or more',
        )
    return cut(fits * step)


class _UpTo(nn.Module):
    """The part of a network that a pass runs."""

    def __init__(self, frozen: FrozenNetwork, positions: Sequence[int]) -> None:
        super().__init__()
        self.frozen = frozen
        self._positions = positions

    def forward(self, images: Tensor) -> list[Tensor]:
        return self.frozen.features(images, self._positions)


@torch.inference_mode()
def _parts(
    frozen: FrozenNetwork, image: Regions, sweep: Sweep, rows: Strip, columns: Strip
) -> list[ChannelStatistics | None]:
    """The statistics of the cells that one tile owns, for each measured node."""
    device, dtype = placement(frozen)
    pixels = read_mirrored(image, (rows.start, rows.stop), (columns.start, columns.stop)).to(device, dtype)[None]
    features = frozen.features(pixels, [each.source for each in sweep.measured])
    found = []
    for measured, values, down, across in zip(sweep.measured, features, rows.owned, columns.owned, strict=True):
        if values.shape[-2] < down.stop or values.shape[-1] < across.stop:
            raise InputError(
                "a network that crops alike for images of every size",
                f"{measured.node.name}, behind a crop that removes more from the whole image than from its parts",
                "pad the image to the size that the network wants before, instead of inside the network",
            )
        part = channel_statistics(values[..., down, across])
        if part is not None and not (part.mean + part.squares).isfinite().all():
            raise InputError(
                "an image whose statistics are finite numbers, as one other pixel spreads to every score",
                f"NaN or infinity at {measured.node.name} for rows {rows.start} to {rows.stop - 1}, "
                f"columns {columns.start} to {columns.stop - 1}",
                "replace such pixels, image[~numpy.isfinite(image)] = 0; or look for NaN in the weights",
            )
        found.append(part)
    return found


def _added(before: ChannelStatistics | None, part: ChannelStatistics | None) -> ChannelStatistics | None:
    if before is None or part is None:
        return part if before is None else before
    return before.merged(part)


@torch.no_grad()
def _fill(frozen: FrozenNetwork, measured: Measured, found: ChannelStatistics) -> None:
    """Writes what was measured into the frozen network."""
    if measured.kind == "moments":
        values: tuple[Tensor, ...] = found.moments(measured.groups)
    else:
        values = (found.mean if measured.kind == "average" else found.largest,)
    for name, value in zip(measured.names, values, strict=True):
        frozen.set_value(name, value)

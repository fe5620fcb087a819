"""Images of any size through a network in tiles, with the whole image's result.

A tile's scores equal the whole image's when the tile carries the receptive field around it, starts on a multiple of
the network's alignment, and reaches the image's border exactly where the whole image does. Nothing is blended, because
nothing differs.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.dense.memory import ActivationMemory, parse_bytes
from pixelwise.dense.receptive_field import ReceptiveField, receptive_field
from pixelwise.dense.sizes import AcceptedSizes
from pixelwise.errors import InputError
from pixelwise.ops.mirror import reflect_index
from pixelwise.shapes import Size

Reduction = Literal["argmax"] | None
Progress = Callable[[int, int], None]

WORKING_COPIES = 1.5
"""Convolution scratch space over the predicted activations; measured 0.97 to 1.3 on CPU for U-Nets
(benchmarks/unet.py)."""


@runtime_checkable  # so that the shape checker of the tests can ask
class Regions(Protocol):
    """An image that is read region by region, such as `pixelwise.data.open_image` returns."""

    @property
    def size(self) -> Size:
        """Height and width of the whole image."""
        ...

    def read(self, top: int, left: int, height: int, width: int) -> Float[Tensor, "C h w"]:
        """The pixels of one region, 0..1."""
        ...


@dataclass(frozen=True)
class WholeTensor:
    """A tensor (C, H, W) in memory, read region by region."""

    pixels: Float[Tensor, "C H W"]

    @property
    def size(self) -> Size:
        """Height and width."""
        return self.pixels.shape[-2], self.pixels.shape[-1]

    def read(self, top: int, left: int, height: int, width: int) -> Float[Tensor, "C h w"]:
        """A view of the region."""
        return self.pixels[:, top : top + height, left : left + width]


@dataclass(frozen=True)
class Span:
    """Along one axis: scores `start`..`stop` of the image come from image pixels `read_start`..`read_stop`.

    Read positions below 0 or past the image's end mean mirrored pixels (networks without padding need them at the
    border).
    """

    start: int
    stop: int
    read_start: int
    read_stop: int


@dataclass(frozen=True)
class Plan:
    """How an image is cut: one list of spans per axis, and what it costs."""

    rows: tuple[Span, ...]
    columns: tuple[Span, ...]
    bytes: int

    @property
    def tiles(self) -> int:
        """Number of tiles."""
        return len(self.rows) * len(self.columns)

    @property
    def recompute(self) -> float:
        """Pixels read over pixels wanted: 1 when nothing is computed twice."""
        read = [sum(span.read_stop - span.read_start for span in axis) for axis in (self.rows, self.columns)]
        wanted = [axis[-1].stop for axis in (self.rows, self.columns)]
        return read[0] * read[1] / (wanted[0] * wanted[1])

    def __str__(self) -> str:
        first = self.rows[0].stop - self.rows[0].start, self.columns[0].stop - self.columns[0].start
        return (
            f"{self.tiles} tile{'s' if self.tiles != 1 else ''} of {first[0]}x{first[1]}, "
            f"recompute {self.recompute:.2f}x, peak about {self.bytes / 1e9:.1f} GB"
        )


class TiledModel:
    """A network measured once and then applied to any number of images, each cut to fit a memory budget."""

    def __init__(self, model: nn.Module, memory: str | int = "1GB", tile: int | None = None, channels: int = 3) -> None:
        """Measures the network.

        Args:
            model: from (1, channels, H, W) to (1, K, H - 2 margin, W - 2 margin); applied in eval mode, whatever mode
                it is in.
            memory: budget for the activations of one tile, such as "1GB".
            tile: rows and columns of scores per tile instead of a budget; rounded down to the network's alignment.
            channels: channels of the image.
        """
        self.model = model
        self.field: ReceptiveField = receptive_field(model, channels=channels)
        self._sizes = AcceptedSizes(model, channels)
        self._memory = ActivationMemory(model, channels)
        self._budget = parse_bytes(memory)
        self._tile = tile
        self._plans: dict[Size, Plan] = {}

    def plan(self, size: Size) -> Plan:
        """How an image of this size is cut.

        Raises:
            InputError: the image does not fit the budget whole and the network cannot be tiled, or not even the
                smallest tile fits.
        """
        if size not in self._plans:
            self._plans[size] = self._make_plan(size)
        return self._plans[size]

    def _make_plan(self, size: Size) -> Plan:
        if self._tile is None:
            whole = self._cut(size, max(size) + max(self.field.alignment))
            if whole.bytes <= self._budget:
                return whole
        if not self.field.bounded:
            raise InputError(
                "a network whose outputs see a limited neighbourhood, so that tiles do not change the result",
                f"one that looks at the whole image, {size[0]}x{size[1]} here, too large for {self._budget / 1e9:g} GB",
                "raise the memory budget, or replace image-wide operations such as InstanceNorm by BatchNorm",
            )
        if self._tile is not None:
            return self._cut(size, self._tile)
        return self._largest(size)

    def _largest(self, size: Size) -> Plan:
        step = math.lcm(*self.field.alignment)
        fits, too_large = 0, max(size) // step + 1
        while too_large - fits > 1:
            middle = (fits + too_large) // 2
            if self._cut(size, middle * step).bytes <= self._budget:
                fits = middle
            else:
                too_large = middle
        if fits == 0:
            least = self._cut(size, step).bytes
            raise InputError(
                f"a memory budget of at least {least / 1e6:.0f} MB, which the smallest tile takes",
                f"{self._budget / 1e6:.0f} MB",
                f'pass memory="{math.ceil(least / 1e6)}MB" or more',
            )
        # The same number of tiles, but of even size: the last row of tiles would otherwise be a sliver.
        count = math.ceil(max(size) / (fits * step))
        return self._cut(size, math.ceil(max(size) / count / step) * step)

    def _cut(self, size: Size, tile: int) -> Plan:
        rows = tuple(self._spans(size[0], tile, 0))
        columns = tuple(self._spans(size[1], tile, 1))
        largest = max(s.read_stop - s.read_start for s in rows), max(s.read_stop - s.read_start for s in columns)
        return Plan(rows, columns, int(self._memory.peak(largest) * WORKING_COPIES))

    def _spans(self, length: int, tile: int, axis: int) -> Iterator[Span]:
        margin, alignment = self.field.margin[axis], self.field.alignment[axis]
        step = max(alignment, tile // alignment * alignment)
        if margin:
            window = self._sizes.smallest((min(step, length) + 2 * margin,) * 2)[axis]
            for start in range(0, length, step):
                yield Span(start, min(start + step, length), start - margin, start - margin + window)
            return
        halo = 0 if self.field.halo is None else math.ceil(self.field.halo[axis] / alignment) * alignment
        for start in range(0, length, step):
            stop = min(start + step, length)
            yield Span(start, stop, max(0, start - halo), min(length, stop + halo))

    @torch.inference_mode()
    def run(
        self,
        image: Regions | Float[Tensor, "C H W"],
        reduce: Reduction = None,
        out: Any = None,
        progress: Progress | None = None,
    ) -> Any:
        """The scores of every pixel (K, H, W) float32, or their argmax (H, W) uint8, equal to the whole image's.

        Args:
            image: a tensor or anything read region by region.
            reduce: "argmax" keeps the best class only, so that no classes-by-pixels array exists.
            out: any array of that shape that can be assigned to by slices (NumPy, memory map, Zarr); None makes a
                tensor.
            progress: called with (tiles done, tiles in all).
        """
        regions: Regions = WholeTensor(image) if isinstance(image, Tensor) else image
        plan = self.plan(regions.size)
        was_training = self.model.training
        self.model.eval()
        try:
            return self._run(regions, plan, reduce, out, progress)
        finally:
            self.model.train(was_training)

    def _run(self, regions: Regions, plan: Plan, reduce: Reduction, out: Any, progress: Progress | None) -> Any:
        first = next(self.model.parameters(), torch.empty(0))
        for done, (row, column) in enumerate(((r, c) for r in plan.rows for c in plan.columns), start=1):
            window = read_mirrored(regions, row, column).to(device=first.device, dtype=first.dtype)
            scores = self.model(window.unsqueeze(0).contiguous(memory_format=torch.channels_last))[0]
            top = row.start - row.read_start - self.field.margin[0]
            left = column.start - column.read_start - self.field.margin[1]
            wanted = scores[:, top : top + row.stop - row.start, left : left + column.stop - column.start]
            wanted = wanted.argmax(0).to(torch.uint8) if reduce == "argmax" else wanted.float()
            if out is None:
                out = torch.empty((*wanted.shape[:-2], *regions.size), dtype=wanted.dtype)
            part = wanted.cpu() if isinstance(out, Tensor) else wanted.cpu().numpy()
            out[..., row.start : row.stop, column.start : column.stop] = part
            if progress is not None:
                progress(done, plan.tiles)
        return out


def read_mirrored(image: Regions, row: Span, column: Span) -> Float[Tensor, "C h w"]:
    """The pixels of a window; where it leaves the image, the image is mirrored at its border pixels.

    Source: Ronneberger et al. 2015, figure 2.
    """
    height, width = image.size
    inside = (
        (max(0, row.read_start), min(height, row.read_stop)),
        (max(0, column.read_start), min(width, column.read_stop)),
    )
    if (row.read_start, row.read_stop, column.read_start, column.read_stop) == (*inside[0], *inside[1]):
        return image.read(
            row.read_start, column.read_start, row.read_stop - row.read_start, column.read_stop - column.read_start
        )
    rows = reflect_index(torch.arange(row.read_start, row.read_stop), height)
    columns = reflect_index(torch.arange(column.read_start, column.read_stop), width)
    top, left = int(rows.min()), int(columns.min())
    pixels = image.read(top, left, int(rows.max()) + 1 - top, int(columns.max()) + 1 - left)
    return pixels[:, rows - top][:, :, columns - left]


def tiled(
    model: nn.Module,
    image: Regions | Float[Tensor, "C H W"],
    memory: str | int = "1GB",
    tile: int | None = None,
    reduce: Reduction = None,
    out: Any = None,
    progress: Progress | None = None,
) -> Any:
    """The scores of every pixel of one image, computed in tiles that fit the budget; see `TiledModel.run`."""
    channels = image.shape[0] if isinstance(image, Tensor) else 3
    return TiledModel(model, memory, tile, channels).run(image, reduce, out, progress)

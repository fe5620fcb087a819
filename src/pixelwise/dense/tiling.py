"""Images of any size through a network in tiles, with the whole image's result.

A tile's scores equal the whole image's when the tile carries the receptive field around it, starts on a multiple of
the network's alignment, and reaches the image's border exactly where the whole does. Nothing is blended, because
nothing differs.
"""

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from pixelwise.dense.memory import parse_bytes
from pixelwise.dense.placement import evaluating, placement
from pixelwise.dense.plan import Plan, Planner, Span
from pixelwise.dense.receptive_field import ReceptiveField, receptive_field
from pixelwise.dense.regions import Regions, as_regions, read_mirrored
from pixelwise.errors import InputError
from pixelwise.shapes import Size

Reduction = Literal["argmax"] | None
Progress = Callable[[int, int], None]


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
        budget = parse_bytes(memory)
        self.model = model
        self.field: ReceptiveField = receptive_field(model, channels=channels)
        self._channels = channels
        self._planner = Planner(model, self.field, budget, tile, channels)
        self._plans: dict[Size, Plan] = {}

    def plan(self, size: Size) -> Plan:
        """How an image of this size is cut.

        Raises:
            InputError: the network refuses this size; or the image does not fit the budget whole and the network
                cannot be tiled, or not even the smallest tile fits.
        """
        if size not in self._plans:
            self._plans[size] = self._planner.plan(size)
        return self._plans[size]

    def run(
        self,
        image: Regions | Tensor,
        reduce: Reduction = None,
        out: Any = None,
        progress: Progress | None = None,
    ) -> Any:
        """The scores of every pixel (K, H, W), or their argmax (H, W), equal to the whole image's.

        Scores are float32 (float64 from a float64 network); class indices are uint8, or int64 beyond 256 classes.

        Args:
            image: a float tensor (C, H, W) or anything read region by region.
            reduce: "argmax" keeps the best class only, so that no classes-by-pixels array exists.
            out: any array of that shape that can be assigned to by slices (NumPy, memory map, Zarr); None makes a
                tensor.
            progress: called with (tiles done, tiles in all).

        Raises:
            InputError: no such image or reduction, or an `out` of another shape.
        """
        if reduce not in (None, "argmax"):
            raise InputError('reduce="argmax" or None', f"reduce = {reduce!r}", 'pass reduce="argmax" for classes')
        regions = as_regions(image)
        plan = self.plan(regions.size)
        tiles = [(row, column) for row in plan.rows for column in plan.columns]
        with evaluating(self.model):
            for done, (row, column) in enumerate(tiles, start=1):
                part = reduced(self._scores(regions, row, column), reduce)
                if done == 1:
                    out = check_out(out, (*part.shape[:-2], *regions.size), part.dtype)
                place = (..., slice(row.start, row.stop), slice(column.start, column.stop))
                out[place] = part if isinstance(out, Tensor) else part.numpy()
                if progress is not None:
                    progress(done, plan.tiles)
        return out

    @torch.inference_mode()
    def _scores(self, image: Regions, row: Span, column: Span) -> Tensor:
        """The scores of one tile, (K, h, w)."""
        window = read_mirrored(image, (row.read_start, row.read_stop), (column.read_start, column.read_stop))
        if window.shape[0] != self._channels:
            raise InputError(
                f"an image of {self._channels} channels",
                f"{window.shape[0]} channels",
                f"build with channels={window.shape[0]} if the network takes as many",
            )
        device, number_type = placement(self.model)
        # Channels last is the layout in which convolutions are faster on CPUs (measured in benchmarks/unet.py).
        window = window.to(device, number_type).unsqueeze(0).contiguous(memory_format=torch.channels_last)
        scores: Tensor = self.model(window)[0]
        top = row.start - row.read_start - self.field.margin[0]
        left = column.start - column.read_start - self.field.margin[1]
        return scores[:, top : top + row.stop - row.start, left : left + column.stop - column.start]


def reduced(scores: Tensor, reduce: Reduction) -> Tensor:
    """Scores in float32 or wider, or the index of each pixel's largest score, on the CPU."""
    if reduce is None:
        return scores.to("cpu", torch.promote_types(scores.dtype, torch.float32))
    return scores.argmax(0).to("cpu", torch.uint8 if scores.shape[0] <= 256 else torch.int64)


def check_out(out: Any, shape: tuple[int, ...], number_type: torch.dtype) -> Any:
    """A place for the result: the given one, if it has the right shape, or a new tensor.

    Raises:
        InputError: it has another shape.
    """
    if out is None:
        return torch.empty(shape, dtype=number_type)
    if tuple(out.shape) != shape:
        raise InputError(f"out of shape {shape}", f"{tuple(out.shape)}", f"make it with numpy.empty({shape})")
    return out


def tiled(
    model: nn.Module,
    image: Regions | Tensor,
    memory: str | int = "1GB",
    tile: int | None = None,
    reduce: Reduction = None,
    out: Any = None,
    progress: Progress | None = None,
) -> Any:
    """The scores of every pixel of one image, computed in tiles that fit the budget; see `TiledModel.run`."""
    channels = image.shape[0] if isinstance(image, Tensor) and image.ndim == 3 else 3
    return TiledModel(model, memory, tile, channels).run(image, reduce, out, progress)

"""Images of any size through a network in tiles, with the whole image's result.

A tile's scores equal the whole image's when the tile carries the receptive field around it, starts on a multiple of
the network's alignment, and reaches the image's border exactly where the whole does. Nothing is blended, because
nothing differs. A dense map's outputs each read one patch, which is all that its tiles carry.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any, TypedDict, Unpack

import torch
from torch import Tensor, nn

from pixelwise.dense.maps.dense_map import DenseMap
from pixelwise.dense.placement import evaluating, placement
from pixelwise.dense.probes.surroundings import Surroundings, measured_surroundings
from pixelwise.dense.tiles.journal import image_digest, model_digest
from pixelwise.dense.tiles.kept import Kept, Reduce
from pixelwise.dense.tiles.map_plan import MapPlanner
from pixelwise.dense.tiles.memory import parse_bytes
from pixelwise.dense.tiles.network_plan import NetworkPlanner
from pixelwise.dense.tiles.outputs import open_outputs
from pixelwise.dense.tiles.plan import Plan, Planner, Span
from pixelwise.dense.tiles.region_mask import RegionMask
from pixelwise.dense.tiles.regions import Regions, as_regions, read_mirrored
from pixelwise.errors import InputError
from pixelwise.shapes import Size

Progress = Callable[[int, int], None]

LONG_JOB = 16
"""Images of fewer samples than this are done as soon as their speed is measured."""


class TiledModel:
    """A network measured once and then applied to any number of images, each cut to fit a memory budget."""

    def __init__(
        self,
        model: nn.Module,
        memory: str | int = "1GB",
        tile: int | None = None,
        channels: int = 3,
        announce: Callable[[Plan], None] | None = None,
    ) -> None:
        """Measures the network; a dense map needs no measuring.

        Args:
            model: from (1, channels, H, W) to (1, K, H - 2 margin, W - 2 margin), or a map made by `densify`; applied
                in eval mode, whatever mode it is in.
            memory: budget for the activations of one tile, such as "1GB".
            tile: rows and columns of scores per tile instead of a budget; rounded down to the network's alignment.
            channels: channels of the image.
            announce: called with each image's plan and the time it will take before the first tile, such as `print`.
        """
        self.model = model
        self.field: Surroundings | None = None
        budget = parse_bytes(memory)
        self._channels = channels
        self._announce = announce
        self._planner: Planner
        if isinstance(model, DenseMap):
            self._planner = MapPlanner(model, budget, tile, channels)
        else:
            self.field = measured_surroundings(model, channels=channels)
            self._planner = NetworkPlanner(model, self.field, budget, tile, channels)
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
        image: Any,
        reduce: Reduce = None,
        out: Any = None,
        mask: Any = None,
        fill: int | float | None = None,
        progress: Progress | None = None,
    ) -> Any:
        """The scores of every pixel (K, H, W), or what a reduction keeps of them, equal to the whole image's.

        A dense map gives its outputs, one per patch: (K, (H - patch) // stride + 1, ...).

        Scores are float32 (float64 from a float64 network), as are probabilities; class indices are uint8, or int64
        beyond 256 classes. A pixel that is not a number changes only the results that see it.

        Args:
            image: a tensor (C, H, W), an array (H, W), (C, H, W) or (H, W, C) read by slices (NumPy, memory map, Zarr,
                HDF5), or anything with `size` and `read`, as from `pixelwise.data.open_image`. uint8 and uint16 are
                scaled to 0..1, floats passed on as they are.
            reduce: None for the scores; "argmax" (H, W); "probabilities" (K, H, W); "max_probability", "margin" between
                the two most probable classes, "entropy" in nats (H, W); "top2" and "top2_probabilities" (2, H, W), best
                first, for any number. A sequence of these gives a list of results, from one pass.
            out: an array of the result's shape that is assigned to by slices, which is filled and returned; or a path
                that ends in .npy, .tif or .zarr, which is returned. The file appears there when it is complete; after
                an interruption the same call continues. None makes a tensor. A list for a sequence of reductions.
            mask: a boolean array over the image, as large or coarser, True where pixels are wanted (for dense maps, the
                patches centred there). Tiles without a wanted pixel are not computed.
            fill: what stands elsewhere; None is 255 for class indices and 0 for others.
            progress: called with (tiles done, tiles in all).

        Raises:
            InputError: no such image, reduction or mask; an `out` of another shape or type, one that exists, or one
                begun by another job; or no room left for it.
        """
        regions = as_regions(image)
        self._check_channels(regions)
        kept = Kept(reduce, None if mask is None else RegionMask(mask, regions.size), fill)
        plan = self.plan(regions.size)
        kinds = kept.kinds(self._planner.scores(plan.window), self._planner.size(regions.size))
        outs = out if isinstance(out, list | tuple) else [out] * len(kinds)
        if len(outs) != len(kinds):
            raise InputError(f"{len(kinds)} outs, one per reduction", f"{len(outs)}", "pass a list of as many, or None")
        with evaluating(self.model):
            outputs = open_outputs(outs, kinds, plan, lambda: self._job(regions, plan, kept))
            if self._announce is not None:
                self._announce(self._timed(plan, kept))
            for tile, (row, column) in enumerate(product(plan.rows, plan.columns)):
                if tile not in outputs.done:
                    scores = partial(self._scores, regions, row, column)
                    outputs.write(tile, row, column, kept.parts(scores, kinds, row, column))
                if progress is not None:
                    progress(tile + 1, plan.tiles)
        results = outputs.finish()
        return results[0] if kept.single else results

    def _check_channels(self, image: Regions) -> None:
        found = image.read(0, 0, 1, 1).shape[0]
        if found != self._channels:
            raise InputError(
                f"an image of {self._channels} channels",
                f"{found} channels",
                f"build with channels={found} if the network takes as many",
            )

    def _job(self, image: Regions, plan: Plan, kept: Kept) -> dict[str, str]:
        """What the results depend on, for the journal."""
        spans = hashlib.sha256(repr((plan.rows, plan.columns)).encode()).hexdigest()[:16]
        return {
            "model": model_digest(self.model),
            "image": image_digest(image),
            "plan": f"{plan} {spans}",
            "results": str(kept),
            "torch": torch.__version__,
        }

    @torch.inference_mode()
    def _timed(self, plan: Plan, kept: Kept) -> Plan:
        """The plan and the time it will take, from the network's speed on a small image; short jobs stay untimed."""
        height, width = self._planner.sample(plan)
        if plan.pixels_read < LONG_JOB * height * width:
            return plan
        device, number_type = placement(self.model)
        image = torch.rand(1, self._channels, height, width).to(device, number_type)
        image = image.contiguous(memory_format=torch.channels_last)
        self.model(image).sum().item()  # the first run chooses kernels; reading a number waits for accelerators
        start = time.perf_counter()
        self.model(image).sum().item()
        seconds = (time.perf_counter() - start) * plan.pixels_read / (height * width)
        wanted = sum(kept.wants(row, column) for row, column in product(plan.rows, plan.columns))
        return replace(plan, seconds=seconds * wanted / plan.tiles)

    @torch.inference_mode()
    def _scores(self, image: Regions, row: Span, column: Span) -> Tensor:
        """The scores of one tile, (K, h, w)."""
        window = read_mirrored(image, (row.read_start, row.read_stop), (column.read_start, column.read_stop))
        device, number_type = placement(self.model)
        # Channels last is the layout in which convolutions are faster on CPUs (measured in benchmarks/unet.py).
        window = window.to(device, number_type).unsqueeze(0).contiguous(memory_format=torch.channels_last)
        scores: Tensor = self.model(window)[0]
        return scores[:, row.kept, column.kept]


class RunSettings(TypedDict, total=False):
    """The rarer arguments of `TiledModel.run`, by their names there."""

    mask: Any
    fill: int | float | None
    progress: Progress | None


def tiled(
    model: nn.Module,
    image: Any,
    memory: str | int = "1GB",
    tile: int | None = None,
    reduce: Reduce = None,
    out: Any = None,
    announce: Callable[[Plan], None] | None = None,
    **settings: Unpack[RunSettings],
) -> Any:
    """The scores of every pixel of one image, computed in tiles that fit the budget.

    Args:
        model: the network, as in `TiledModel`.
        image: the image, as in `TiledModel.run`, with as many channels as it has.
        memory: budget for the activations of one tile.
        tile: rows and columns per tile instead of a budget.
        reduce: what to keep of the scores, as in `TiledModel.run`.
        out: where the result goes, as in `TiledModel.run`.
        announce: called with the plan and the time it will take before the first tile, such as `print`.
        settings: `mask`, `fill` and `progress`, as in `TiledModel.run`.

    Raises:
        InputError: as these do.
    """
    regions = as_regions(image)
    channels = regions.read(0, 0, 1, 1).shape[0]
    return TiledModel(model, memory, tile, channels, announce).run(regions, reduce, out, **settings)

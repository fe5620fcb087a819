"""How images are cut for a network whose scores are as large as its image, or smaller by a margin."""

import math
from collections.abc import Iterator

from torch import Tensor, nn

from pixelwise.dense.probes.sizes import AcceptedSizes
from pixelwise.dense.probes.surroundings import Surroundings
from pixelwise.dense.tiles.memory import ActivationMemory
from pixelwise.dense.tiles.plan import SAMPLE, WORKING_COPIES, Plan, Span, check_tile, largest_side
from pixelwise.errors import InputError
from pixelwise.shapes import Size


class NetworkPlanner:
    """Cuts images for one network, whole where the budget allows it, else into the largest tiles that fit."""

    def __init__(
        self, model: nn.Module, field: Surroundings, budget: int, tile: int | None = None, channels: int = 3
    ) -> None:
        """Keeps what is known of the network.

        Args:
            model: the network.
            field: its measured receptive field.
            budget: bytes that the activations of one tile may take.
            tile: rows and columns of scores per tile instead of a budget; rounded down to the network's alignment.
            channels: channels of the image.
        """
        check_tile(tile)
        self.field = field
        self._sizes = AcceptedSizes(model, channels)
        self._sizes.expect(field.margin)
        self._memory = ActivationMemory(model, channels)
        self._budget = budget
        self._tile = tile

    def size(self, image: Size) -> Size:
        """Height and width of the scores: those of the image, mirrored where the network has a margin."""
        return image

    def plan(self, image: Size) -> Plan:
        """How an image of this size is cut.

        Raises:
            InputError: the network refuses this size; or the image does not fit the budget whole and the network
                cannot be tiled, or not even the smallest tile fits.
        """
        side = max(image) + max(self.field.alignment)
        whole = self._cut(image, (side, side))
        if whole.bytes <= self._budget if self._tile is None else self._tile >= max(image):
            return whole
        if not self.field.bounded:
            limit = f"the budget of {self._budget / 1e6:.0f} MB" if self._tile is None else f"tiles of {self._tile}"
            raise InputError(
                "a network whose outputs see a limited neighbourhood, so that tiles do not change the result",
                f"one that looks at the whole image, where {image[0]}x{image[1]} pixels take about "
                f"{whole.bytes / 1e6:.0f} MB, more than {limit}",
                "raise the memory budget, or freeze the image's statistics first: pixelwise.dense.freeze_statistics",
            )
        return self._largest(image) if self._tile is None else self._cut(image, (self._tile, self._tile))

    def scores(self, window: Size) -> Tensor:
        """Scores without values (on the meta device) for a window of an accepted size: their classes and their type."""
        return self._memory.scores(window)

    def sample(self, plan: Plan) -> Size:
        """A small accepted size on which the speed is measured, at most as large as the plan's window."""
        height, width = (min(side, SAMPLE) for side in plan.window)
        return self._sizes.smallest((height, width))

    def _largest(self, size: Size) -> Plan:
        step = math.lcm(*self.field.alignment)
        fits = largest_side(lambda side: self._cut(size, (side * step, side * step)), max(size) // step, self._budget)
        # The same number of tiles, but of even size: the last row or column would otherwise be a sliver.
        height, width = (
            math.ceil(length / math.ceil(length / (fits * step)) / alignment) * alignment
            for length, alignment in zip(size, self.field.alignment, strict=True)
        )
        return self._cut(size, (height, width))

    def _cut(self, size: Size, tile: Size) -> Plan:
        rows = tuple(self._spans(size[0], tile[0], 0))
        columns = tuple(self._spans(size[1], tile[1], 1))
        heights = {span.read_stop - span.read_start for span in rows}
        widths = {span.read_stop - span.read_start for span in columns}
        largest = max(heights), max(widths)
        # Networks accept heights and widths independently, so that not every pair must be tried.
        for window in {(height, largest[1]) for height in heights} | {(largest[0], width) for width in widths}:
            self._check(size, window)
        halo = max(span.start - span.read_start for axis in (rows, columns) for span in axis)
        return Plan(rows, columns, size, halo, int(self._memory.peak(largest) * WORKING_COPIES))

    def _check(self, size: Size, window: Size) -> None:
        if self._sizes.scores_size(window) is None:
            nearest = self._sizes.smallest(window)
            raise InputError(
                f"image and tile sizes that the network accepts, such as {nearest[0]}x{nearest[1]}",
                f"{window[0]}x{window[1]}, from an image of {size[0]}x{size[1]}",
                "let the network pad below and to the right, and crop its scores back",
            )

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
            read_start = max(0, start - halo)
            yield Span(start, stop, read_start, min(length, stop + halo), start - read_start)

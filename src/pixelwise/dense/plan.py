"""How an image is cut into tiles that fit a memory budget."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from pixelwise.dense.memory import ActivationMemory
from pixelwise.dense.sizes import AcceptedSizes
from pixelwise.dense.surroundings import Surroundings
from pixelwise.errors import InputError
from pixelwise.shapes import Size

WORKING_COPIES = 1.6
"""Convolution scratch space over the predicted activations: single passes of U-Nets of widths 16 to 64 on 512 to 1024
pixels took 1.06 to 1.53 times the prediction on a CPU (tests/dense/test_memory.py repeats one)."""

SAMPLE = 256
"""Side of the image on which speed is measured: large enough to fill two cores, a fraction of a second even for deep
networks."""


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
    """How an image is cut: one list of spans per axis, and what it costs.

    `bytes`: the largest activations at any time. `seconds`: the time it will take, where it has been estimated.
    """

    rows: tuple[Span, ...]
    columns: tuple[Span, ...]
    bytes: int
    seconds: float | None = None

    @property
    def tiles(self) -> int:
        """Number of tiles."""
        return len(self.rows) * len(self.columns)

    @property
    def pixels_read(self) -> int:
        """Pixels that go through the network."""
        return math.prod(sum(span.read_stop - span.read_start for span in axis) for axis in (self.rows, self.columns))

    @property
    def recompute(self) -> float:
        """Pixels read over pixels wanted: 1 when nothing is computed twice."""
        return self.pixels_read / (self.rows[-1].stop * self.columns[-1].stop)

    @property
    def window(self) -> Size:
        """Height and width of the largest part of the image that goes through the network at once."""
        height, width = (max(span.read_stop - span.read_start for span in axis) for axis in (self.rows, self.columns))
        return height, width

    @property
    def halo(self) -> int:
        """Pixels read around a tile, at most."""
        return max(span.start - span.read_start for axis in (self.rows, self.columns) for span in axis)

    def __str__(self) -> str:
        """Such as "81 tiles of 1984x1984, halo 92, recompute 1.09x, peak about 0.9 GB, about 3 min"."""
        first = self.rows[0].stop - self.rows[0].start, self.columns[0].stop - self.columns[0].start
        parts = [
            f"{self.tiles} tile{'s' if self.tiles != 1 else ''} of {first[0]}x{first[1]}",
            f"halo {self.halo}",
            f"recompute {self.recompute:.2f}x",
            f"peak about {self.bytes / 1e9:.1f} GB" if self.bytes >= 1e8 else f"peak about {self.bytes / 1e6:.1f} MB",
        ]
        return ", ".join(parts if self.seconds is None else [*parts, f"about {duration(self.seconds)}"])


def duration(seconds: float) -> str:
    """A time as people say it.

    >>> duration(0.4), duration(75), duration(200), duration(9000)
    ('1 s', '75 s', '3 min', '2.5 h')
    """
    if seconds < 100:  # beyond, minutes are exact enough for an estimate
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


class Planner:
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
        if tile is not None and tile < 1:
            raise InputError("a tile of at least 1 pixel", f"tile = {tile}", "pass tile=512, or leave it out")
        self.field = field
        self._sizes = AcceptedSizes(model, channels)
        self._sizes.expect(field.margin)
        self._memory = ActivationMemory(model, channels)
        self._budget = budget
        self._tile = tile

    def plan(self, size: Size) -> Plan:
        """How an image of this size is cut.

        Raises:
            InputError: the network refuses this size; or the image does not fit the budget whole and the network
                cannot be tiled, or not even the smallest tile fits.
        """
        side = max(size) + max(self.field.alignment)
        whole = self._cut(size, (side, side))
        if whole.bytes <= self._budget if self._tile is None else self._tile >= max(size):
            return whole
        if not self.field.bounded:
            limit = f"the budget of {self._budget / 1e6:.0f} MB" if self._tile is None else f"tiles of {self._tile}"
            raise InputError(
                "a network whose outputs see a limited neighbourhood, so that tiles do not change the result",
                f"one that looks at the whole image, where {size[0]}x{size[1]} pixels take about "
                f"{whole.bytes / 1e6:.0f} MB, more than {limit}",
                "raise the memory budget, or replace image-wide operations such as InstanceNorm by BatchNorm",
            )
        return self._largest(size) if self._tile is None else self._cut(size, (self._tile, self._tile))

    def scores(self, size: Size) -> Tensor:
        """Scores without values (on the meta device) for an accepted image size: their classes and their type."""
        return self._memory.scores(size)

    def sample(self, plan: Plan) -> Size:
        """A small accepted size on which the network's speed is measured, at most as large as the plan's window."""
        height, width = (min(side, SAMPLE) for side in plan.window)
        return self._sizes.smallest((height, width))

    def _largest(self, size: Size) -> Plan:
        step = math.lcm(*self.field.alignment)
        fits, too_large = 0, max(size) // step + 1
        while too_large - fits > 1:
            middle = (fits + too_large) // 2
            if self._cut(size, (middle * step, middle * step)).bytes <= self._budget:
                fits = middle
            else:
                too_large = middle
        if fits == 0:
            least = self._cut(size, (step, step)).bytes
            raise InputError(
                f"a memory budget of at least {math.ceil(least / 1e6)} MB, which the smallest tile takes",
                f"{self._budget / 1e6:g} MB",
                f'pass memory="{math.ceil(least / 1e6)}MB" or more',
            )
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
        return Plan(rows, columns, int(self._memory.peak(largest) * WORKING_COPIES))

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
            yield Span(start, stop, max(0, start - halo), min(length, stop + halo))

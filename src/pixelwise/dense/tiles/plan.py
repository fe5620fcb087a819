"""How an image is cut into tiles, what that costs, and the largest tiles that fit a memory budget."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.shapes import Size

WORKING_COPIES = 1.6
"""Convolution scratch space over the predicted activations: single passes of U-Nets of widths 16 to 64 on 512 to 1024
pixels took 1.06 to 1.53 times the prediction on a CPU (tests/dense/tiles/test_memory.py repeats one); dense maps of a
classifier of 65 pixels on 300 to 900 pixels 0.99 to 1.44 times."""

SAMPLE = 256
"""Side of the image on which speed is measured: large enough to fill two cores, a fraction of a second even for deep
networks."""


@dataclass(frozen=True)
class Span:
    """Along one axis: scores `start`..`stop` of the image come from image pixels `read_start`..`read_stop`.

    Read positions below 0 or past the image's end mean mirrored pixels (networks without padding need them at the
    border). Of the scores of these pixels the first `drop` belong to other tiles. Score i lies at image pixel i *
    `stride` + `offset`.
    """

    start: int
    stop: int
    read_start: int
    read_stop: int
    drop: int = 0
    stride: int = 1
    offset: int = 0

    @property
    def kept(self) -> slice:
        """The tile's own scores among those of the pixels read."""
        return slice(self.drop, self.drop + self.stop - self.start)

    @property
    def pixels(self) -> tuple[int, int]:
        """First and last (exclusive) image pixel at which a score lies."""
        return self.start * self.stride + self.offset, (self.stop - 1) * self.stride + self.offset + 1


@dataclass(frozen=True)
class Plan:
    """How an image is cut: one list of spans per axis, and what it costs.

    `wanted`: height and width of the pixels that must be read when nothing is read twice. `halo`: pixels read around a
    tile, at most. `bytes`: the largest activations at any time. `seconds`: the time it will take, where it has been
    estimated.
    """

    rows: tuple[Span, ...]
    columns: tuple[Span, ...]
    wanted: Size
    halo: int
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
        return self.pixels_read / (self.wanted[0] * self.wanted[1])

    @property
    def window(self) -> Size:
        """Height and width of the largest part of the image that goes through the network at once."""
        height, width = (max(span.read_stop - span.read_start for span in axis) for axis in (self.rows, self.columns))
        return height, width

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


class Planner(Protocol):
    """Knows for one kind of model how its images are cut."""

    def size(self, image: Size) -> Size:
        """Height and width of the scores of a whole image."""
        ...

    def plan(self, image: Size) -> Plan:
        """How an image of this size is cut."""
        ...

    def scores(self, window: Size) -> Tensor:
        """Scores without values (on the meta device) for a window of this size: their classes and their type."""
        ...

    def sample(self, plan: Plan) -> Size:
        """A small window on which the speed is measured, at most as large as the plan's."""
        ...


def largest_side(cut: Callable[[int], Plan], most: int, budget: int) -> int:
    """The largest side of a tile, up to `most`, whose plan fits the budget.

    Args:
        cut: the plan for tiles of a side.
        most: the side at which there is one tile.
        budget: bytes.

    Raises:
        InputError: not even the smallest tile fits; it says how much that takes.
    """
    fits, too_large = 0, most + 1
    while too_large - fits > 1:
        middle = (fits + too_large) // 2
        if cut(middle).bytes <= budget:
            fits = middle
        else:
            too_large = middle
    if fits == 0:
        least = math.ceil(cut(1).bytes / 1e6)
        raise InputError(
            f"a memory budget of at least {least} MB, which the smallest tile takes",
            f"{budget / 1e6:g} MB",
            f'pass memory="{least}MB" or more',
        )
    return fits


def check_tile(tile: int | None) -> None:
    """Refuses tiles without pixels.

    Raises:
        InputError: a side below 1.
    """
    if tile is not None and tile < 1:
        raise InputError("a tile of at least 1 pixel", f"tile = {tile}", "pass tile=512, or leave it out")

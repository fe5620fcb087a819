"""What one call keeps of each tile's scores: its reductions, inside its region, in arrays of known kinds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pixelwise.dense.tiles.plan import Span
from pixelwise.dense.tiles.reductions import reduction
from pixelwise.dense.tiles.region_mask import RegionMask
from pixelwise.errors import InputError
from pixelwise.shapes import Mask, Size

Reduce = str | Sequence[str | None] | None


@dataclass(frozen=True)
class Kind:
    """Shape and number type of one result."""

    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def numpy_type(self) -> np.dtype[Any]:
        """The number type in NumPy's terms."""
        return torch.empty(0, dtype=self.dtype).numpy().dtype


class Kept:
    """Turns the scores of a tile into the parts of all results."""

    def __init__(self, reduce: Reduce, region: RegionMask | None, fill: int | float | None) -> None:
        """Looks the reductions up.

        Args:
            reduce: the name of one, or the names of several.
            region: the wanted pixels; None wants all.
            fill: what stands outside the region; None leaves it to the reductions.

        Raises:
            InputError: an unknown name, or none.
        """
        self.single = reduce is None or isinstance(reduce, str)
        names = [reduce] if reduce is None or isinstance(reduce, str) else list(reduce)
        self._reductions = [reduction(name) for name in names]
        if not names:
            raise InputError("at least one reduction", f"reduce = {reduce!r}", "pass reduce=None for the scores")
        self._region = region
        self._fills = [each.fill if fill is None else fill for each in self._reductions]

    def kinds(self, scores: Tensor, size: Size) -> list[Kind]:
        """What the results are, from scores without values (1, K, h, w) and the size of the whole image's scores.

        Raises:
            InputError: a reduction does not go with so few classes, or its result cannot hold the fill value.
        """
        blank = torch.zeros(scores.shape[1], 1, 1, dtype=scores.dtype)
        parts = [reduce(blank) for reduce in self._reductions]
        for part, fill in zip(parts, self._fills, strict=True):
            if not (part.is_floating_point() or fill in range(torch.iinfo(part.dtype).max + 1)):
                raise InputError(
                    "a fill value that is a class index", f"fill = {fill}", "pass fill=255 or leave it out"
                )
        return [Kind((*part.shape[:-2], *size), part.dtype) for part in parts]

    def inside(self, row: Span, column: Span) -> Mask | None:
        """The wanted pixels of a tile; None where all are."""
        if self._region is None:
            return None
        return self._region.of(row.pixels, column.pixels)[:: row.stride, :: column.stride]

    def wants(self, row: Span, column: Span) -> bool:
        """Whether a tile has wanted pixels."""
        inside = self.inside(row, column)
        return inside is None or bool(inside.any())

    def parts(self, scores: Callable[[], Tensor], kinds: Sequence[Kind], row: Span, column: Span) -> list[Tensor]:
        """The parts of the results in a tile; `scores` is called only if any of its pixels is wanted."""
        inside = self.inside(row, column)
        if inside is not None and not inside.any():
            return [
                torch.full((*kind.shape[:-2], *inside.shape), fill, dtype=kind.dtype)
                for kind, fill in zip(kinds, self._fills, strict=True)
            ]
        computed = scores()
        parts = [reduce(computed) for reduce in self._reductions]
        if inside is None:
            return parts
        return [part.masked_fill(~inside, fill) for part, fill in zip(parts, self._fills, strict=True)]

    def __str__(self) -> str:
        """What the results depend on."""
        names = " ".join(each.name for each in self._reductions)
        if self._region is None:
            return names
        return f"{names}, mask {self._region.digest()}, fill {' '.join(map(str, self._fills))}"

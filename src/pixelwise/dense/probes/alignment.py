"""By how many pixels an image must be shifted so that a network's scores shift alike."""

import math

from torch import Tensor

from pixelwise.dense.probes.probe import Probe
from pixelwise.dense.probes.reach import same
from pixelwise.errors import InputError

GRID = 192
"""The largest alignment looked for, and a multiple of all others: 2**6 * 3 covers the strides of published networks,
which are products of 2 and rarely 3."""

ALIGNMENTS = tuple(step for step in range(1, GRID + 1) if GRID % step == 0)


class Shifts:
    """The scores of one long strip, against those of its parts."""

    def __init__(self, probe: Probe, halo: int) -> None:
        """Computes the strip.

        Args:
            probe: the network along one axis.
            halo: scores less than this from the ends of a part may differ, because the part ends there.
        """
        self._probe = probe
        self._inner = halo - probe.margin
        # Multiples of the grid, where they are accepted: parts that end between two steps know of their end earlier.
        self._whole, self._scores = probe.plain(probe.length((math.ceil(2 * halo / GRID) + 2) * GRID))
        self._length = probe.length(self._whole.shape[-1] - GRID)
        self._parts: dict[tuple[int, int], Tensor] = {}

    def alignment(self) -> int:
        """The smallest shift, of the divisors of `GRID`, that moves the scores alike.

        Raises:
            InputError: there is none.
        """
        if self._length + GRID > self._whole.shape[-1] or not self._equal(GRID):
            raise InputError(
                "a network whose scores move with its image",
                f"scores that differ for every shift up to {GRID} pixels",
                "remove what depends on absolute position, such as align_corners=True upsampling or position codes; "
                f"the product of the strides must divide {GRID}",
            )
        # Valid shifts are the multiples of the smallest one, so that it is reached by leaving out factors.
        smallest = GRID
        for factor in (2, 3):
            while smallest % factor == 0 and self._equal(smallest // factor):
                smallest //= factor
        return smallest

    def refuse_padding_inside(self, alignment: int) -> None:
        """Raises when scores at the ends of a part differ although the network has a margin.

        Raises:
            InputError: some convolutions pad and others do not, so that a tile's ends show.
        """
        if self._probe.margin == 0:
            return
        part = self._part(alignment, self._length)
        if not same(part, self._scores[:, alignment : alignment + part.shape[-1]]):
            raise InputError(
                "a network that pads in every convolution, or in none",
                f"scores {self._probe.margin} pixels smaller than the image on each side, of which the outer ones "
                "depend on padding inside the network",
                'give all convolutions padding="same", or all padding=0',
            )

    def refuse_size_dependence(self, alignment: int) -> None:
        """Raises when scores far from the end of a part depend on where the part ends.

        Raises:
            InputError: the network pads or resizes by amounts that follow from the image's size.
        """
        for cut in sorted({1, alignment // 2} - {0}):
            length = self._length - cut
            if self._probe.length(length) > length:
                continue
            scores = self._part(0, length)
            stop = scores.shape[-1] - self._inner - alignment
            if not same(scores[:, :stop], self._scores[:, :stop]):
                raise InputError(
                    "a network whose scores at one place do not depend on the image's size",
                    f"other scores far from the end after cutting {cut} pixel{'s' * (cut > 1)} off",
                    "inside the network pad below and to the right only, resize by a fixed scale_factor, then crop",
                )

    def _equal(self, shift: int) -> bool:
        """Whether a part gives the whole strip's scores, but for those that know of its ends."""
        scores = self._part(shift, self._length)
        start, stop = self._inner, scores.shape[-1] - self._inner
        return same(scores[:, start:stop], self._scores[:, start + shift : stop + shift])

    def _part(self, start: int, length: int) -> Tensor:
        if (start, length) not in self._parts:
            self._parts[start, length] = self._probe.scores(self._whole[..., start : start + length])
        return self._parts[start, length]

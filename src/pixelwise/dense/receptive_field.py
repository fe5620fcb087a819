"""How far each output pixel of a network sees, measured by hiding parts of the image from it.

Not-a-number spreads through every operation that reads it, so pixels set to NaN show exactly which outputs they can
change. Gradients would under-report (a maximum passes its gradient to one pixel only). The network runs in float64,
where torch's convolutions touch no pixel outside their kernels; some faster float32 ones (Winograd, FFT) do.
"""

import copy
import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pixelwise.dense.sizes import AcceptedSizes
from pixelwise.errors import InputError
from pixelwise.shapes import Size

ALIGNMENTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""Shifts tried, in rising order: products of the strides 2 and 3 that published networks use."""

GRID = 192
"""A multiple of every alignment, so that hidden regions may end at one."""

WIDEST_CLEAR = 3072
"""Clear pixels tried before the field counts as unbounded: beyond the largest published one (Inception-v3, 1311)."""


@dataclass(frozen=True)
class ReceptiveField:
    """What the scores of a network depend on; every entry is (along the height, along the width), in pixels.

    `halo`: image pixels that an output region needs around itself, when the region starts and ends on multiples of
    `alignment`; None where every output depends on the whole image. `alignment`: shifting the image by this many
    pixels shifts the scores by as many. `margin`: pixels that the scores are smaller than the image on each side (0
    for padded networks).
    """

    halo: Size | None
    alignment: Size
    margin: Size

    @property
    def bounded(self) -> bool:
        """Whether outputs depend on a neighbourhood only, so that images can be cut into tiles."""
        return self.halo is not None


def receptive_field(model: nn.Module, image_shape: Size | None = None, channels: int = 3) -> ReceptiveField:
    """The measured receptive field of a network whose scores are as large as its image, or smaller by a fixed margin.

    The two axes are measured apart, each on a thin strip; what is measured holds for networks without data-dependent
    sampling.

    Args:
        model: any module from (1, channels, H, W) to (1, K, H - 2 margin, W - 2 margin); measured in eval mode,
        unchanged.
        image_shape: a size from which accepted sizes are looked for; None starts at the smallest.
        channels: channels of the image.

    Raises:
        InputError: the scores are not as large as the image less a fixed margin, or no shift of the image shifts them
        alike.
    """
    sizes = AcceptedSizes(model, channels)
    thin = sizes.smallest((1, 1)) if image_shape is None else image_shape
    margin = _margin(sizes, sizes.smallest((max(thin[0], GRID), max(thin[1], GRID))))
    probe = copy.deepcopy(model).double().eval()
    measured = [_along_axis(probe, sizes, thin, axis, channels) for axis in (0, 1)]
    (alignment_y, halo_y), (alignment_x, halo_x) = measured
    halo = None if halo_y is None or halo_x is None else (halo_y, halo_x)
    return ReceptiveField(halo, (alignment_y, alignment_x), margin)


def _margin(sizes: AcceptedSizes, size: Size) -> Size:
    scores = sizes.scores_size(size)
    assert scores is not None, "smallest() returns accepted sizes only"
    lost = [before - after for before, after in zip(size, scores, strict=True)]
    larger = sizes.smallest((size[0] + 1, size[1] + 1))
    larger_scores = sizes.scores_size(larger) or (0, 0)
    if (
        min(lost) < 0
        or any(each % 2 for each in lost)
        or [larger[0] - larger_scores[0], larger[1] - larger_scores[1]] != lost
    ):
        raise InputError(
            "a network whose scores are as large as its image, or smaller by the same margin on each side",
            f"scores of {scores[0]}x{scores[1]} for an image of {size[0]}x{size[1]}",
            "add an upsampling step to the network",
        )
    return lost[0] // 2, lost[1] // 2


def _along_axis(probe: nn.Module, sizes: AcceptedSizes, thin: Size, axis: int, channels: int) -> tuple[int, int | None]:
    """Alignment and halo along one axis, on strips that grow until enough clear pixels remain in the middle."""
    clear = GRID
    while True:
        length = _strip_length(sizes, thin, axis, 2 * GRID + clear)
        strip = torch.randn(1, channels, *_strip(thin, axis, length), dtype=torch.float64, generator=_draws())
        halo = _halo(probe, strip, axis, clear)
        # Twice the halo on each side of a shift must stay clear for the two runs to be comparable.
        if halo is not None and length > 2 * halo + 2 * GRID:
            return _alignment(probe, sizes, strip, axis, halo), halo
        if clear >= WIDEST_CLEAR:
            return 1, None
        clear *= 2


def _strip(thin: Size, axis: int, length: int) -> Size:
    return (length, thin[1]) if axis == 0 else (thin[0], length)


def _strip_length(sizes: AcceptedSizes, thin: Size, axis: int, at_least: int) -> int:
    for length in itertools.count(at_least):  # ends: the network accepted sizes on a regular grid before
        if sizes.scores_size(_strip(thin, axis, length)) is not None:
            return length
    raise AssertionError("unreachable")


def _draws() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@torch.inference_mode()
def _halo(probe: nn.Module, strip: Tensor, axis: int, clear: int) -> int | None:
    """Pixels by which hidden regions at both ends reach into the clear middle; None when nothing in it stays clear."""
    hidden = strip.clone()
    dimension = axis + 2
    hidden.narrow(dimension, 0, GRID).fill_(torch.nan)
    hidden.narrow(dimension, GRID + clear, strip.shape[dimension] - GRID - clear).fill_(torch.nan)
    scores = probe(hidden)
    margin = (strip.shape[dimension] - scores.shape[dimension]) // 2
    other_axes = tuple(d for d in range(4) if d != dimension)
    spoilt: Tensor = scores.isnan().any(dim=other_axes)
    untouched = (~spoilt).nonzero().flatten()
    if untouched.numel() == 0:
        return None
    first, last = int(untouched[0]) + margin, int(untouched[-1]) + margin
    if bool(spoilt[untouched[0] : untouched[-1] + 1].any()):
        return None
    # A region of scores needs the wider of the two reaches on both sides.
    return int(max(first - GRID, GRID + clear - 1 - last, margin))


@torch.inference_mode()
def _alignment(probe: nn.Module, sizes: AcceptedSizes, strip: Tensor, axis: int, halo: int) -> int:
    """The smallest shift of the image that shifts the scores alike."""
    dimension = axis + 2
    whole = probe(strip)
    margin = (strip.shape[dimension] - whole.shape[dimension]) // 2
    for shift in ALIGNMENTS:
        thin = (strip.shape[2], strip.shape[3])
        length = (
            _strip_length(sizes, thin, axis, strip.shape[dimension] - GRID)
            if margin
            else strip.shape[dimension] - shift
        )
        if length + shift > strip.shape[dimension]:
            continue
        shifted = probe(strip.narrow(dimension, shift, length))
        start, stop = halo - margin, length - halo - margin  # in the shifted scores: away from the ends' padding
        if stop <= start:
            continue
        expected = whole.narrow(dimension, start + shift, stop - start)
        if torch.allclose(shifted.narrow(dimension, start, stop - start), expected, rtol=1e-9, atol=1e-9):
            return shift
    raise InputError(
        "a network whose scores move with its image",
        f"scores that differ for every shift from 1 to {ALIGNMENTS[-1]} pixels",
        "remove what depends on absolute position, such as align_corners=True upsampling or position codes",
    )

"""How far each output pixel of a network sees, and by which steps its scores move with the image, measured.

The network runs in float64, where torch's convolutions touch no pixel outside their kernels; some faster float32 ones
(Winograd, FFT) do.
"""

import math
from dataclasses import dataclass

from torch import nn

from pixelwise.dense.probes.alignment import ALIGNMENTS, GRID, Shifts
from pixelwise.dense.probes.gaps import widest_gap
from pixelwise.dense.probes.probe import Probe, double_twin
from pixelwise.dense.probes.reach import edge_moves, unchanged
from pixelwise.dense.probes.sizes import AcceptedSizes
from pixelwise.errors import InputError
from pixelwise.shapes import Size

WIDEST_CLEAR = 3072
"""Clear pixels tried before the field counts as unbounded: beyond the largest published one (Inception-v3, 1311)."""


@dataclass(frozen=True)
class Surroundings:
    """What the scores of a network depend on; every entry is (along the height, along the width), in pixels.

    `halo`: image pixels that a region of scores needs around itself, when the region starts and ends on multiples of
    `alignment` and the halo is rounded up to such a multiple; None where every output depends on the whole image. For
    networks without padding it is the margin. `alignment`: shifting the image by this many pixels shifts the scores by
    as many. `margin`: pixels that the scores are smaller than the image on each side (0 for padded networks).
    """

    halo: Size | None
    alignment: Size
    margin: Size

    @property
    def bounded(self) -> bool:
        """Whether outputs depend on a neighbourhood only, so that images can be cut into tiles."""
        return self.halo is not None


def measured_surroundings(model: nn.Module, image_shape: Size | None = None, channels: int = 3) -> Surroundings:
    """The measured receptive field of a network whose scores are as large as its image, or smaller by a fixed margin.

    The two axes are measured apart, each on a thin strip, in float64 on the CPU. A network that samples where its
    features say (deformable convolutions, grids) counts as one that sees the whole image. Weights that are all zero,
    as a last layer's often are before training, count as if they had been trained.

    Args:
        model: any module from (1, channels, H, W) to (1, K, H - 2 margin, W - 2 margin); measured in eval mode,
        unchanged.
        image_shape: a size from which accepted sizes are looked for; None starts at the smallest.
        channels: channels of the image.

    Raises:
        InputError: the scores are not as large as the image less a fixed margin; no shift of the image shifts them
        alike; they depend on the image's size; or the network pads some convolutions and not others.
    """
    sizes = AcceptedSizes(model, channels)
    thin = sizes.smallest((1, 1) if image_shape is None else image_shape)
    large = sizes.smallest((max(thin[0], GRID), max(thin[1], GRID)))
    margin = _margin(sizes, large)
    sizes.expect(margin)
    thin = sizes.smallest(thin)
    gap = widest_gap(model, large, channels)
    if math.isinf(gap):
        return Surroundings(None, (1, 1), margin)
    hidden = math.ceil(int(gap + 1) / GRID) * GRID
    twin = double_twin(model)
    (alignment_y, halo_y), (alignment_x, halo_x) = (
        _along_axis(Probe(twin, sizes, thin, axis, margin[axis], channels), hidden) for axis in (0, 1)
    )
    halo = None if halo_y is None or halo_x is None else (halo_y, halo_x)
    return Surroundings(halo, (alignment_y, alignment_x), margin)


def _margin(sizes: AcceptedSizes, size: Size) -> Size:
    larger = sizes.smallest((size[0] + GRID, size[1] + GRID))
    scores, larger_scores = sizes.scores_size(size), sizes.scores_size(larger)
    assert scores is not None, "smallest() returns accepted sizes only"
    assert larger_scores is not None, "smallest() returns accepted sizes only"
    lost = [before - after for before, after in zip(size, scores, strict=True)]
    larger_lost = [before - after for before, after in zip(larger, larger_scores, strict=True)]
    if min(lost) < 0 or any(each % 2 for each in lost) or larger_lost != lost:
        raise InputError(
            "a network whose scores are as large as its image, or smaller by the same margin on each side",
            f"scores of {scores[0]}x{scores[1]} for an image of {size[0]}x{size[1]}, and of {larger_scores[0]}x"
            f"{larger_scores[1]} for one of {larger[0]}x{larger[1]}",
            "resize or crop the scores to the image's size inside the network",
        )
    return lost[0] // 2, lost[1] // 2


def _along_axis(probe: Probe, hidden: int) -> tuple[int, int | None]:
    """Alignment and halo along one axis, on strips that grow until clear pixels remain in the middle."""
    clear = GRID
    while clear <= WIDEST_CLEAR:
        length = probe.length(2 * hidden + clear)
        seen = unchanged(probe, length, (hidden, hidden + clear))
        if seen is not None:
            # A region of scores needs the wider of the two reaches on both sides.
            halo = max(seen[0] - hidden, hidden + clear - seen[1], probe.margin)
            shifts = Shifts(probe, halo)
            least = shifts.alignment()
            # A network that is constant on these pixels passes every shift; its hidden edges move by the true one.
            steps = (step for step in ALIGNMENTS if step % least == 0)
            alignment = next((step for step in steps if edge_moves(probe, length, hidden, seen[0], step)), GRID)
            shifts.refuse_padding_inside(alignment)
            shifts.refuse_size_dependence(alignment)
            return alignment, probe.margin or halo
        clear *= 2
    return 1, None

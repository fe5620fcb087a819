"""The region proposal network: at every cell, is there an object, and where exactly.

Source: Ren, He, Girshick, Sun 2015, "Faster R-CNN", section 3.1; on a pyramid Lin et al. 2017, section 4.1.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.errors import InputError
from pixelwise.models.detection.conv_block import conv_block
from pixelwise.models.detection.outputs import FeatureGroup, Features, RegionGroup, RegionScores
from pixelwise.ops import anchors
from pixelwise.ops.boxes import upcast
from pixelwise.shapes import Size

ANCHOR_SIZES = (32, 64, 128, 256, 512)
"""One for each level of a pyramid, in pixels of the resized image (Lin et al. 2017, section 4.1)."""

RATIOS = (0.5, 1.0, 2.0)
"""Height over width of the anchors (Ren et al. 2015, section 3.1.1)."""


class RegionHead(nn.Module):
    """For each anchor of each cell a logit and four deltas, with the same weights on every level."""

    def __init__(self, channels: int, anchors_per_cell: int, depth: int = 1) -> None:
        """Builds the head with the paper's initial weights.

        Args:
            channels: of every level.
            anchors_per_cell: A.
            depth: 3x3 convolutions before the two outputs: 1 as in the paper, 2 in the published second versions.
        """
        super().__init__()
        self.conv = nn.Sequential(*(conv_block(channels, channels) for _ in range(depth)))
        self.cls_logits = nn.Conv2d(channels, anchors_per_cell, 1)
        self.bbox_pred = nn.Conv2d(channels, anchors_per_cell * 4, 1)
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.normal_(part.weight, std=0.01)  # Ren et al. 2015, section 3.1.3
                assert part.bias is not None
                nn.init.zeros_(part.bias)

    def forward(self, level: Float[Tensor, "B C h w"]) -> tuple[Float[Tensor, "B n"], Float[Tensor, "B n 4"]]:
        """Logits and deltas of one level, ordered by row, column, then anchor, in float32 at least."""
        features = self.conv(level)
        logits, deltas = self.cls_logits(features), self.bbox_pred(features)
        batch, count, height, width = logits.shape
        # The channels of an anchor's deltas lie together: (B, A, 4, h, w) -> (B, h, w, A, 4)
        deltas = deltas.view(batch, count, 4, height, width).permute(0, 3, 4, 1, 2).reshape(batch, -1, 4)
        return upcast(logits.permute(0, 2, 3, 1).reshape(batch, -1)), upcast(deltas)


class RegionProposalNetwork(nn.Module):
    """Scores of all anchors on all levels."""

    def __init__(
        self,
        head: RegionHead,
        sizes: Sequence[float | int | Sequence[float | int]] = ANCHOR_SIZES,
        ratios: Sequence[float | int] = RATIOS,
    ) -> None:
        """Puts the head together with its anchors.

        Args:
            head: as many anchors per cell as a level has sizes, times ratios.
            sizes: for each level one size or several, in pixels of the resized image.
            ratios: height over width.

        Raises:
            InputError: the head was built for another number of anchors.
        """
        super().__init__()
        several = [tuple(size) if isinstance(size, Sequence) else (size,) for size in sizes]
        counts = sorted({len(size) * len(ratios) for size in several})
        if counts != [head.cls_logits.out_channels]:
            raise InputError(
                f"{head.cls_logits.out_channels} anchors per cell on every level, as the head was built for",
                f"{counts} from sizes {list(sizes)} and ratios {list(ratios)}",
                "give every level as many sizes, and the head anchors_per_cell = sizes * ratios",
            )
        self.head = head
        self.sizes = several
        self.ratios = tuple(ratios)

    def forward(self, features: Features) -> RegionScores:
        """What the network says about every anchor of every image.

        Raises:
            InputError: the features have another number of levels than there are sizes.
        """
        padded = {number: frame.padded for number, frame in enumerate(features.frames)}
        groups = tuple(self._scores(group, padded[group.numbers[0]]) for group in features.groups)
        return RegionScores(groups, features.frames)

    def extra_repr(self) -> str:
        """Shown by print."""
        return f"sizes={self.sizes}, ratios={self.ratios}"

    def _scores(self, group: FeatureGroup, padded: Size) -> RegionGroup:
        logits, deltas = zip(*(self.head(level) for level in group.levels), strict=True)
        places = [(level.shape[-2], level.shape[-1]) for level in group.levels]
        by_level = anchors(places, padded, self.sizes, self.ratios, device=logits[0].device)
        return RegionGroup(
            torch.cat(logits, dim=1),
            torch.cat(deltas, dim=1),
            torch.cat(by_level),
            tuple(len(one) for one in by_level),
            group.numbers,
        )

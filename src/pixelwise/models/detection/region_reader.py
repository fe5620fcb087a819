"""Features of regions, read from whichever group and level holds them: RoIPool or RoIAlign as a plain argument."""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.errors import InputError
from pixelwise.models.detection.outputs import Features
from pixelwise.ops import pyramid_levels, pyramid_roi_align, roi_align, roi_pool
from pixelwise.ops.roi_boxes import regions_of

Pooling = Literal["align", "pool"]
"""RoIAlign (He et al. 2017, section 3) or RoIPool (Girshick 2015, section 2.1)."""

SAMPLES = 2
"""Samples per bin along each axis; what published weights were trained with."""


class RegionReader(nn.Module):
    """A small map of equal size for each region; it has no weights.

    On several levels a region is read from the one that suits its size (`pixelwise.ops.pyramid_levels`). RoIAlign is
    the published form without the half-pixel shift (`aligned=False`). Levels are scaled by their strides.

    Differs from torchvision: there the scales are guessed from the first image a model ever sees, without its padding,
    and kept; very wide images (100 x 2000) then have all regions read at twice the scale, by that model for good.
    """

    def __init__(self, strides: Sequence[int], size: int, pooling: Pooling = "align") -> None:
        """Sets the rules.

        Args:
            strides: of the levels that regions are read from, from fine to coarse; the network may have more levels.
            size: bins along each axis.
            pooling: "align" or "pool".

        Raises:
            InputError: an unknown pooling.
        """
        super().__init__()
        if pooling not in get_args(Pooling):
            raise InputError(
                f"pooling as one of {', '.join(get_args(Pooling))}", repr(pooling), 'pass pooling="align" for RoIAlign'
            )
        self.scales = tuple(1 / stride for stride in strides)
        self.size = size
        self.pooling = pooling

    def forward(self, features: Features, boxes: Sequence[Float[Tensor, "_ 4"]]) -> Float[Tensor, "R C s s"]:
        """The maps of all regions, image after image.

        Args:
            features: of all images.
            boxes: for each image its regions, in pixels of the resized image; possibly none.

        Raises:
            InputError: not one tensor of boxes for each image.
        """
        if len(boxes) != len(features.frames):
            raise InputError(
                f"boxes for each of the {len(features.frames)} images",
                f"{len(boxes)} tensors",
                "pass torch.zeros(0, 4) for an image without boxes",
            )
        maps, order = [], []
        counts = [len(one) for one in boxes]
        starts = [sum(counts[:number]) for number in range(len(counts))]
        for group in features.groups:
            levels = group.levels[: len(self.scales)]
            regions = regions_of(levels[0], [boxes[number].detach() for number in group.numbers])
            maps.append(self._read(levels, regions))
            order += [row for number in group.numbers for row in range(starts[number], starts[number] + counts[number])]
        if len(maps) == 1:
            return maps[0]
        together = torch.cat(maps)
        return together[torch.tensor(order, device=together.device).argsort()]

    def extra_repr(self) -> str:
        """Shown by print."""
        return f"{self.pooling}, {self.size}x{self.size}, scales={self.scales}"

    def _read(self, levels: list[Tensor], regions: Float[Tensor, "K 5"]) -> Tensor:
        if self.pooling == "align":
            if len(levels) == 1:
                return roi_align(levels[0], regions, self.size, self.scales[0], SAMPLES)
            return pyramid_roi_align(levels, regions, self.size, self.scales, SAMPLES)
        if len(levels) == 1:
            return roi_pool(levels[0], regions, self.size, self.scales[0])
        finest = round(-torch.tensor(self.scales[0]).log2().item())
        wanted = pyramid_levels(regions[:, 1:], finest, finest + len(levels) - 1)
        rows = [(wanted == finest + number).nonzero().squeeze(1) for number in range(len(levels))]
        read = [
            roi_pool(level, regions[chosen], self.size, scale)
            for level, chosen, scale in zip(levels, rows, self.scales, strict=True)
        ]
        return torch.cat(read)[torch.cat(rows).argsort()]

"""Regions of a feature pyramid: which level each is read from, and the read (Lin et al. 2017, FPN, equation 1)."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.ops.roi_align import roi_align
from pixelwise.ops.roi_boxes import check_features, known_images, pair, regions_of
from pixelwise.ops.roi_pyramid import roi_align_together
from pixelwise.shapes import Boxes

CANONICAL_SIDE = 224
"""A box of this side, that of the images in ImageNet's classification, is read from the canonical level."""

CANONICAL_LEVEL = 4
"""Where the paper's classification network ends: C4, stride 16."""

ROUNDING = 1e-6
"""Added as published implementations do, so that a side of exactly 224 or 448 does not fall one level below."""


def pyramid_levels(boxes: Boxes, finest: int = 2, coarsest: int = 5) -> Integer[Tensor, " N"]:
    """The level each box is read from: floor(4 + log2(sqrt(area) / 224) + 1e-6), within the levels there are.

    A box without area, or with a coordinate that is not a number, is read from the finest level.

    Args:
        boxes: in image pixels.
        finest: number of the finest level, log2 of its stride.
        coarsest: number of the coarsest level.

    >>> pyramid_levels(torch.tensor([[0, 0, 50, 50], [0, 0, 224, 224], [0, 0, 900, 900.0]]))
    tensor([2, 4, 5])
    """
    boxes = boxes.to(torch.promote_types(boxes.dtype, torch.float32))
    area = (boxes[:, 2] - boxes[:, 0]).clamp(min=0) * (boxes[:, 3] - boxes[:, 1]).clamp(min=0)
    levels = (CANONICAL_LEVEL + (area.sqrt() / CANONICAL_SIDE).log2() + ROUNDING).floor()
    return levels.nan_to_num(nan=finest).clamp(finest, coarsest).long()


def pyramid_roi_align(
    features: Sequence[Float[Tensor, "B C _ _"]],
    boxes: Float[Tensor, "K 5"] | Sequence[Float[Tensor, "_ 4"]],
    output_size: int | Sequence[int],
    scales: Sequence[float],
    sampling_ratio: int = 2,
    aligned: bool = False,
) -> Float[Tensor, "K C h w"]:
    """Each region, averaged by `roi_align` from the level that suits its size, in the order of the boxes.

    Unlike torchvision's MultiScaleRoIAlign nothing is guessed from the first image and kept: the scales are given.

    Args:
        features: the levels from fine to coarse, with as many channels each, each half as large as the one before.
        boxes: regions in image pixels, as `roi_align` takes them.
        output_size: bins along y and x, or one number for both.
        scales: size of each level relative to the image, powers of 1/2 such as (1/4, 1/8, 1/16, 1/32).
        sampling_ratio: samples per bin along each axis; 2 is what published weights were trained with.
        aligned: whether pixel centres lie at +0.5; see `roi_align`.

    Raises:
        InputError: levels and scales do not fit each other; and see `roi_align`.
    """
    finest = _finest_level(features, scales)
    regions = regions_of(features[0], boxes)
    if len(features) == 1:
        return roi_align(features[0], regions, output_size, scales[0], sampling_ratio, aligned)
    levels = pyramid_levels(regions[:, 1:], finest, finest + len(features) - 1)
    if regions.device.type != "cpu" and sampling_ratio > 0:
        for level in features:
            check_features(level, pair(output_size))
        # A list of boxes names its images rightly; asking a device whether a table does means waiting for it.
        images = known_images(regions, features[0].shape) if isinstance(boxes, Tensor) else regions[:, 0].long()
        found = roi_align_together(
            features, regions, images, levels - finest, pair(output_size), scales, sampling_ratio, aligned
        )
        last = features[0].is_contiguous(memory_format=torch.channels_last)
        return found if last else found.contiguous()
    out = features[0].new_empty((regions.shape[0], features[0].shape[1], *pair(output_size)))
    if features[0].is_contiguous(memory_format=torch.channels_last):
        out = out.contiguous(memory_format=torch.channels_last)
    for number, (level, scale) in enumerate(zip(features, scales, strict=True)):
        chosen = (levels == finest + number).nonzero().squeeze(1)
        out[chosen] = roi_align(level, regions[chosen], output_size, scale, sampling_ratio, aligned)
    return out


def _finest_level(features: Sequence[Tensor], scales: Sequence[float]) -> int:
    """The number of the first level, log2 of its stride."""
    halved = all(fine == 2 * coarse for fine, coarse in pairwise(scales))
    numbers = {2.0**-level: level for level in range(-8, 17)}  # more than any network's strides
    if not features or len(features) != len(scales) or not halved or scales[0] not in numbers:
        raise InputError(
            "one scale for each level, powers of 1/2 that halve from level to level",
            f"{len(features)} levels and scales {tuple(scales)}",
            hint="pass scales=(1 / 4, 1 / 8, 1 / 16, 1 / 32) for a pyramid of strides 4 to 32",
        )
    if len({level.shape[1] for level in features}) > 1:
        raise InputError(
            "levels with the same number of channels",
            f"{[level.shape[1] for level in features]}",
            hint="bring them to one number with 1x1 convolutions, as a feature pyramid does",
        )
    if len({level.shape[0] for level in features}) > 1:
        raise InputError(
            "levels of the same images",
            f"{[level.shape[0] for level in features]} images",
            hint="pass the levels that one call of the backbone gives",
        )
    return numbers[scales[0]]

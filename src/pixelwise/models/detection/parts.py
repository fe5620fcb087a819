"""The parts of Faster and Mask R-CNN as published, sized by a few numbers: on a pyramid, or on one level."""

from collections.abc import Sequence

from torch import nn

from pixelwise.errors import InputError
from pixelwise.models.detection import box_head, mask_head
from pixelwise.models.detection.box_head import BoxPredictor, TwoLayerHead, average_head, conv_head
from pixelwise.models.detection.mask_head import MaskPredictor
from pixelwise.models.detection.region_reader import Pooling, RegionReader
from pixelwise.models.detection.roi_heads import RoiHeads
from pixelwise.models.detection.rpn import ANCHOR_SIZES, RATIOS, RegionHead, RegionProposalNetwork

FPN_CHANNELS = 256
"""Of each level of a pyramid (Lin et al. 2017, section 3)."""

HEAD_WIDENING = 4
"""A box head's vectors have so many times as many entries as a pyramid has channels: 1024 and 256 as published."""

PYRAMID_STRIDES = (4, 8, 16, 32)
"""Of the levels that regions are read from; the coarsest level only proposes."""

COCO_CLASSES = 91
"""COCO's category ids go from 1 to 90, with gaps; 0 is the background."""


def rpn_on_pyramid(
    channels: int, anchor_sizes: Sequence[float | int] = ANCHOR_SIZES, depth: int = 1
) -> RegionProposalNetwork:
    """A region proposal network with one size of anchors on each level and three ratios."""
    return RegionProposalNetwork(RegionHead(channels, len(RATIOS), depth), anchor_sizes)


def rpn_on_one_level(channels: int, anchor_sizes: Sequence[float | int] = ANCHOR_SIZES) -> RegionProposalNetwork:
    """A region proposal network with all sizes of anchors on one level, as in Ren et al. 2015."""
    return RegionProposalNetwork(RegionHead(channels, len(RATIOS) * len(anchor_sizes)), [tuple(anchor_sizes)])


def heads_on_pyramid(channels: int, num_classes: int, pooling: Pooling, masks: bool, second: bool = False) -> RoiHeads:
    """Box head and, where asked for, mask head on the four finest levels.

    Args:
        channels: of every level.
        num_classes: K, with the background.
        pooling: "align" or "pool".
        masks: whether there is a mask branch.
        second: the published second version: convolutions in the box head, batch normalisation in both heads.

    Raises:
        InputError: fewer than two classes.
    """
    _check_classes(num_classes)
    width = HEAD_WIDENING * channels
    return RoiHeads(
        RegionReader(PYRAMID_STRIDES, box_head.BINS, pooling),
        conv_head(channels, width) if second else TwoLayerHead(channels, width),
        BoxPredictor(width, num_classes),
        mask_regions=RegionReader(PYRAMID_STRIDES, mask_head.BINS, pooling) if masks else None,
        mask_head=mask_head.mask_head(channels, channels, second) if masks else None,
        mask_predictor=MaskPredictor(channels, channels, num_classes) if masks else None,
    )


def heads_on_c4(stage: nn.Module, channels: int, num_classes: int, pooling: Pooling, masks: bool) -> RoiHeads:
    """Heads on stride 16 that share a ResNet's last stage (He et al. 2017, figure 4, left); masks are 14 x 14.

    Args:
        stage: the last stage, which halves a region's map of 14 x 14 bins.
        channels: that it gives.
        num_classes: K, with the background.
        pooling: "align" or "pool".
        masks: whether there is a mask branch.

    Raises:
        InputError: fewer than two classes.
    """
    _check_classes(num_classes)
    return RoiHeads(
        RegionReader((16,), mask_head.BINS, pooling),
        average_head(),
        BoxPredictor(channels, num_classes),
        shared=stage,
        mask_regions=RegionReader((16,), mask_head.BINS, pooling) if masks else None,
        mask_head=nn.Identity() if masks else None,
        # 256 of the last stage's 2048 channels, as published.
        mask_predictor=MaskPredictor(channels, max(1, channels // 8), num_classes) if masks else None,
    )


def heads_on_c5(channels: int, num_classes: int, pooling: Pooling, masks: bool) -> RoiHeads:
    """Heads on stride 32, where a rounded region is off by half an object (He et al. 2017, table 2d); masks 28 x 28.

    The paper does not give the heads' sizes; they are those of a pyramid with an eighth of the channels.

    Args:
        channels: of the last stage.
        num_classes: K, with the background.
        pooling: "align" or "pool".
        masks: whether there is a mask branch.

    Raises:
        InputError: fewer than two classes.
    """
    _check_classes(num_classes)
    narrow = max(1, channels // 8)
    width = HEAD_WIDENING * narrow
    return RoiHeads(
        RegionReader((32,), box_head.BINS, pooling),
        TwoLayerHead(channels, width),
        BoxPredictor(width, num_classes),
        mask_regions=RegionReader((32,), mask_head.BINS, pooling) if masks else None,
        mask_head=mask_head.mask_head(channels, narrow) if masks else None,
        mask_predictor=MaskPredictor(narrow, narrow, num_classes) if masks else None,
    )


def _check_classes(num_classes: int) -> None:
    if num_classes < 2:
        raise InputError(
            "num_classes of at least 2: the background and one class",
            f"num_classes = {num_classes}",
            "count the background as well: 5 kinds of objects are num_classes=6",
        )

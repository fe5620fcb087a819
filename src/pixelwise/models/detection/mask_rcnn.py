"""Mask R-CNN: Faster R-CNN with a third branch that gives each region a mask for each class.

Source: He, Gkioxari, Dollar, Girshick 2017, "Mask R-CNN".

The steps are those of `pixelwise.models.detection.faster_rcnn`, and one more: `model.mask_scores(features, boxes)`
gives logits of masks for any boxes. In a prediction these are the boxes that `decode` keeps, so `forward`, which knows
none yet, gives what Faster R-CNN gives, and `detect(model, images)` takes both steps.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from jaxtyping import Float, Num
from torch import Tensor, nn

from pixelwise.backbones import resnet18, resnet50
from pixelwise.errors import InputError
from pixelwise.models.detection.batching import PadTo, Preparation
from pixelwise.models.detection.encoders import Norms, norms_for, with_norms
from pixelwise.models.detection.fpn import PyramidBackbone
from pixelwise.models.detection.outputs import BoxOutputs, BoxScores, Features, RawOutputs, RegionScores
from pixelwise.models.detection.parts import (
    COCO_CLASSES,
    FPN_CHANNELS,
    heads_on_c4,
    heads_on_c5,
    heads_on_pyramid,
    rpn_on_one_level,
    rpn_on_pyramid,
)
from pixelwise.models.detection.propose import propose
from pixelwise.models.detection.published import load_published
from pixelwise.models.detection.region_reader import Pooling
from pixelwise.models.detection.resize import PUBLISHED_SIDES, Resize
from pixelwise.models.detection.roi_heads import RoiHeads
from pixelwise.models.detection.rpn import ANCHOR_SIZES, RegionProposalNetwork
from pixelwise.models.detection.run_backbone import run_backbone
from pixelwise.models.detection.single_level import SingleLevelBackbone


class MaskRCNN(nn.Module):
    """Boxes, their classes and masks, as raw outputs; see the module for the steps."""

    def __init__(
        self, preparation: Preparation, backbone: nn.Module, rpn: RegionProposalNetwork, roi_heads: RoiHeads
    ) -> None:
        """Takes built parts.

        Args:
            preparation: of images.
            backbone: from images (B, 3, H, W) to a list of levels.
            rpn: as many levels as the backbone gives.
            roi_heads: with masks.

        Raises:
            InputError: the heads have no mask branch.
        """
        super().__init__()
        if roi_heads.mask_predictor is None:
            raise InputError("heads with a mask branch", "none", "build a FasterRCNN, or give RoiHeads all its parts")
        self.preparation = preparation
        self.backbone = backbone
        self.rpn = rpn
        self.roi_heads = roi_heads

    def forward(self, images: Sequence[Num[Tensor, "_ _ _"]]) -> RawOutputs:
        """Everything the network says about its own proposals, in training and evaluation alike.

        Args:
            images: RGB, float 0..1, each of any size.

        Raises:
            InputError: no images, or one that is none.
        """
        features = self.features(images)
        regions = cast(RegionScores, self.rpn(features))
        proposals = propose(regions)
        return RawOutputs(
            features, regions, BoxOutputs(proposals, self.box_scores(features, proposals), features.frames)
        )

    def features(self, images: Sequence[Num[Tensor, "_ _ _"]], resize: Resize | None = None) -> Features:
        """The features of the images, and their sizes; `resize` replaces the model's rule for this call."""
        return run_backbone(self.preparation, self.backbone, images, resize)

    def box_scores(self, features: Features, boxes: Sequence[Float[Tensor, "_ 4"]]) -> BoxScores:
        """Class logits and deltas of regions of one's own, in pixels of the resized images; rows image after image."""
        return self.roi_heads.box_scores(features, boxes)

    def mask_scores(self, features: Features, boxes: Sequence[Float[Tensor, "_ 4"]]) -> Float[Tensor, "R K h w"]:
        """Logits of a mask for each class of regions of one's own; rows image after image."""
        return self.roi_heads.mask_scores(features, boxes)


def mask_rcnn_resnet50_fpn(
    num_classes: int = COCO_CLASSES,
    weights: str | Path | None = None,
    encoder_weights: str | Path | None = None,
    norms: Norms | None = None,
    resize: Sequence[int] | None = PUBLISHED_SIDES,
    pad_to: PadTo = "image",
    pooling: Pooling = "align",
) -> MaskRCNN:
    """Mask R-CNN on a ResNet-50 with a feature pyramid, with the parameter names of the published weights.

    Args:
        num_classes: K, with the background; 91 for the published weights, whose labels are COCO's category ids.
        weights: of the whole network: a file, "coco" or the published file's stem.
        encoder_weights: of the ResNet alone: a file, "imagenet" or a published file's name.
        norms: see `Norms`; None takes "published" with weights, "frozen" with encoder weights, otherwise "batch".
            Whoever trains on and saves weights of their own passes to the next call what was used in the first.
        resize: (shortest side, limit of the longest) at which the network sees an image, or None for as it is.
        pad_to: "image" makes results independent of the batch, "batch" is the published way.
        pooling: "align" or "pool".

    Raises:
        InputError: the weights cannot be had, or do not fit; or an argument is out of range.
    """
    body = with_norms(resnet50(encoder_weights), norms_for(norms, weights, encoder_weights))
    network = MaskRCNN(
        Preparation(Resize.of(resize), pad_to),
        PyramidBackbone(body, FPN_CHANNELS),
        rpn_on_pyramid(FPN_CHANNELS),
        heads_on_pyramid(FPN_CHANNELS, num_classes, pooling, masks=True),
    )
    return load_published(network, "maskrcnn_resnet50_fpn", weights)


def mask_rcnn_resnet50_fpn_v2(
    num_classes: int = COCO_CLASSES,
    weights: str | Path | None = None,
    encoder_weights: str | Path | None = None,
    norms: Norms = "batch",
    resize: Sequence[int] | None = PUBLISHED_SIDES,
    pad_to: PadTo = "image",
    pooling: Pooling = "align",
) -> MaskRCNN:
    """The published second version: batch normalisation everywhere, more convolutions in the heads.

    Source: Li, Xie, He et al. 2021, "Benchmarking Detection Transfer Learning with Vision Transformers", whose recipe
    the published weights follow. Arguments are those of `mask_rcnn_resnet50_fpn`.
    """
    network = MaskRCNN(
        Preparation(Resize.of(resize), pad_to),
        PyramidBackbone(with_norms(resnet50(encoder_weights), norms), FPN_CHANNELS, norm=True),
        rpn_on_pyramid(FPN_CHANNELS, depth=2),
        heads_on_pyramid(FPN_CHANNELS, num_classes, pooling, masks=True, second=True),
    )
    return load_published(network, "maskrcnn_resnet50_fpn_v2", weights)


def mask_rcnn_resnet50_c4(
    num_classes: int = COCO_CLASSES,
    weights: str | Path | None = None,
    encoder_weights: str | Path | None = None,
    norms: Norms | None = None,
    resize: Sequence[int] | None = PUBLISHED_SIDES,
    pad_to: PadTo = "image",
    pooling: Pooling = "align",
) -> MaskRCNN:
    """Mask R-CNN as in He et al. 2016: one level of stride 16, and the ResNet's last stage run on each region.

    No weights are published under these names. Arguments are those of `mask_rcnn_resnet50_fpn`.
    """
    body = with_norms(resnet50(encoder_weights), norms_for(norms, weights, encoder_weights))
    stage, channels = body.layer4, body.channels[-1]
    backbone = SingleLevelBackbone(body)
    network = MaskRCNN(
        Preparation(Resize.of(resize), pad_to),
        backbone,
        rpn_on_one_level(backbone.channels[0]),
        heads_on_c4(stage, channels, num_classes, pooling, masks=True),
    )
    return load_published(network, "mask_rcnn_resnet50_c4", weights)


def mask_rcnn_resnet18_fpn(
    num_classes: int,
    width: int = 64,
    fpn_channels: int = FPN_CHANNELS,
    anchor_sizes: Sequence[float | int] = ANCHOR_SIZES,
    resize: Sequence[int] | None = PUBLISHED_SIDES,
    pooling: Pooling = "align",
    encoder_weights: str | Path | None = None,
    norms: Norms | None = None,
) -> MaskRCNN:
    """Mask R-CNN on a ResNet-18 with a feature pyramid, of any width, for small machines and small images.

    Args:
        num_classes: K, with the background.
        width: channels of the ResNet's first stage.
        fpn_channels: of each level of the pyramid; the box head's vectors have four times as many entries.
        anchor_sizes: one for each of the five levels, in pixels of the resized image. For images of 128 pixels
            (8, 16, 32, 64, 128) fit.
        resize: see `mask_rcnn_resnet50_fpn`, like all that follow.
        pooling: "align" or "pool".
        encoder_weights: of the ResNet alone.
        norms: see `Norms`.

    Raises:
        InputError: an argument is out of range, or the weights do not fit.
    """
    body = with_norms(resnet18(encoder_weights, width=width), norms_for(norms, None, encoder_weights))
    return MaskRCNN(
        Preparation(Resize.of(resize)),
        PyramidBackbone(body, fpn_channels),
        rpn_on_pyramid(fpn_channels, anchor_sizes),
        heads_on_pyramid(fpn_channels, num_classes, pooling, masks=True),
    )


def mask_rcnn_resnet18_one_level(
    num_classes: int,
    stage: int = 4,
    width: int = 64,
    anchor_sizes: Sequence[float | int] = ANCHOR_SIZES,
    resize: Sequence[int] | None = PUBLISHED_SIDES,
    pooling: Pooling = "align",
    encoder_weights: str | Path | None = None,
    norms: Norms | None = None,
) -> MaskRCNN:
    """Mask R-CNN on one level of a ResNet-18: to compare RoIPool with RoIAlign where a cell is 16 or 32 pixels.

    He et al. 2017, tables 2c (stage 4) and 2d (stage 5), on a smaller encoder.

    Args:
        num_classes: K, with the background.
        stage: 4 reads stride 16 and runs the last stage on each region, 5 reads stride 32.
        width: channels of the ResNet's first stage.
        anchor_sizes: all of them on the one level.
        resize: see `mask_rcnn_resnet50_fpn`, like all that follow.
        pooling: "align" or "pool".
        encoder_weights: of the ResNet alone.
        norms: see `Norms`.

    Raises:
        InputError: an argument is out of range, or the weights do not fit.
    """
    body = with_norms(resnet18(encoder_weights, width=width), norms_for(norms, None, encoder_weights))
    last, channels = body.layer4, body.channels[-1]
    backbone = SingleLevelBackbone(body, stage)
    if stage == 4:
        heads = heads_on_c4(last, channels, num_classes, pooling, masks=True)
    else:
        heads = heads_on_c5(channels, num_classes, pooling, masks=True)
    return MaskRCNN(
        Preparation(Resize.of(resize)),
        backbone,
        rpn_on_one_level(backbone.channels[0], anchor_sizes),
        heads,
    )

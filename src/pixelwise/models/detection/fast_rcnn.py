"""Fast R-CNN: one feature map for all regions of an image, which come from outside, and one loss for class and box.

Source: Girshick 2015, "Fast R-CNN". Proposals may be those of `pixelwise.models.detection.proposals`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from pixelwise.backbones import VGG, resnet18, vgg16
from pixelwise.data.detection.objects import Objects
from pixelwise.losses.detection.sampling import FAST_PROPOSALS, Sampling
from pixelwise.models.detection.batching import Preparation
from pixelwise.models.detection.box_head import BINS, BoxPredictor
from pixelwise.models.detection.detector_losses import box_head_losses
from pixelwise.models.detection.encoders import Norms, norms_for, with_norms
from pixelwise.models.detection.given_proposals import check_proposals
from pixelwise.models.detection.outputs import BoxOutputs, BoxScores, Features
from pixelwise.models.detection.parts import heads_on_c4
from pixelwise.models.detection.region_reader import Pooling, RegionReader
from pixelwise.models.detection.resize import Resize
from pixelwise.models.detection.roi_heads import RoiHeads
from pixelwise.models.detection.run_backbone import run_backbone
from pixelwise.models.detection.single_level import SingleLevelBackbone
from pixelwise.models.detection.training_targets import box_targets, truths_in
from pixelwise.shapes import Images

PAPER_SIDES = (600, 1000)
"""Shortest side and limit of the longest (section 5.1)."""

CLASS_DEVIATION, BOX_DEVIATION = 0.01, 0.001
"""Of the Gaussians from which the last layers start (section 2.3)."""


class FastRCNN(nn.Module):
    """Class and box of given regions, as raw outputs; `decode(model(images, proposals))` makes detections of them."""

    def __init__(self, preparation: Preparation, backbone: nn.Module, roi_heads: RoiHeads) -> None:
        """Takes built parts.

        Args:
            preparation: of images.
            backbone: from images (B, 3, H, W) to a list of levels.
            roi_heads: without masks.
        """
        super().__init__()
        self.preparation = preparation
        self.backbone = backbone
        self.roi_heads = roi_heads

    def forward(self, images: Sequence[Num[Tensor, "_ _ _"]], proposals: Sequence[Float[Tensor, "_ 4"]]) -> BoxOutputs:
        """What the network says about the proposals, in training and evaluation alike.

        Args:
            images: RGB, float 0..1, each of any size.
            proposals: of each image, in its pixels; cut to the image. Possibly none.

        Raises:
            InputError: no images, one that is none, or not finite proposals for each image.
        """
        features = self.features(images)
        boxes = check_proposals(proposals, features.frames, features.groups[0].levels[0])
        return BoxOutputs(boxes, self.box_scores(features, boxes), features.frames)

    def features(self, images: Sequence[Num[Tensor, "_ _ _"]], resize: Resize | None = None) -> Features:
        """The features of the images, and their sizes; `resize` replaces the model's rule for this call."""
        return run_backbone(self.preparation, self.backbone, images, resize)

    def box_scores(self, features: Features, boxes: Sequence[Float[Tensor, "_ 4"]]) -> BoxScores:
        """Class logits and deltas of regions in pixels of the resized images; rows image after image."""
        return self.roi_heads.box_scores(features, boxes)


class LastConvolution(nn.Module):
    """The features behind the last convolution of a VGG, of stride 16: its last pooling is RoIPool (section 2.2)."""

    def __init__(self, body: VGG) -> None:
        """Takes the convolutions over; they are used, not copied."""
        super().__init__()
        self.features = body.features[:-1]
        self.strides = (16,)
        self.channels = (body.channels[-1],)

    def forward(self, images: Images) -> list[Float[Tensor, "B C _ _"]]:
        """One level in a list."""
        return [self.features(images)]


def fast_rcnn_losses(
    model: FastRCNN,
    images: Sequence[Num[Tensor, "_ _ _"]],
    proposals: Sequence[Float[Tensor, "_ 4"]],
    truth: Sequence[Objects],
    generator: torch.Generator | None = None,
    resize: Resize | None = None,
    sampling: Sampling = FAST_PROPOSALS,
) -> dict[str, Float[Tensor, ""]]:
    """The losses "class" and "box" of a batch (equation 1); train their sum.

    In training and evaluation alike, see `pixelwise.models.detection.detector_losses`.

    Differs from the paper: true boxes are appended to the proposals, as its code and all later networks do.

    Args:
        model: the network.
        images: RGB, float 0..1, each of any size.
        proposals: of each image, in its pixels.
        truth: the objects of each image, in its pixels.
        generator: of the draws.
        resize: replaces the model's rule.
        sampling: which proposals are asked.

    Raises:
        InputError: images, proposals or truth that do not fit each other or the model.
    """
    features = model.features(images, resize)
    boxes = check_proposals(proposals, features.frames, features.groups[0].levels[0])
    truths = truths_in(truth, features.frames, features.groups[0].levels[0].device)
    targets = [box_targets(one, some, sampling, generator) for one, some in zip(truths, boxes, strict=True)]
    return box_head_losses(model.box_scores(features, [one.boxes for one in targets]), targets)


def fast_rcnn_vgg16(
    num_classes: int,
    encoder_weights: str | Path | None = None,
    width: int = 64,
    hidden: int = 4096,
    dropout: float | int = 0.5,
    resize: Sequence[int] | None = PAPER_SIDES,
    pooling: Pooling = "pool",
) -> FastRCNN:
    """The paper's network "L": VGG-16, whose last pooling is RoIPool and whose first two linear layers are the head.

    Args:
        num_classes: K, with the background.
        encoder_weights: of the whole VGG-16: a file, "imagenet" or a published file's name.
        width: channels of the first stage.
        hidden: of the two linear layers.
        dropout: behind each of them.
        resize: (shortest side, limit of the longest) at which the network sees an image, or None for as it is.
        pooling: "pool" as in the paper, or "align".

    Raises:
        InputError: the weights cannot be had, or do not fit; or an argument is out of range.
    """
    body = vgg16(encoder_weights, width=width, hidden=hidden, dropout=dropout)
    heads = RoiHeads(
        RegionReader((16,), BINS, pooling),
        nn.Sequential(nn.Flatten(), *list(body.classifier)[:-1]),
        _paper_predictor(hidden, num_classes),
    )
    return FastRCNN(Preparation(Resize.of(resize)), LastConvolution(body), heads)


def fast_rcnn_resnet18_c4(
    num_classes: int,
    width: int = 64,
    resize: Sequence[int] | None = PAPER_SIDES,
    pooling: Pooling = "align",
    encoder_weights: str | Path | None = None,
    norms: Norms | None = None,
) -> FastRCNN:
    """Fast R-CNN on stride 16 of a ResNet-18, whose last stage runs on each region: for small machines.

    Args:
        num_classes: K, with the background.
        width: channels of the ResNet's first stage.
        resize: see `fast_rcnn_vgg16`.
        pooling: "align" or "pool".
        encoder_weights: of the ResNet alone.
        norms: see `Norms`.

    Raises:
        InputError: an argument is out of range, or the weights do not fit.
    """
    body = with_norms(resnet18(encoder_weights, width=width), norms_for(norms, None, encoder_weights))
    stage, channels = body.layer4, body.channels[-1]
    return FastRCNN(
        Preparation(Resize.of(resize)),
        SingleLevelBackbone(body),
        heads_on_c4(cast(nn.Module, stage), channels, num_classes, pooling, masks=False),
    )


def _paper_predictor(width: int, num_classes: int) -> BoxPredictor:
    predictor = BoxPredictor(width, num_classes)
    for layer, deviation in ((predictor.cls_score, CLASS_DEVIATION), (predictor.bbox_pred, BOX_DEVIATION)):
        nn.init.normal_(layer.weight, std=deviation)
        nn.init.zeros_(layer.bias)
    return predictor

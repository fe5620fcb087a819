"""R-CNN: every proposed region is cut out, warped to one size, and put through a classifier of its own.

Source: Girshick, Donahue, Darrell, Malik 2014, "Rich feature hierarchies for accurate object detection and semantic
segmentation", sections 2 and 3.5, appendices A and C.

Differs from the paper: one softmax layer replaces a support vector machine for each class (which loses nothing:
Girshick 2015, section 5.4), boxes are corrected from the same vector as classes, learned at the same time, and with the
weights of Fast R-CNN, so that one decoding serves both.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from pixelwise.backbones import resnet18, vgg16
from pixelwise.data.detection.objects import Objects
from pixelwise.errors import InputError
from pixelwise.losses.detection.sampling import WINDOWS, Sampling
from pixelwise.models.detection.batching import MEAN, STD
from pixelwise.models.detection.box_head import BoxPredictor
from pixelwise.models.detection.detector_losses import box_head_losses
from pixelwise.models.detection.given_proposals import check_proposals
from pixelwise.models.detection.outputs import BoxOutputs, BoxScores, Frame
from pixelwise.models.detection.training_targets import box_targets, truths_in
from pixelwise.ops import roi_align
from pixelwise.shapes import Images

CROP = 224
"""Side of the crops: what today's classifiers see (the paper's saw 227)."""

CONTEXT = 16
"""Pixels of the crop on each side that show what is around the region (appendix A)."""

AT_ONCE = 64
"""Crops run together in a prediction: as images of 224 pixels they take 40 MB."""


class RCNN(nn.Module):
    """Class and box of each crop."""

    def __init__(self, encoder: nn.Module, predictor: BoxPredictor, crop: int = CROP, context: int = CONTEXT) -> None:
        """Takes built parts.

        Args:
            encoder: from normalised crops (N, 3, crop, crop) to vectors.
            predictor: from vectors to `BoxScores`.
            crop: side of the crops.
            context: pixels of it on each side that show what is around the region.

        Raises:
            InputError: context leaves no pixel of the region.
        """
        super().__init__()
        if not 0 <= 2 * context < crop:
            raise InputError(
                f"a context of 0 to {(crop - 1) // 2} pixels in crops of {crop}", str(context), hint="pass context=16"
            )
        self.encoder = encoder
        self.predictor = predictor
        self.crop = crop
        self.context = context

    def forward(self, crops: Images) -> BoxScores:
        """Class logits and deltas of crops, RGB 0..1, as `cut_crops` makes them."""
        mean, std = (crops.new_tensor(values).view(-1, 1, 1) for values in (MEAN, STD))
        return cast(BoxScores, self.predictor(self.encoder((crops - mean) / std)))


def cut_crops(
    image: Float[Tensor, "3 H W"], boxes: Float[Tensor, "N 4"], size: int = CROP, context: int = CONTEXT
) -> Float[Tensor, "N 3 s s"]:
    """The regions of an image, each warped to one square size with some of what is around it.

    Each side is stretched on its own, so that the region fills all of the crop but `context` pixels on each side.
    Where the crop shows what is outside the image stands the mean colour of ImageNet (appendix A). A pixel of the crop
    is the mean over the area it shows (RoIAlign with as many samples as there are pixels), so that nothing is skipped
    where a large region shrinks. A region without area gives the mean colour.

    Args:
        image: RGB, float 0..1.
        boxes: regions, in its pixels.
        size: side of the crops.
        context: see above.
    """
    mean = image.new_tensor(MEAN).view(1, -1, 1, 1)
    margin = (boxes[:, 2:] - boxes[:, :2]) * (context / (size - 2 * context))
    wider = torch.cat([boxes[:, :2] - margin, boxes[:, 2:] + margin], dim=1)
    return roi_align(image[None] - mean, [wider], size, aligned=True) + mean


def rcnn_outputs(
    model: RCNN,
    images: Sequence[Num[Tensor, "3 _ _"]],
    proposals: Sequence[Float[Tensor, "_ 4"]],
    at_once: int = AT_ONCE,
) -> BoxOutputs:
    """What the network says about every proposal: `decode(rcnn_outputs(...))` makes detections of it.

    Args:
        model: the network.
        images: RGB, float 0..1, each of any size.
        proposals: of each image, in its pixels; cut to the image.
        at_once: crops run together; it bounds memory and changes nothing else in `model.eval()`.

    Raises:
        InputError: an image that is none, or not finite proposals for each.
    """
    frames = tuple(_as_it_is(image) for image in images)
    like = next(model.parameters())
    boxes = check_proposals(proposals, frames, like)
    said = [
        model(cut_crops(image, some, model.crop, model.context).to(like.dtype))
        for image, own in zip(images, boxes, strict=True)
        for some in torch.split(own, max(1, at_once))
        if len(some)
    ]
    return BoxOutputs(boxes, _joined(said, model.predictor, like), frames)


def rcnn_losses(
    model: RCNN,
    images: Sequence[Num[Tensor, "3 _ _"]],
    proposals: Sequence[Float[Tensor, "_ 4"]],
    truth: Sequence[Objects],
    generator: torch.Generator | None = None,
    sampling: Sampling = WINDOWS,
) -> dict[str, Float[Tensor, ""]]:
    """The losses "class" and "box" of a batch, in training and evaluation alike; train their sum.

    Args:
        model: the network.
        images: RGB, float 0..1, each of any size.
        proposals: of each image, in its pixels; true boxes are appended.
        truth: the objects of each image, in its pixels.
        generator: of the draws.
        sampling: which proposals are asked.

    Raises:
        InputError: images, proposals or truth that do not fit each other or the model.
    """
    frames = tuple(_as_it_is(image) for image in images)
    like = next(model.parameters())
    boxes = check_proposals(proposals, frames, like)
    truths = truths_in(truth, frames, like.device)
    targets = [box_targets(one, some, sampling, generator) for one, some in zip(truths, boxes, strict=True)]
    crops = [cut_crops(image, one.boxes, model.crop, model.context) for image, one in zip(images, targets, strict=True)]
    together = torch.cat(crops).to(like.dtype)
    scores = _joined([model(together)] if len(together) else [], model.predictor, like)
    return box_head_losses(scores, targets)


def rcnn_vgg16(
    num_classes: int,
    encoder_weights: str | Path | None = None,
    width: int = 64,
    hidden: int = 4096,
    crop: int = CROP,
    context: int = CONTEXT,
) -> RCNN:
    """R-CNN on VGG-16 (the paper's second version, section 3.3).

    Args:
        num_classes: K, with the background.
        encoder_weights: of the whole VGG-16: a file, "imagenet" or a published file's name.
        width: channels of the first stage.
        hidden: of the two linear layers.
        crop: side of the crops, at least 32.
        context: see `RCNN`.

    Raises:
        InputError: the weights cannot be had, or do not fit; or an argument is out of range.
    """
    body = vgg16(encoder_weights, width=width, hidden=hidden)
    body.classifier[-1] = nn.Identity()
    return RCNN(body, BoxPredictor(hidden, num_classes), crop, context)


def rcnn_resnet18(
    num_classes: int,
    encoder_weights: str | Path | None = None,
    width: int = 64,
    crop: int = CROP,
    context: int = CONTEXT,
) -> RCNN:
    """R-CNN on a ResNet-18 of any width, for small machines; arguments as for `rcnn_vgg16`."""
    body = resnet18(encoder_weights, width=width)
    channels = body.channels[-1]
    body.register_module("fc", nn.Identity())
    return RCNN(body, BoxPredictor(channels, num_classes), crop, context)


def _joined(said: Sequence[BoxScores], predictor: BoxPredictor, like: Tensor) -> BoxScores:
    """One table of all rows; without any an empty one, through which gradients of 0 flow."""
    if not said:
        return cast(BoxScores, predictor(like.new_zeros(0, predictor.cls_score.in_features)))
    return BoxScores(torch.cat([one.logits for one in said]), torch.cat([one.deltas for one in said]))


def _as_it_is(image: Tensor) -> Frame:
    if image.ndim != 3 or image.shape[0] != 3 or 0 in image.shape or not image.is_floating_point():
        raise InputError(
            "RGB images with pixels, each float 0..1 of shape (3, H, W)",
            f"{image.dtype} of shape {tuple(image.shape)}",
            hint="divide whole numbers by 255; put channels first with permute(2, 0, 1); drop an alpha channel",
        )
    size = image.shape[1], image.shape[2]
    return Frame(size, size, size)

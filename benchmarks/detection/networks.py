"""The published Mask R-CNN on ResNet-50 with a pyramid, as pixelwise and torchvision build it, with the same weights.

Weights are drawn, not trained, so that nothing need be fetched; they are scaled so that both networks do the work that
trained ones do: 1000 proposals of all sizes, and 100 objects with a mask each.
"""

import importlib.util
from typing import Any

import torch
from experiments.object_scenes import ObjectScenes, draw_object_scenes
from torch import nn

from pixelwise.backbones import FrozenBatchNorm2d
from pixelwise.data.pasture import Knobs
from pixelwise.models.detection.mask_rcnn import MaskRCNN, mask_rcnn_resnet50_fpn
from pixelwise.shapes import Size

CLASSES = 91
"""As published, the background included."""

SIZE = (800, 1333)
"""Of the images; neither network resizes them."""

BACKGROUND = 5.0
"""Added to the background's score: a trained network, too, calls most proposals background."""

PEER = importlib.util.find_spec("torchvision") is not None


def ours(size: Size = SIZE) -> MaskRCNN:
    """Our network in evaluation mode, with frozen batch normalisation as behind published weights."""
    torch.manual_seed(0)
    network = mask_rcnn_resnet50_fpn(CLASSES, norms="published", resize=(min(size), max(size)))
    for name, part in network.named_modules():
        if isinstance(part, FrozenBatchNorm2d):
            nn.init.normal_(part.running_mean, std=0.1)
            nn.init.uniform_(part.running_var, 0.5, 1.5)
            # Kept small at the end of a block, or 16 additions make the features grow without bound.
            nn.init.uniform_(part.weight, *((0.1, 0.3) if name.endswith("bn3") else (0.5, 1.0)))
            nn.init.normal_(part.bias, std=0.1)
    predictor: Any = network.roi_heads.box_predictor
    nn.init.normal_(network.rpn.head.cls_logits.weight, std=0.3)
    nn.init.normal_(network.rpn.head.bbox_pred.weight, std=0.05)
    nn.init.normal_(predictor.cls_score.weight, std=0.5)
    nn.init.normal_(predictor.bbox_pred.weight, std=0.05)
    with torch.no_grad():
        predictor.cls_score.bias[0] += BACKGROUND
    return network.eval()


def torchvisions(network: MaskRCNN, size: Size = SIZE) -> nn.Module:
    """The network of torchvision with the weights of ours, in evaluation mode."""
    import torchvision
    from torchvision.models import detection

    body = torchvision.models.resnet50(norm_layer=torchvision.ops.FrozenBatchNorm2d)
    # As published, the last three stages are trained.
    backbone = detection.backbone_utils._resnet_fpn_extractor(body, 3)
    peer = detection.MaskRCNN(backbone, CLASSES, min_size=min(size), max_size=max(size))
    detection._utils.overwrite_eps(peer, 0.0)
    peer.load_state_dict(network.state_dict())
    return peer.eval()


def scenes(count: int, size: Size = SIZE) -> ObjectScenes:
    """Generated scenes with two to eight animals each."""
    return draw_object_scenes(Knobs(size=size, objects=(2, 8)), count, seed=0)

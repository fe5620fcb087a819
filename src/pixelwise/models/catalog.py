"""The one dict of names: what `--model NAME` means on the command line and in a run folder."""

from collections.abc import Callable

from torch import nn

from pixelwise.models.detection.faster_rcnn import (
    faster_rcnn_resnet18_fpn,
    faster_rcnn_resnet50_c4,
    faster_rcnn_resnet50_fpn,
    faster_rcnn_resnet50_fpn_v2,
)
from pixelwise.models.detection.mask_rcnn import (
    mask_rcnn_resnet18_fpn,
    mask_rcnn_resnet18_one_level,
    mask_rcnn_resnet50_c4,
    mask_rcnn_resnet50_fpn,
    mask_rcnn_resnet50_fpn_v2,
)
from pixelwise.models.flow.flownet_c import flownet_c
from pixelwise.models.flow.flownet_s import flownet_s
from pixelwise.models.segmentation.context import context_net, front_end
from pixelwise.models.segmentation.deconvnet import deconvnet
from pixelwise.models.segmentation.fcn import fcn8s, fcn16s, fcn32s
from pixelwise.models.segmentation.fcn_resnet import fcn_resnet18, fcn_resnet50
from pixelwise.models.segmentation.patch import patch
from pixelwise.models.segmentation.unet import UNet
from pixelwise.models.segmentation.unet_resnet import unet_resnet18, unet_resnet34, unet_resnet50


def unet(
    num_classes: int,
    width: int = 32,
    depth: int = 4,
    padded: bool = True,
    batch_norm: bool = True,
    dropout: float = 0.0,
) -> UNet:
    """A U-Net for RGB images of any size; half the paper's width, which two cores can train in minutes."""
    return UNet(num_classes, width=width, depth=depth, padded=padded, batch_norm=batch_norm, dropout=dropout)


def unet_paper(num_classes: int, width: int = 64, depth: int = 4, dropout: float = 0.5) -> UNet:
    """The U-Net of Ronneberger et al. 2015: valid convolutions, 64 to 1024 channels, no batch normalisation."""
    return UNet(num_classes, width=width, depth=depth, padded=False, batch_norm=False, dropout=dropout)


Builder = Callable[..., nn.Module]

by_task: dict[str, dict[str, Builder]] = {
    "segmentation": {
        "unet": unet,
        "unet_paper": unet_paper,
        "unet_resnet18": unet_resnet18,
        "unet_resnet34": unet_resnet34,
        "unet_resnet50": unet_resnet50,
        "patch": patch,
        "fcn32s": fcn32s,
        "fcn16s": fcn16s,
        "fcn8s": fcn8s,
        "fcn_resnet18": fcn_resnet18,
        "fcn_resnet50": fcn_resnet50,
        "deconvnet": deconvnet,
        "front_end": front_end,
        "context": context_net,
    },
    "detection": {
        "mask_rcnn_resnet18_fpn": mask_rcnn_resnet18_fpn,
        "mask_rcnn_resnet18_one_level": mask_rcnn_resnet18_one_level,
        "mask_rcnn_resnet50_fpn": mask_rcnn_resnet50_fpn,
        "mask_rcnn_resnet50_fpn_v2": mask_rcnn_resnet50_fpn_v2,
        "mask_rcnn_resnet50_c4": mask_rcnn_resnet50_c4,
        "faster_rcnn_resnet18_fpn": faster_rcnn_resnet18_fpn,
        "faster_rcnn_resnet50_fpn": faster_rcnn_resnet50_fpn,
        "faster_rcnn_resnet50_fpn_v2": faster_rcnn_resnet50_fpn_v2,
        "faster_rcnn_resnet50_c4": faster_rcnn_resnet50_c4,
    },
    "flow": {"flownet_s": flownet_s, "flownet_c": flownet_c},
}
"""The networks of each task. Builders of segmentation and detection take the number of classes first."""

catalog: dict[str, Builder] = {name: builder for builders in by_task.values() for name, builder in builders.items()}
"""All of them: no name is used by two tasks."""

"""Networks: plain modules, one file per architecture, and the catalog of names."""

from pixelwise.models.catalog import catalog
from pixelwise.models.flow.flownet_c import FlowNetC, flownet_c
from pixelwise.models.flow.flownet_s import FlowNetS, flownet_s
from pixelwise.models.flow.outputs import pixel_flow
from pixelwise.models.segmentation.context import ContextModule, FrontEnd, context_net, front_end
from pixelwise.models.segmentation.deconvnet import DeconvNet, deconvnet
from pixelwise.models.segmentation.deformable import deform_last_stage
from pixelwise.models.segmentation.fcn import FCN, fcn8s, fcn16s, fcn32s, load_stage
from pixelwise.models.segmentation.fcn_resnet import FCNResNet, fcn_resnet18, fcn_resnet50
from pixelwise.models.segmentation.patch import PatchSegmenter, patch, patch_classifier
from pixelwise.models.segmentation.unet import UNet
from pixelwise.models.segmentation.unet_resnet import BackboneUNet, unet_resnet18, unet_resnet34, unet_resnet50
from pixelwise.models.stages import encoder_stages
from pixelwise.models.starting_weights import start_from

__all__ = [
    "FCN",
    "BackboneUNet",
    "ContextModule",
    "DeconvNet",
    "FCNResNet",
    "FlowNetC",
    "FlowNetS",
    "FrontEnd",
    "PatchSegmenter",
    "UNet",
    "catalog",
    "context_net",
    "deconvnet",
    "deform_last_stage",
    "encoder_stages",
    "fcn8s",
    "fcn16s",
    "fcn32s",
    "fcn_resnet18",
    "fcn_resnet50",
    "flownet_c",
    "flownet_s",
    "front_end",
    "load_stage",
    "patch",
    "patch_classifier",
    "pixel_flow",
    "start_from",
    "unet_resnet18",
    "unet_resnet34",
    "unet_resnet50",
]

"""Classifiers with published parameter names, to be used whole or as the encoder of a dense model."""

from pixelwise.backbones.backbone import Backbone as Backbone
from pixelwise.backbones.frozen_batch_norm import FrozenBatchNorm2d as FrozenBatchNorm2d
from pixelwise.backbones.frozen_batch_norm import frozen as frozen
from pixelwise.backbones.loading import load_weights_into as load_weights_into
from pixelwise.backbones.published import published_state as published_state
from pixelwise.backbones.resnet import ResNet as ResNet
from pixelwise.backbones.resnet import resnet18 as resnet18
from pixelwise.backbones.resnet import resnet34 as resnet34
from pixelwise.backbones.resnet import resnet50 as resnet50
from pixelwise.backbones.resnet import resnet101 as resnet101
from pixelwise.backbones.small import SmallClassifier as SmallClassifier
from pixelwise.backbones.transfer import Transfer as Transfer
from pixelwise.backbones.transfer import transfer as transfer
from pixelwise.backbones.transformers_backbone import TransformersBackbone as TransformersBackbone
from pixelwise.backbones.transformers_backbone import transformers_backbone as transformers_backbone
from pixelwise.backbones.vgg import VGG as VGG
from pixelwise.backbones.vgg import vgg11 as vgg11
from pixelwise.backbones.vgg import vgg11_bn as vgg11_bn
from pixelwise.backbones.vgg import vgg13 as vgg13
from pixelwise.backbones.vgg import vgg13_bn as vgg13_bn
from pixelwise.backbones.vgg import vgg16 as vgg16
from pixelwise.backbones.vgg import vgg16_bn as vgg16_bn
from pixelwise.backbones.vgg import vgg19 as vgg19
from pixelwise.backbones.vgg import vgg19_bn as vgg19_bn

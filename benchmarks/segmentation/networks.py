"""The published FCN-ResNet-50 as pixelwise and torchvision build it, with the same weights."""

import importlib.util

import torch
from torch import Tensor, nn

from pixelwise.models.segmentation.fcn_resnet import FCNResNet, fcn_resnet50

CLASSES = 21
SIDE = 520
"""Published evaluation size: the shorter side."""

AWAY = 0.5
"""How far statistics are drawn from 0 and 1: with those of a new network, folding would have nothing to do."""


class MainScores(nn.Module):
    """torchvision's network with the scores alone as its result."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """The scores."""
        scores: Tensor = self.network(images)["out"]
        return scores


def ours() -> FCNResNet:
    """Our network with drawn weights and statistics, without the auxiliary head."""
    torch.manual_seed(0)
    network = fcn_resnet50(CLASSES)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.running_mean is not None, "these keep statistics"
            assert part.running_var is not None, "these keep statistics"
            part.running_mean.uniform_(-AWAY, AWAY)
            part.running_var.uniform_(1 - AWAY, 1 + AWAY)
    return network


def torchvisions(network: FCNResNet) -> nn.Module | None:
    """The network of torchvision with the weights of ours; None where it is not installed."""
    if not importlib.util.find_spec("torchvision"):
        return None
    from torchvision.models.segmentation import fcn_resnet50 as build

    peer = build(weights=None, weights_backbone=None, num_classes=CLASSES, aux_loss=False)
    peer.load_state_dict(network.state_dict())
    return MainScores(peer)

"""Weights of FlowNetS and FlowNetC in the files that peers publish, read as data only.

NVIDIA's flownet2-pytorch (FlowNet2-S, FlowNet2-C) and ClementPinard's FlowNetPytorch name their layers alike, after the
authors' network files, and keep the state dict in a checkpoint under "state_dict". Their inputs differ, and are not
part of the weights: RGB 0..1 minus `PINARD_MEAN` for FlowNetPytorch; minus the mean of each channel over both images
for NVIDIA's. Outputs of both are in units of 20 pixels, as ours.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from torch import Tensor

from pixelwise.backbones import load_weights_into
from pixelwise.backbones.weight_files import read_state
from pixelwise.models.flow.flownet_c import FlowNetC
from pixelwise.models.flow.flownet_s import FlowNetS

Network = TypeVar("Network", FlowNetC, FlowNetS)

PINARD_MEAN = (0.411, 0.432, 0.45)
"""What FlowNetPytorch's run_inference.py subtracts from red, green and blue in 0..1; it divides by nothing."""

NAMES: tuple[tuple[str, str], ...] = (
    (r"conv_redir\.", "redirect."),
    (r"conv([456])_1\.", "contraction.stages.{finer}.1."),
    (r"conv([456])\.", "contraction.stages.{finer}.0."),
    (r"predict_flow2\.", "refinement.predict."),
    (r"predict_flow([3456])\.", "refinement.steps.{coarser}.predict."),
    (r"upsampled_flow([3456])_to_[2345]\.", "refinement.steps.{coarser}.raise_flow."),
    (r"deconv([2345])\.", "refinement.steps.{raised}.raise_features."),
)
"""How the published names begin, with the level in them, and what they become; conv1 to conv3_1 stay."""


def load_published(network: Network, path: str | Path) -> Network:
    """The network itself, filled with the weights of a published file.

    The network must have the file's biases: FlowNetPytorch's files need `decoder_bias=False, upsample_bias=False`.

    Args:
        network: of the full width; all its entries must be in the file.
        path: .safetensors, .pth, .pt or .pth.tar.

    Raises:
        InputError: the file is missing, damaged, holds code, or belongs to another network; the message lists what.
    """
    path = Path(path)
    load_weights_into(network, own_names(read_state(path, entry="state_dict")), str(path))
    return network


def own_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors under our names, see `NAMES`; other names stay. A leading "module." goes.

    >>> list(own_names({"module.conv4_1.0.weight": None, "deconv5.0.bias": None, "predict_flow3.weight": None}))
    ['contraction.stages.0.1.0.weight', 'refinement.steps.0.raise_features.0.bias', 'refinement.steps.3.predict.weight']
    """
    return {_own(name.removeprefix("module.")): value for name, value in state.items()}


def _own(name: str) -> str:
    for pattern, ours in NAMES:
        if found := re.match(pattern, name):
            level = int(found[1]) if found.groups() else 0
            # Stages count from conv4 up; steps from level 6 down, and the features of a level are raised a step before.
            return ours.format(finer=level - 4, coarser=6 - level, raised=5 - level) + name[found.end() :]
    return name

"""Published weights of detectors: their files, and the names that older ones have."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from torch import Tensor, nn

from pixelwise.backbones import load_weights_into, published_state
from pixelwise.backbones.published import ENDINGS, published_file
from pixelwise.backbones.weight_files import read_state
from pixelwise.errors import InputError

Network = TypeVar("Network", bound=nn.Module)

STEMS: dict[str, str] = {
    "fasterrcnn_resnet50_fpn": "fasterrcnn_resnet50_fpn_coco-258fb6c6",
    "fasterrcnn_resnet50_fpn_v2": "fasterrcnn_resnet50_fpn_v2_coco-dd69338a",
    "maskrcnn_resnet50_fpn": "maskrcnn_resnet50_fpn_coco-bf2d0c1e",
    "maskrcnn_resnet50_fpn_v2": "maskrcnn_resnet50_fpn_v2_coco-73cbd019",
}
"""Architecture -> the file that "coco" means, as torchvision 0.28 lists them."""

LEGACY_NAMES: tuple[tuple[str, str], ...] = (
    (r"^rpn\.head\.conv\.(weight|bias)$", r"rpn.head.conv.0.0.\1"),
    (r"^(backbone\.fpn\.(?:inner|layer)_blocks\.\d+)\.(weight|bias)$", r"\1.0.\2"),
    (r"^roi_heads\.mask_head\.mask_fcn([1-9])\.(weight|bias)$", ""),
)
"""Names in files of 2019, as patterns, and what they are called now; mask_fcn1 is mask_head.0.0, so it is counted."""


def load_published(network: Network, architecture: str, weights: str | Path | None) -> Network:
    """The network itself, with weights in it unless they are None.

    Args:
        network: whose entries all must be in the file.
        architecture: the published name; it decides what "coco" means.
        weights: a file (.safetensors, .pth or .pt), "coco", or the published file's stem.

    Raises:
        InputError: the weights cannot be had, or do not fit.
    """
    if weights is not None:
        load_weights_into(network, current_names(_state(architecture, weights)), str(weights))
    return network


def current_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors under the names of today, see `LEGACY_NAMES`; other names stay.

    >>> list(current_names({"roi_heads.mask_head.mask_fcn1.bias": None, "rpn.head.conv.bias": None}))
    ['roi_heads.mask_head.0.0.bias', 'rpn.head.conv.0.0.bias']
    """
    return {_current(name): value for name, value in state.items()}


def _current(name: str) -> str:
    for pattern, replacement in LEGACY_NAMES:
        if found := re.match(pattern, name):
            if replacement:
                return found.expand(replacement)
            return f"roi_heads.mask_head.{int(found[1]) - 1}.0.{found[2]}"
    return name


def _state(architecture: str, weights: str | Path) -> dict[str, Tensor]:
    is_file = isinstance(weights, Path) or Path(weights).suffix.lower() in ENDINGS
    stem = STEMS.get(architecture)
    if is_file or stem is None:
        return published_state(architecture, weights)
    if weights not in ("coco", stem):
        raise InputError(
            f'weights of {architecture}: a file ({", ".join(ENDINGS)}), "coco" or "{stem}"',
            f'"{weights}"',
            "pass one of these names, or a pathlib.Path to a file of any other name",
        )
    return read_state(published_file(stem))

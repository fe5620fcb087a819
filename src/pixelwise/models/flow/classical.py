"""Motion without learning: DIS, what a learned network has to beat.

Source: Kroeger, Timofte, Dai and Van Gool, "Fast Optical Flow using Dense Inverse Search", 2016, in OpenCV's program,
which is an extra, "classical", because nothing else here needs OpenCV.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.shapes import Flow, Image

Preset = Literal["ultrafast", "fast", "medium"]
"""OpenCV's names of its three settings, from quick to exact."""

SMALLEST = 32
"""Pixels: OpenCV 5.0.0 reads past its memory where a side is shorter and the other much longer, and then may crash the
whole process (12 x 100 does); from 32 on, 1,600 sizes were tried with every preset. Shorter sides are extended."""

LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in the gray that is compared (ITU-R BT.601), as OpenCV's own conversion has them."""


def dis_installed() -> bool:
    """Whether OpenCV can be imported."""
    return find_spec("cv2") is not None


def dis_flow(first: Image, second: Image, preset: Preset = "medium") -> Flow:
    """The motion (dx, dy) in pixels of every pixel of the first image, by dense inverse search on gray pictures.

    Args:
        first: RGB in 0..1; sides below 32 pixels are extended by their last pixels meanwhile.
        second: of the same size.
        preset: "medium" is the most exact.

    Raises:
        InputError: OpenCV is not installed, the images differ in size, or they have no pixels.
    """
    if not dis_installed():
        raise InputError(
            "OpenCV for the classical method",
            "no package cv2",
            hint="pip install 'pixelwise[classical]', or leave DIS out",
        )
    if first.shape != second.shape or first.numel() == 0:
        raise InputError(
            "two images of one size, with pixels",
            f"{tuple(first.shape)} and {tuple(second.shape)}",
            hint="check that both are of one pair",
        )
    cv2: Any = import_module("cv2")  # its own type stubs lack this search
    search = cv2.DISOpticalFlow_create(getattr(cv2, f"DISOPTICAL_FLOW_PRESET_{preset.upper()}"))
    height, width = first.shape[-2:]
    flow = search.calc(_gray(first), _gray(second), None)[:height, :width]
    return torch.from_numpy(np.ascontiguousarray(flow.transpose(2, 0, 1))).to(first.device)


def _gray(image: Image) -> UInt8[np.ndarray, "h w"]:
    """Gray levels 0..255, extended to sides that the search bears."""
    gray: Tensor = torch.einsum("chw,c->hw", image.float().clamp(0, 1), image.new_tensor(LUMA).float())
    levels: UInt8[np.ndarray, "H W"] = gray.mul(255).round().to(torch.uint8).cpu().numpy()
    below, right = (max(0, SMALLEST - side) for side in levels.shape)
    return np.pad(levels, ((0, below), (0, right)), mode="edge") if below or right else levels

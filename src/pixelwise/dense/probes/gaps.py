"""How far apart the pixels lie that one step of a network reads, found without computing a pixel."""

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from pixelwise.shapes import Size

DILATION_PLACES: dict[object, int] = {
    torch.ops.aten.convolution.default: 5,
    torch.ops.aten.max_pool2d_with_indices.default: 4,
    torch.ops.aten.im2col.default: 2,
}
"""The operations that read every n-th pixel, and which of their arguments says n (torch's native_functions.yaml)."""


SAMPLING = ("aten.grid_sampler_2d", "pixelwise.deform_conv2d", "torchvision.deform_conv2d")
"""Operations that read where the features themselves say: no distance bounds that."""


class _Gaps(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it unannotated
    """Watches a run and keeps the largest distance between neighbouring taps, in pixels of the image."""

    def __init__(self, size: Size) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.size = size
        self.widest: float = 1.0

    def __torch_dispatch__(
        self, operation: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        place = DILATION_PLACES.get(operation)
        if place is not None and len(args) > place:
            features: Tensor = args[0]
            dilation = args[place] if len(args[place]) == 2 else [*args[place]] * 2
            for pixels, cells, step in zip(self.size, features.shape[-2:], dilation, strict=True):
                self.widest = max(self.widest, step * pixels / cells)
        if str(operation).removesuffix(".default") in SAMPLING:
            self.widest = math.inf
        return operation(*args, **(kwargs or {}))


def widest_gap(model: nn.Module, size: Size, channels: int = 3) -> float:
    """The largest distance, in pixels of the image, between neighbouring taps of any convolution or pooling.

    Infinite for networks that sample where their features say, such as deformable convolutions.

    A dilation of 18 on features of stride 16 gives 288. Hidden parts of an image must be wider than that, or taps
    would reach across them.

    Args:
        model: any module that accepts images of this size.
        size: an accepted image size.
        channels: channels of the image.
    """
    twin = copy.deepcopy(model).to("meta", torch.float32).eval()
    # Inference mode would show whole layers (aten.conv2d) instead of the operations they are made of.
    with torch.no_grad(), _Gaps(size) as gaps:
        twin(torch.empty(1, channels, *size, device="meta"))
    return float(gaps.widest)

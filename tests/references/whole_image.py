"""What a network says of a whole image at once: the definition that tiles must equal."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@torch.no_grad()
def whole_scores(model: nn.Module, image: Tensor) -> Tensor:
    """The scores of one image, by one padded pass."""
    return model.eval()(image[None])[0]


@torch.no_grad()
def whole_valid_scores(model: nn.Module, image: Tensor, margin: int, window: tuple[int, int]) -> Tensor:
    """The scores of one image by a network without padding: mirrored around it to `window`, one pass, cropped."""
    height, width = image.shape[-2:]
    below, right = window[0] - height - margin, window[1] - width - margin
    extended = F.pad(image[None], (margin, right, margin, below), mode="reflect")
    return model.eval()(extended)[0, :, :height, :width]

"""A trained network made faster for use alone: batch norms folded away, arithmetic in bfloat16."""

from contextlib import nullcontext
from typing import Literal, cast, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.dense import fold_batch_norm
from pixelwise.errors import InputError
from pixelwise.models.normalise import Normalised
from pixelwise.shapes import Images

Precision = Literal["32", "bf16"]
"""Arithmetic of a network in use."""


class InBfloat16(nn.Module):
    """The same network with its products in bfloat16: 8 bits of mantissa instead of 24.

    Scores differ by about a hundredth of their size, and where two classes are as close as that, labels do. Tiles and
    whole images then agree to this rounding, not to float32's. Networks in float64 are left as they are.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Images) -> Float[Tensor, "B K h w"]:
        """The scores, in the images' type."""
        device = images.device.type
        # Tensors without values ("meta"), on which sizes are tried out, have no autocast.
        lowered = torch.autocast(device, torch.bfloat16) if torch.amp.is_autocast_available(device) else nullcontext()
        with lowered:
            scores = cast(Tensor, self.model(images))
        return scores.to(images.dtype)


def made_faster(model: Normalised, fold: bool, precision: str) -> Normalised:
    """The network as it is to be used.

    Args:
        model: a trained network.
        fold: whether batch norms are folded into the convolutions before them; scores change by float32's rounding.
        precision: "32", or "bf16" for `InBfloat16`.

    Raises:
        InputError: another precision, or folding a network that torch.export cannot follow.
    """
    if precision not in get_args(Precision):
        raise InputError("a precision of 32 or bf16", repr(precision), "leave it out for 32")
    inner: nn.Module = fold_batch_norm(model.model) if fold else model.model
    if precision == "bf16":
        inner = InBfloat16(inner)
    return Normalised(inner, model.mean.flatten().tolist(), model.std.flatten().tolist())

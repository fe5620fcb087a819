"""Encoders of the `transformers` package as backbones; the package is imported only when one is asked for."""

import importlib
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from pixelwise.errors import InputError
from pixelwise.shapes import Images

PROBE = 224
"""Side of the image that strides are measured with: the size of most pre-trainings, a multiple of 14, 16 and 32."""


class TransformersBackbone(nn.Module):
    """The feature maps of a `transformers.AutoBackbone`, in the order of its stages.

    Strides are not written down there; they are measured once, on an image of zeros. A plain vision transformer has the
    same stride on every level. What image sizes are accepted, and how images must be normalised, is the encoder's
    matter.
    """

    def __init__(self, encoder: nn.Module) -> None:
        """Wraps an encoder.

        Args:
            encoder: gives an object with `feature_maps`, a tuple of (B, C, h, w), for images (B, 3, H, W), and has its
                `channels`.

        Raises:
            InputError: it gives no feature maps, or maps whose sides do not divide 224.
        """
        super().__init__()
        self.encoder = encoder
        self.channels = tuple(int(count) for count in cast(Any, encoder).channels)
        self.strides = tuple(_stride(features) for features in _probe(encoder))

    def levels(self, images: Images) -> list[Tensor]:
        """The feature maps of the stages that the encoder was built to give."""
        return list(self.encoder(images).feature_maps)


def transformers_backbone(name: str, stages: Sequence[int] | None = None) -> TransformersBackbone:
    """A pre-trained encoder, from a folder or, by its name, from the Hugging Face hub and its cache.

    Only safetensors are read, and no code from the repository is run.

    Args:
        name: such as "microsoft/resnet-50" or "facebook/dinov2-small", or a folder that `save_pretrained` wrote.
        stages: which stages to give, as transformers counts them (0 is the stem); None for those that
            its settings name, which is the last one unless someone chose.

    Raises:
        InputError: transformers is not installed, the model cannot be had, or it is no backbone.
    """
    try:
        transformers = importlib.import_module("transformers")
    except ImportError as error:
        raise InputError(
            "the package transformers, for an encoder of it", f"none ({error})", "pip install 'pixelwise[encoders]'"
        ) from error
    try:
        chosen = {} if stages is None else {"out_indices": list(stages)}
        settings = transformers.AutoConfig.from_pretrained(name, **chosen)
        # AutoBackbone.from_pretrained refuses folders (5.24); the class that it would choose does not.
        kind = type(transformers.AutoBackbone.from_config(settings))
        encoder = kind.from_pretrained(name, config=settings, use_safetensors=True)
    except (OSError, ValueError, ImportError) as error:
        raise InputError(
            "a folder or a name on the Hugging Face hub with a backbone in safetensors",
            f"{name} ({str(error).strip().partition(chr(10))[0]})",
            "check the name, or download it where there is a network and pass the folder",
        ) from error
    return TransformersBackbone(encoder)


def _probe(encoder: nn.Module) -> list[Tensor]:
    parameter = next(encoder.parameters(), torch.empty(0))
    training = encoder.training
    with torch.no_grad():
        found = encoder.eval()(torch.zeros(1, 3, PROBE, PROBE, device=parameter.device, dtype=parameter.dtype))
    encoder.train(training)
    maps = getattr(found, "feature_maps", None)
    if not maps or any(features.ndim != 4 for features in maps):
        raise InputError(
            "an encoder that gives feature maps (B, C, h, w)",
            f"{type(encoder).__name__} without them",
            "build it with transformers.AutoBackbone",
        )
    return list(maps)


def _stride(features: Tensor) -> int:
    height, width = features.shape[-2:]
    if height != width or PROBE % height:
        raise InputError(
            f"feature maps of which {PROBE}x{PROBE} pixels are a multiple",
            f"{height}x{width}",
            "choose an encoder whose patches are 7, 8, 14, 16, 28 or 32 pixels wide",
        )
    return PROBE // height

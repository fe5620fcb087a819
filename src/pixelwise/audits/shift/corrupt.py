"""The fifteen common corruptions in five severities, each a pure function of an image and a source of chance.

Source: Hendrycks and Dietterich 2019. Derived anew from the definitions; "differs" in a docstring says where they are
not the published program's. Means of many images compare with published ones, single pixels do not, and frost does not.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from pixelwise.audits.shift.blur import defocus_blur, glass_blur, motion_blur, zoom_blur
from pixelwise.audits.shift.digital import contrast, jpeg_compression, pixelate
from pixelwise.audits.shift.elastic import elastic_move
from pixelwise.audits.shift.noise import Planes, gaussian_noise, impulse_noise, shot_noise
from pixelwise.audits.shift.weather import brightness, fog, frost, snow
from pixelwise.data.transforms.augmentation import move_sample
from pixelwise.data.transforms.sample import Sample
from pixelwise.errors import InputError
from pixelwise.shapes import Image

SEVERITIES = (1, 2, 3, 4, 5)

ELASTIC = "elastic_transform"

OF_PIXELS: dict[str, Callable[[Planes, int, np.random.Generator], Planes]] = {
    "gaussian_noise": gaussian_noise,
    "shot_noise": shot_noise,
    "impulse_noise": impulse_noise,
    "defocus_blur": defocus_blur,
    "glass_blur": glass_blur,
    "motion_blur": motion_blur,
    "zoom_blur": zoom_blur,
    "snow": snow,
    "frost": frost,
    "fog": fog,
    "brightness": brightness,
    "contrast": contrast,
    "pixelate": pixelate,
    "jpeg_compression": jpeg_compression,
}
"""Those that leave things where they are."""

CORRUPTIONS = (*list(OF_PIXELS)[:12], ELASTIC, *list(OF_PIXELS)[12:])
"""The published names in the published order."""

DENSE = tuple(name for name in CORRUPTIONS if name != "zoom_blur")
"""Those that fit tasks with a truth for every pixel: zoom blur shows each thing at many places at once, so no label map
is true of it. Elastic deformation moves the truth along."""


def corrupt(sample: Sample, name: str, severity: int, generator: np.random.Generator) -> Sample:
    """The sample under a corruption, its image(s) within 0..1 and in their type.

    Only `elastic_transform` moves things; labels, boxes, masks and flow then move with the image as in
    `pixelwise.data.transforms.augment`: labels become 255 and flow unknown where the picture ends. Both images of a
    pair get the same deformation, and noise or weather of their own.

    Args:
        sample: an image alone, `Sample(image)`, or with its truth.
        name: one of `CORRUPTIONS`.
        severity: 1 to 5.
        generator: the only source of chance: the same state gives the same result.

    Raises:
        InputError: an unknown name or severity, or an image with values outside 0..1.
    """
    if name not in CORRUPTIONS:
        raise InputError(f"a corruption of {', '.join(CORRUPTIONS)}", repr(name), hint="check the spelling")
    if severity not in SEVERITIES:
        raise InputError("a severity from 1 to 5", repr(severity), hint="1 is slight, 5 severe")
    if name == ELASTIC:
        height, width = sample.image.shape[1:]
        moved = move_sample(sample, elastic_move((height, width), severity, generator))
        return replace(
            moved, image=_within(moved.image), second=None if moved.second is None else _within(moved.second)
        )
    second = None if sample.second is None else _pixels(sample.second, name, severity, generator)
    return replace(sample, image=_pixels(sample.image, name, severity, generator), second=second)


def _pixels(image: Image, name: str, severity: int, generator: np.random.Generator) -> Image:
    low, high = image.aminmax()
    if not (low >= 0 and high <= 1):  # also false for not-a-number
        raise InputError(
            "an image with values 0..1", f"values from {low:g} to {high:g}", hint="divide 8-bit images by 255"
        )
    planes = image.detach().cpu().float().numpy()
    return _within(torch.from_numpy(OF_PIXELS[name](planes, severity, generator))).to(image)


def _within(image: Image) -> Image:
    return image.clamp(0, 1)

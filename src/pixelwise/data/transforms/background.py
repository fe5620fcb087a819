"""Random backgrounds: objects of one image on the background of another, so that a place no longer names its object.

Source of the idea: Xiao, Engstrom, Ilyas, Madry 2021, "Noise or Signal: The Role of Image Backgrounds in Object
Recognition", whose Mixed-Rand training closes the gap between backgrounds.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch

from pixelwise.data.transforms.compositing import FEATHER, covering, laid_over, opacity, without
from pixelwise.data.transforms.sample import Sample
from pixelwise.errors import InputError
from pixelwise.shapes import IGNORE, Image, LabelMap, Mask


def backgrounds_of(samples: Sequence[Sample], background: int = 0) -> list[Image]:
    """The images with their objects taken out, for `random_background`; made once, before training.

    Args:
        samples: images with label maps.
        background: the class that is no object.

    Raises:
        InputError: a sample without a label map.
    """
    return [without(sample.image, object_mask(_labels(sample), background)) for sample in samples]


def random_background(
    sample: Sample,
    backgrounds: Sequence[Image],
    generator: torch.Generator,
    share: float | int = 0.5,
    background: int = 0,
    feather: float | int = FEATHER,
) -> Sample:
    """The sample with its objects on one of the backgrounds, or as it was, by chance.

    Objects, boxes and masks stay where they are. All else takes the background class, ignored pixels too, since nothing
    is left of them. A background of another size is enlarged or shrunk until it covers the image.

    Args:
        sample: an image with its label map, as it comes or augmented.
        backgrounds: images without objects, see `backgrounds_of`.
        generator: a CPU generator, the only source of chance.
        share: how often the background is changed, 0..1. Below 1 the network also sees images that were not cut.
        background: the class that is no object.
        feather: see `pixelwise.data.transforms.compositing.opacity`.

    Raises:
        InputError: no label map, no backgrounds, a share outside 0..1, or flow, which another background would belie.
    """
    if not len(backgrounds) or not 0 <= share <= 1:
        raise InputError(
            "at least one background and a share of 0..1",
            f"{len(backgrounds)} and {share}",
            hint="take backgrounds_of(samples)",
        )
    if sample.flow is not None or sample.second is not None:
        raise InputError("a sample without flow", "a pair of images", hint="leave random backgrounds out for flow")
    labels = _labels(sample)
    # Both draws are made whatever the first one says, so that later draws do not depend on it.
    chance = float(torch.rand(1, generator=generator, dtype=torch.float64))
    number = int(torch.randint(len(backgrounds), (1,), generator=generator))
    if chance >= share:
        return sample
    objects = object_mask(labels, background)
    height, width = sample.image.shape[1:]
    other = covering(backgrounds[number].to(sample.image), (height, width))
    image = laid_over(sample.image, opacity(objects, feather), other)
    return replace(sample, image=image, labels=labels.where(objects, background))


def object_mask(labels: LabelMap, background: int = 0) -> Mask:
    """The pixels of any object: neither background nor ignored."""
    return (labels != background) & (labels != IGNORE)


def _labels(sample: Sample) -> LabelMap:
    if sample.labels is None:
        raise InputError("a sample with a label map", "none", hint="it says where the objects are")
    return sample.labels

"""Regions of interest as one table of (image, x0, y0, x1, y1), checked."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pixelwise.errors import InputError

MAX_BINS = 1 << 20
"""Bins per region; beyond it an output size is a mistake, such as a size in place of a count."""


def regions_of(features: Tensor, boxes: Tensor | Sequence[Tensor]) -> Tensor:
    """The regions as one K x 5 tensor: number of the image, then x0 y0 x1 y1.

    Args:
        features: what the regions are cut from, for its device and number of images.
        boxes: that tensor itself, or one L x 4 tensor of boxes for each image.

    Raises:
        InputError: shapes, dtypes, devices or the number of images do not fit.
    """
    if isinstance(boxes, Tensor):
        _check_table(boxes, 5, "boxes", features)
        return boxes
    if len(boxes) != features.shape[0]:
        raise InputError(
            f"one tensor of boxes for each of the {features.shape[0]} images",
            f"{len(boxes)} tensors",
            hint="pass an empty tensor of shape (0, 4) for an image without boxes",
        )
    for number, one in enumerate(boxes):
        _check_table(one, 4, f"boxes[{number}]", features)
    if not boxes:
        return features.new_zeros((0, 5))
    numbers = [one.new_full((len(one), 1), number) for number, one in enumerate(boxes)]
    return torch.cat([torch.cat([number, one], dim=1) for number, one in zip(numbers, boxes, strict=True)])


def _check_table(boxes: Tensor, columns: int, name: str, features: Tensor) -> None:
    if boxes.ndim != 2 or boxes.shape[1] != columns or not boxes.is_floating_point():
        meaning = "image, x0, y0, x1, y1" if columns == 5 else "x0, y0, x1, y1"
        raise InputError(
            f"{name} as a float tensor with {columns} columns ({meaning})",
            f"{boxes.dtype} of shape {tuple(boxes.shape)}",
            hint="pass a list with one (L, 4) tensor per image, or one (K, 5) tensor; convert integers with .float()",
        )
    if boxes.device != features.device:
        raise InputError(
            f"{name} on {features.device}, where the features are",
            f"a tensor on {boxes.device}",
            hint=f'move them with boxes.to("{features.device}")',
        )


def check_features(features: Tensor, bins: tuple[int, int]) -> None:
    """Refuses features that are not B x C x H x W floats, and sizes without bins."""
    if features.ndim != 4 or not features.is_floating_point():
        raise InputError(
            "float features of shape (images, channels, height, width)",
            f"{features.dtype} of shape {tuple(features.shape)}",
            hint="add the axis of images with features[None]; convert integers with .float()",
        )
    if min(bins) < 1 or bins[0] * bins[1] > MAX_BINS:
        raise InputError(
            f"an output size of at least 1 x 1 and at most {MAX_BINS} bins",
            f"{bins[0]} x {bins[1]}",
            hint="pass the number of bins, such as output_size=7 or (7, 7)",
        )


def check_images(regions: Tensor, features_shape: Sequence[int]) -> Tensor:
    """The image of each region as int64, all within the batch.

    Raises:
        InputError: a region names an image that is not there, or images without pixels.
    """
    images, (batch, _, height, width) = regions[:, 0], features_shape
    if not len(regions):
        return images.long()
    if height == 0 or width == 0:
        raise InputError("features with pixels", f"features of shape {tuple(features_shape)}", "leave empty images out")
    wrong = ~((images > -1) & (images < batch))
    if wrong.any():
        number = int(wrong.nonzero()[0])
        raise InputError(
            f"image numbers from 0 to {batch - 1} in the first column of boxes",
            f"{images[number].item():g} in row {number}",
            hint="the columns are image, x0, y0, x1, y1; pass a list with one (L, 4) tensor per image to avoid numbers",
        )
    return images.long()


@torch.library.custom_op("pixelwise::known_images", mutates_args=())
def known_images(regions: Tensor, features_shape: Sequence[int]) -> Tensor:
    """`check_images` as one step that a compiler does not look into, because what it raises depends on the values."""
    return check_images(regions, features_shape)


@known_images.register_fake
def _(regions: Tensor, features_shape: Sequence[int]) -> Tensor:
    return regions.new_empty(regions.shape[0], dtype=torch.int64)


def pair(size: int | Sequence[int]) -> tuple[int, int]:
    """Height and width, from both or from one number for both.

    Raises:
        InputError: neither one number nor two.
    """
    if isinstance(size, int):
        return size, size
    if len(size) != 2:
        raise InputError("an output size of one or two numbers", f"{tuple(size)}", "pass output_size=(7, 7)")
    return int(size[0]), int(size[1])

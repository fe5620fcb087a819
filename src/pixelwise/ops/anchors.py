"""Anchors: the boxes that a detector starts from, at every position of its feature maps.

Source: Ren et al. 2015 (Faster R-CNN); rounding and placement are those of torchvision, whose published weights
expect them; the half offset and anchors that are not rounded are detectron2's.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.shapes import Size


def anchors(
    feature_sizes: Sequence[Size],
    image_size: Size,
    sizes: Sequence[float | int | Sequence[float | int]],
    ratios: Sequence[float | int] = (0.5, 1.0, 2.0),
    offset: float | int = 0.0,
    rounded: bool = True,
    device: torch.device | str | None = None,
) -> list[Float[Tensor, "_ 4"]]:
    """The anchors of each level, ordered by row, column, then anchor: x0 y0 x1 y1 in pixels of the image, not clipped.

    The anchor of size s and ratio r is s / sqrt(r) wide and s * sqrt(r) high. It stands around
    ((column + offset) * stride, (row + offset) * stride), where a level's stride is image // feature size on each
    axis. At one position ratios are the outer loop and sizes the inner one (detectron2: the other way round).

    Args:
        feature_sizes: height and width of each level's feature map; a map without pixels gives no anchors.
        image_size: height and width of the image as the network saw it, padding included.
        sizes: for each level one size or several, in pixels.
        ratios: height over width, the same on every level.
        offset: 0 puts anchors on the corner of their cell, as published; 0.5 puts them on its centre.
        rounded: round the corners around 0 to whole pixels, ties to even, as published.
        device: where the anchors shall be.

    Returns:
        One float32 tensor for each level: half precision cannot tell pixels beyond 2048 apart.

    Raises:
        InputError: levels and sizes differ in number, a size or ratio is not positive and finite, or a feature map
            is larger than the image.

    >>> anchors([(1, 2)], (8, 16), sizes=[8], ratios=[1.0])[0].tolist()
    [[-4.0, -4.0, 4.0, 4.0], [4.0, -4.0, 12.0, 4.0]]
    """
    several = [tuple(size) if isinstance(size, Sequence) else (size,) for size in sizes]
    _check(feature_sizes, image_size, several, ratios)
    grids = []
    for feature, level in zip(feature_sizes, several, strict=True):
        shapes = _around_zero(level, ratios, rounded, device)
        y, x = (
            (torch.arange(cells, dtype=torch.float32, device=device) + offset) * (side // max(cells, 1))
            for cells, side in zip(feature, image_size, strict=True)
        )
        # (rows, columns, 4): the same centre for both corners
        centres = torch.stack(torch.meshgrid(x, y, indexing="xy") * 2, dim=-1)
        grids.append((centres[:, :, None] + shapes).reshape(-1, 4))
    return grids


def _around_zero(
    sizes: Sequence[float | int], ratios: Sequence[float | int], rounded: bool, device: torch.device | str | None
) -> Tensor:
    """The anchors of one position, around (0, 0)."""
    # In float32 step by step as published, so that products near a tie round to the same side.
    size = torch.tensor(sizes, dtype=torch.float32, device=device)
    heights = torch.tensor(ratios, dtype=torch.float32, device=device).sqrt()[:, None]
    width, height = ((1 / heights) * size).flatten(), (heights * size).flatten()
    shapes = torch.stack([-width, -height, width, height], dim=-1) / 2
    return shapes.round() if rounded else shapes


def _check(
    feature_sizes: Sequence[Size],
    image_size: Size,
    sizes: Sequence[Sequence[float | int]],
    ratios: Sequence[float | int],
) -> None:
    if len(feature_sizes) != len(sizes):
        raise InputError(
            "sizes for every level",
            f"{len(feature_sizes)} feature maps and sizes for {len(sizes)}",
            hint="pass one size, or a list of sizes, for each feature map",
        )
    for name, numbers in (("sizes", [size for level in sizes for size in level]), ("ratios", ratios)):
        if not all(0 < number < math.inf for number in numbers):
            raise InputError(
                f"{name} that are positive and finite", str(list(numbers)), hint="sizes are in pixels of the image"
            )
    for feature in feature_sizes:
        if any(cells < 0 or cells > side for cells, side in zip(feature, image_size, strict=True)):
            raise InputError(
                "feature maps not larger than the image",
                f"a map of {feature[0]}x{feature[1]} for an image of {image_size[0]}x{image_size[1]}",
                hint="pass the size of the image that the network saw, as (height, width)",
            )

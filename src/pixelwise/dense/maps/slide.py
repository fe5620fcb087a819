"""The naive references: a patch classifier at every position, and a coarse network on every shifted image."""

import itertools

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.dense.placement import evaluating
from pixelwise.errors import InputError
from pixelwise.shapes import Size


def slide(
    model: nn.Module, images: Float[Tensor, "B C H W"], patch: int | Size, stride: int | Size = 1, batch_size: int = 256
) -> Float[Tensor, "B K h w"]:
    """The classifier's scores for every patch, each patch computed by itself: (H - patch) // stride + 1 rows.

    The definition that `densify` is checked against, and hundreds of times slower. Differentiable.

    Args:
        model: from (N, C, patch, patch) to (N, K) or (N, K, 1, 1); applied in evaluation mode.
        images: at least as large as the patch.
        patch: height and width of the patches, or one number for both.
        stride: pixels between neighbouring patches.
        batch_size: patches per call.

    Raises:
        InputError: an image smaller than the patch, or scores of another form.
    """
    (height, width), (down, across) = as_pair(patch, "patch"), as_pair(stride, "stride")
    if images.shape[-2] < height or images.shape[-1] < width:
        raise InputError(
            f"images of at least one patch, {height}x{width}",
            f"{images.shape[-2]}x{images.shape[-1]}",
            "pad the image, for example with pixelwise.ops.read_window",
        )
    rows = range(0, images.shape[-2] - height + 1, down)
    columns = range(0, images.shape[-1] - width + 1, across)
    places = list(itertools.product(range(len(images)), rows, columns))
    scores = []
    with evaluating(model):
        for start in range(0, len(places), batch_size):
            part = places[start : start + batch_size]
            patches = torch.stack([images[image, :, y : y + height, x : x + width] for image, y, x in part])
            scores.append(_one_vector_each(model(patches), len(part)))
    return torch.cat(scores).reshape(len(images), len(rows), len(columns), -1).permute(0, 3, 1, 2)


def _one_vector_each(scores: Tensor, count: int) -> Tensor:
    if scores.ndim not in (2, 4) or scores.shape[0] != count or scores.shape[2:].numel() != 1:
        raise InputError(
            "a classifier that gives one vector per patch, (N, K) or (N, K, 1, 1)",
            f"a tensor {tuple(scores.shape)} for {count} patches",
            "pass the patch size that the classifier was trained on",
        )
    return scores.flatten(1)


def shift_and_stitch(
    model: nn.Module, images: Float[Tensor, "B C H W"], stride: int | Size
) -> Float[Tensor, "B K h w"]:
    """A coarse network's outputs for every shift of the image, woven into one map of stride 1.

    The definition of Long et al. 2015, section 3.2: the image without its first dy rows and dx columns gives the
    outputs of phase (dy, dx). It takes stride_y * stride_x passes, k**(2 t) for t layers of stride k. Networks that
    pad see other zeros at the border of each shifted image.

    Args:
        model: from (B, C, H, W) to (B, K, h, w), for images of any size; applied in evaluation mode.
        images: at least stride - 1 pixels larger than the smallest image it accepts.
        stride: the network's stride.
    """
    down, across = as_pair(stride, "stride")
    with evaluating(model):
        parts = [[model(images[..., dy:, dx:]) for dx in range(across)] for dy in range(down)]
    rows = sum(line[0].shape[-2] for line in parts)
    columns = sum(part.shape[-1] for part in parts[0])
    stitched: Tensor = parts[0][0].new_empty(*parts[0][0].shape[:2], rows, columns)
    for dy, dx in itertools.product(range(down), range(across)):
        stitched[..., dy::down, dx::across] = parts[dy][dx]
    return stitched


def as_pair(value: int | Size, name: str) -> Size:
    """Both entries of a size given as one number or two.

    Raises:
        InputError: an entry below 1.
    """
    pair = (value, value) if isinstance(value, int) else (value[0], value[1])
    if min(pair) < 1:
        raise InputError(f"{name} of at least 1 pixel", f"{name} = {value}", f"pass a larger {name}")
    return pair

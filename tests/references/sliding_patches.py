"""A classifier at every position of an image, one patch after the other."""

import torch
from torch import Tensor, nn


def every_patch(model: nn.Module, images: Tensor, patch: tuple[int, int], stride: tuple[int, int]) -> Tensor:
    """Scores (B, K, rows, columns)."""
    rows = range(0, images.shape[-2] - patch[0] + 1, stride[0])
    columns = range(0, images.shape[-1] - patch[1] + 1, stride[1])
    lines = [
        torch.stack(
            [model(images[:, :, y : y + patch[0], x : x + patch[1]]).reshape(len(images), -1) for x in columns], dim=-1
        )
        for y in rows
    ]
    return torch.stack(lines, dim=-2)

"""Images at another size, one pixel at a time, straight from the definitions."""

from fractions import Fraction
from math import ceil, floor

import torch
from torch import Tensor


def resize_by_hand(image: Tensor, size: tuple[int, int], mode: str, align_corners: bool, antialias: bool) -> Tensor:
    """An image H W: the columns resized, then the rows."""
    for axis in (0, 1):
        lines = image.movedim(axis, 0)
        rows = [
            sum(weight * lines[place] for place, weight in parts.items())
            for parts in (
                taps(new, lines.shape[0], size[axis], mode, align_corners, antialias) for new in range(size[axis])
            )
        ]
        image = torch.stack([torch.as_tensor(row) for row in rows]).movedim(0, axis)
    return image


def taps(new: int, before: int, after: int, mode: str, align_corners: bool, antialias: bool) -> dict[int, float]:
    """Old pixels and their weights for one new pixel."""
    if mode == "nearest":
        return {floor(Fraction(new * before, after)): 1}
    if mode == "nearest-exact":
        return {floor((new + Fraction(1, 2)) * Fraction(before, after)): 1}
    if mode == "area":
        covered = range(floor(Fraction(new * before, after)), ceil(Fraction((new + 1) * before, after)))
        return dict.fromkeys(covered, 1 / len(covered))
    position = (new + 0.5) * before / after - 0.5
    if align_corners:
        position = new * (before - 1) / (after - 1) if after > 1 else 0.0
    if antialias:
        return smoothed(position, before, max(before / after, 1), mode)
    if mode == "bilinear":
        position = min(max(position, 0.0), before - 1.0)
    parts: dict[int, float] = {}
    for old in range(floor(position) - 1, floor(position) + 3):
        weight = hat(position - old) if mode == "bilinear" else keys(position - old, -0.75)
        held = min(max(old, 0), before - 1)
        parts[held] = parts.get(held, 0) + weight
    return parts


def smoothed(position: float, before: int, widening: float, mode: str) -> dict[int, float]:
    """The kernel widened, cut off at the edge and scaled to sum 1."""
    kernel = {
        old: hat((old - position) / widening) if mode == "bilinear" else keys((old - position) / widening, -0.5)
        for old in range(before)
    }
    total = sum(kernel.values())
    return {old: weight / total for old, weight in kernel.items()}


def hat(x: float) -> float:
    return max(1 - abs(x), 0)


def keys(x: float, a: float) -> float:
    """The cubic kernel of Keys 1981."""
    x = abs(x)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0


def matlab_by_hand(image: Tensor, scale: float) -> Tensor:
    """MATLAB's imresize in its own words: positions from 1, a mirrored list of indices, weights that sum to 1."""
    for axis in (0, 1):
        lines = image.movedim(axis, 0)
        before = lines.shape[0]
        mirrored = [*range(before), *reversed(range(before))]
        width = 4 / min(scale, 1)
        rows = []
        for new in range(1, ceil(scale * before) + 1):
            position = new / scale + 0.5 * (1 - 1 / scale)
            left = floor(position - width / 2)
            old = [left + step for step in range(ceil(width) + 2)]
            weights = [min(scale, 1) * keys(min(scale, 1) * (position - place), -0.5) for place in old]
            parts = [
                weight / sum(weights) * lines[mirrored[(place - 1) % (2 * before)]]
                for place, weight in zip(old, weights, strict=True)
            ]
            rows.append(torch.stack(parts).sum(0))
        image = torch.stack(rows).movedim(0, axis)
    return image

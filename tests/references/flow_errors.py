"""Losses and scores of flow, pixel by pixel."""

import math

import numpy as np

LEVELS = (4, 8, 16, 32, 64)


def pooled(truth: np.ndarray, valid: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the known vectors of each cell, (h, w, 2), and where there are any; `truth` is (H, W, 2)."""
    height, width = valid.shape
    size = (math.ceil(height / stride), math.ceil(width / stride))
    means, known = np.zeros((*size, 2)), np.zeros(size, dtype=bool)
    for row, column in np.ndindex(size):
        cell = (slice(row * stride, (row + 1) * stride), slice(column * stride, (column + 1) * stride))
        inside = truth[cell][valid[cell]]
        if len(inside):
            means[row, column], known[row, column] = inside.mean(0), True
    return means, known


def multiscale(
    flows: list[np.ndarray], truth: np.ndarray, valid: np.ndarray, weights: tuple[float, ...], mean: bool, unit: float
) -> float:
    """The loss of flows (B, h, w, 2) of `LEVELS`; truth (B, H, W, 2)."""
    total = 0.0
    for flow, weight, stride in zip(flows, weights, LEVELS, strict=False):
        errors = []
        for answer, right, known in zip(flow, truth, valid, strict=True):
            means, counted = pooled(right, known, stride)
            places = [place for place in np.ndindex(counted.shape) if counted[place]]
            errors += [math.dist(answer[place], means[place] / unit) for place in places]
        total += weight * sum(errors) / (max(1, len(errors)) if mean else len(flow))
    return total


def sums(flow: np.ndarray, truth: np.ndarray, valid: np.ndarray, occluded: np.ndarray | None) -> np.ndarray:
    """The 6 x 7 table of one image; flows are (H, W, 2)."""
    table = np.zeros((6, 7))
    for place in zip(*np.nonzero(valid), strict=True):
        (u, v), (p, q) = flow[place], truth[place]
        error, length = math.dist((u, v), (p, q)), math.hypot(p, q)
        cosine = (u * p + v * q + 1) / (math.hypot(u, v, 1) * math.hypot(p, q, 1))
        angle = math.degrees(math.acos(min(1.0, cosine)))
        row = [1, error, angle, error > 1, error > 3, error > 5, error > 3 and error > 0.05 * length]
        groups = [0, 1 if length < 10 else 2 if length < 40 else 3]
        if occluded is not None:
            groups.append(5 if occluded[place] else 4)
        table[groups] += np.array(row, dtype=float)
    return table

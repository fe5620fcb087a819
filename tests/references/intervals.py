"""Intervals and bootstraps by their definitions, one at a time."""

import random
from math import sqrt
from statistics import NormalDist


def wilson_by_roots(right: int, total: int, level: float) -> tuple[float, float]:
    """The rates p at which the observed count lies z standard errors of p away, found by halving."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    seen = right / total

    def away(p: float) -> float:
        return abs(seen - p) - z * sqrt(p * (1 - p) / total)

    return _root(away, 0.0, seen), _root(away, 1.0, seen)


def _root(function: object, outside: float, inside: float) -> float:
    for _ in range(200):
        middle = (outside + inside) / 2
        if function(middle) > 0:
            outside = middle
        else:
            inside = middle
    return (outside + inside) / 2


def mean_iou_by_hand(images: list[list[tuple[int, int, int]]]) -> float:
    """The mean IoU of images of (right, wrongly predicted, missed) pixels by class."""
    values = []
    for label in range(len(images[0])):
        right, wrong, missed = (sum(image[label][part] for image in images) for part in range(3))
        if right + wrong + missed:
            values.append(right / (right + wrong + missed))
    return sum(values) / len(values) if values else float("nan")


def resampled_mean_iou(images: list[list[tuple[int, int, int]]], draws: int, seed: int) -> list[float]:
    """The mean IoU of images drawn with replacement, sorted."""
    source = random.Random(seed)
    return sorted(mean_iou_by_hand(source.choices(images, k=len(images))) for _ in range(draws))


def holm_by_steps(p: list[float], alpha: float) -> list[bool]:
    """Which hypotheses Holm rejects: the smallest p at alpha/m, the next at alpha/(m-1), until one fails."""
    rejected = [False] * len(p)
    for step, index in enumerate(sorted(range(len(p)), key=lambda each: p[each])):
        if p[index] > alpha / (len(p) - step):
            break
        rejected[index] = True
    return rejected

"""What is kept of each pixel's scores, pixel by pixel in plain Python."""

import math

import numpy as np
from numpy.typing import NDArray


def softmax(scores: list[float]) -> list[float]:
    largest = max(scores)
    powers = [math.exp(score - largest) for score in scores]
    return [power / sum(powers) for power in powers]


def kept(name: str, scores: list[float]) -> list[float]:
    """The values that a reduction keeps of one pixel."""
    order = sorted(range(len(scores)), key=lambda index: -scores[index])
    shares = softmax(scores)
    sorted_shares = [shares[index] for index in order]
    return {
        "argmax": [order[0]],
        "probabilities": shares,
        "max_probability": sorted_shares[:1],
        "margin": [sorted_shares[0] - sorted_shares[1]],
        "entropy": [-sum(share * math.log(share) for share in shares if share > 0)],
        "top2": order[:2],
        "top2_probabilities": sorted_shares[:2],
        "top3": order[:3],
    }[name]


def reduced_by_hand(name: str, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The kept values of an image of scores (K, H, W), (values, H, W)."""
    height, width = scores.shape[1:]
    rows = [[kept(name, scores[:, y, x].tolist()) for x in range(width)] for y in range(height)]
    return np.moveaxis(np.array(rows, dtype=np.float64), -1, 0)

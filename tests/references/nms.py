"""Suppression of overlapping boxes, one pair at a time in plain Python, straight from the definitions."""

from math import exp, isfinite, isnan

Box = list[float]


def area(box: Box) -> float:
    """0 for a box that has no finite area above zero."""
    width, height = box[2] - box[0], box[3] - box[1]
    return width * height if width > 0 and height > 0 and isfinite(width * height) else 0.0


def overlap(first: Box, second: Box) -> float:
    if area(first) == 0 or area(second) == 0:
        return 0.0
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / (area(first) + area(second) - shared)


def by_score(scores: list[float]) -> list[int]:
    return sorted(range(len(scores)), key=lambda i: (-(float("-inf") if isnan(scores[i]) else scores[i]), i))


def nms_by_hand(boxes: list[Box], scores: list[float], threshold: float, classes: list[int] | None = None) -> list[int]:
    kept: list[int] = []
    for i in by_score(scores):
        rivals = [k for k in kept if classes is None or classes[k] == classes[i]]
        if all(overlap(boxes[k], boxes[i]) <= threshold for k in rivals):
            kept.append(i)
    return kept


def soft_nms_by_hand(
    boxes: list[Box], scores: list[float], method: str, sigma: float, threshold: float, lowest: float
) -> list[tuple[int, float]]:
    left = {i: score for i, score in enumerate(scores) if score >= lowest}
    kept: list[tuple[int, float]] = []
    while left:
        best = max(left, key=lambda i: (left[i], -i))
        kept.append((best, left.pop(best)))
        for i in list(left):
            shared = overlap(boxes[best], boxes[i])
            if method == "gaussian":
                left[i] *= exp(-(shared**2) / sigma)
            elif shared >= threshold:
                left[i] *= 1 - shared
            if left[i] < lowest:
                del left[i]
    return kept

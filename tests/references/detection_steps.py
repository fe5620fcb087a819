"""Proposals and detections of one image, one anchor, region and class at a time, straight from the definitions."""

from math import exp, log

from references.nms import Box, nms_by_hand

GROWTH = log(1000 / 16)


def moved(anchor: Box, deltas: list[float], weights: tuple[float, ...]) -> Box:
    width, height = anchor[2] - anchor[0], anchor[3] - anchor[1]
    dx, dy, dw, dh = (delta / weight for delta, weight in zip(deltas, weights, strict=True))
    x, y = anchor[0] + width / 2 + dx * width, anchor[1] + height / 2 + dy * height
    wide, high = width * exp(min(dw, GROWTH)), height * exp(min(dh, GROWTH))
    return [x - wide / 2, y - high / 2, x + wide / 2, y + high / 2]


def inside(box: Box, size: tuple[int, int]) -> Box:
    height, width = size
    return [min(max(end, 0), side) for end, side in zip(box, (width, height, width, height), strict=True)]


def proposals_by_hand(
    levels: list[tuple[list[float], list[list[float]], list[Box]]],
    size: tuple[int, int],
    before: int,
    after: int,
    overlap: float,
) -> list[Box]:
    """From logits, deltas and anchors of each level."""
    boxes, scores, numbers = [], [], []
    for number, (logits, deltas, level_anchors) in enumerate(levels):
        for anchor in sorted(range(len(logits)), key=lambda i: -logits[i])[:before]:
            box = inside(moved(level_anchors[anchor], deltas[anchor], (1, 1, 1, 1)), size)
            if box[2] - box[0] >= 1e-3 and box[3] - box[1] >= 1e-3:
                boxes.append(box)
                scores.append(1 / (1 + exp(-logits[anchor])))
                numbers.append(number)
    return [boxes[i] for i in nms_by_hand(boxes, scores, overlap, numbers)[:after]]


def detections_by_hand(
    regions: list[Box],
    logits: list[list[float]],
    deltas: list[list[list[float]]],
    size: tuple[int, int],
    threshold: float,
    overlap: float,
    most: int,
) -> list[tuple[Box, float, int]]:
    """Boxes, scores and labels, best first."""
    boxes, scores, labels = [], [], []
    for region, row, by_class in zip(regions, logits, deltas, strict=True):
        total = sum(exp(logit) for logit in row)
        for label in range(1, len(row)):
            score = exp(row[label]) / total
            box = inside(moved(region, by_class[label], (10, 10, 5, 5)), size)
            if score > threshold and box[2] - box[0] >= 1e-2 and box[3] - box[1] >= 1e-2:
                boxes.append(box)
                scores.append(score)
                labels.append(label)
    kept = nms_by_hand(boxes, scores, overlap, labels)[:most]
    return [(boxes[i], scores[i], labels[i]) for i in kept]

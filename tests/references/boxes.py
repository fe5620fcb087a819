"""Boxes one at a time, in plain Python: areas, overlaps, deltas, anchors and matches."""

import math
from collections.abc import Sequence

Box = Sequence[float]


def area(box: Box) -> float:
    x0, y0, x1, y1 = box
    return max(0.0, x1 - x0) * max(0.0, y1 - y0)


def intersection(a: Box, b: Box) -> float:
    return area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))


def iou(a: Box, b: Box) -> float:
    common = intersection(a, b)
    return common / (area(a) + area(b) - common) if common > 0 else 0.0


def enclosing(a: Box, b: Box) -> Box:
    return (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))


def giou(a: Box, b: Box) -> float:
    around = area(enclosing(a, b))
    union = area(a) + area(b) - intersection(a, b)
    return iou(a, b) - ((around - union) / around if around > 0 else 0.0)


def diou(a: Box, b: Box) -> float:
    x0, y0, x1, y1 = enclosing(a, b)
    diagonal = (x1 - x0) ** 2 + (y1 - y0) ** 2
    across, down = (a[0] + a[2] - b[0] - b[2]) / 2, (a[1] + a[3] - b[1] - b[3]) / 2
    return iou(a, b) - ((across**2 + down**2) / diagonal if diagonal > 0 else 0.0)


def ciou(a: Box, b: Box) -> float:
    angles = [math.atan((box[2] - box[0]) / (box[3] - box[1])) for box in (a, b)]
    aspect = 4 / math.pi**2 * (angles[0] - angles[1]) ** 2
    weight = aspect / (1 - iou(a, b) + aspect) if aspect > 0 else 0.0
    return diou(a, b) - weight * aspect


def encode(box: Box, anchor: Box, weights: Sequence[float]) -> list[float]:
    width, height = anchor[2] - anchor[0], anchor[3] - anchor[1]
    across = (box[0] + box[2]) / 2 - (anchor[0] + anchor[2]) / 2
    down = (box[1] + box[3]) / 2 - (anchor[1] + anchor[3]) / 2
    growth = (math.log((box[2] - box[0]) / width), math.log((box[3] - box[1]) / height))
    deltas = (across / width, down / height, *growth)
    return [delta * weight for delta, weight in zip(deltas, weights, strict=True)]


def anchor_grid(
    feature: tuple[int, int], image: tuple[int, int], sizes: Sequence[float], ratios: Sequence[float], offset: float
) -> list[list[float]]:
    """Every anchor in order; Python's round also takes ties to even."""
    rows, columns = feature
    down, across = image[0] // rows, image[1] // columns
    found = []
    for row in range(rows):
        for column in range(columns):
            for ratio in ratios:
                for size in sizes:
                    half_width, half_height = round(size / math.sqrt(ratio) / 2), round(size * math.sqrt(ratio) / 2)
                    x, y = (column + offset) * across, (row + offset) * down
                    found.append([x - half_width, y - half_height, x + half_width, y + half_height])
    return found


def match(quality: Sequence[Sequence[float]], high: float, low: float, rescue: bool, boxes: int) -> list[int]:
    """-1 is background, -2 in between; as the paper tells it, box by box."""
    matches = []
    for box in range(boxes):
        column = [row[box] for row in quality]
        best = max(column, default=-1.0)
        first = column.index(best) if column else -1
        matches.append(first if best >= high else -2 if best >= low else -1)
        if rescue and any(row[box] == max(row) > 0 for row in quality):
            matches[-1] = first
    return matches

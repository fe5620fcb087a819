"""Detection scores by plain loops: one class, one threshold, one detection after the other."""

import math
from collections.abc import Sequence

from torch import Tensor


def iou_by_hand(box: Sequence[float], other: Sequence[float], crowd: bool) -> float:
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    area = (box[2] - box[0]) * (box[3] - box[1])
    both = width * height
    return both / (area if crowd else area + (other[2] - other[0]) * (other[3] - other[1]) - both)


def match_by_hand(
    truths: list[tuple[Sequence[float], bool, bool]], found: list[Sequence[float]], limit: float
) -> list[int | None]:
    """For each detection, the surest first, the number of its object; truths are (box, crowd, ignored)."""
    taken: set[int] = set()
    partners: list[int | None] = []
    for box in found:
        best: int | None = None
        for wanted in (False, True):  # objects that count, then ignored ones
            highest = limit
            for number, (other, crowd, ignored) in enumerate(truths):
                overlap = iou_by_hand(box, other, crowd)
                if ignored == wanted and (crowd or number not in taken) and overlap >= highest:
                    best, highest = number, overlap
            if best is not None:
                break
        if best is not None:
            taken.add(best)
        partners.append(best)
    return partners


def ap_by_hand(
    images: list[tuple[Tensor, Tensor, Tensor, Tensor]],
    limit: float,
    areas: tuple[float, float] = (0, 1e10),
    most: int = 100,
) -> tuple[float, float]:
    """AP and recall of one class; each image is (true boxes, crowd marks, found boxes, scores). NaN without objects."""
    ranked: list[tuple[float, bool]] = []
    count = 0
    for boxes, crowd, found, scores in images:
        marks = [bool(mark) for mark in crowd]
        sizes = [(float(x1) - float(x0)) * (float(y1) - float(y0)) for x0, y0, x1, y1 in boxes.double().tolist()]
        ignored = [mark or not areas[0] <= size <= areas[1] for mark, size in zip(marks, sizes, strict=True)]
        count += ignored.count(False)
        order = sorted(range(len(scores)), key=lambda each: -float(scores[each]))[:most]
        surest = [found[each].double().tolist() for each in order]
        partners = match_by_hand(list(zip(boxes.double().tolist(), marks, ignored, strict=True)), surest, limit)
        for each, box, partner in zip(order, surest, partners, strict=True):
            inside = areas[0] <= (box[2] - box[0]) * (box[3] - box[1]) <= areas[1]
            if partner is None and inside:
                ranked.append((float(scores[each]), False))
            elif partner is not None and not ignored[partner]:
                ranked.append((float(scores[each]), True))
    if not count:
        return math.nan, math.nan
    return _area(sorted(ranked, key=lambda each: -each[0]), count), sum(right for _, right in ranked) / count


def _area(ranked: list[tuple[float, bool]], count: int) -> float:
    """The mean of the best precision at or beyond each of 101 recalls."""
    points = []
    right = 0
    for number, (_, good) in enumerate(ranked, start=1):
        right += good
        points.append((right / count, right / number))
    read = [max((p for recall, p in points if recall >= step / 100 - 1e-12), default=0.0) for step in range(101)]
    return sum(read) / 101

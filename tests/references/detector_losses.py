"""Losses of detectors box by box and pixel by pixel, straight from the definitions."""

from math import exp, log


def objectness_by_hand(logits: list[float], objects: list[bool]) -> float:
    costs = [log(1 + exp(-logit if is_object else logit)) for logit, is_object in zip(logits, objects, strict=True)]
    return sum(costs) / len(costs)


def class_by_hand(logits: list[list[float]], labels: list[int]) -> float:
    costs = [log(sum(exp(one) for one in row)) - row[label] for row, label in zip(logits, labels, strict=True)]
    return sum(costs) / len(costs)


def box_by_hand(deltas: list[list[float]], wanted: list[list[float]], count: int, beta: float) -> float:
    total = 0.0
    for row, goal in zip(deltas, wanted, strict=True):
        for one, other in zip(row, goal, strict=True):
            far = abs(one - other)
            total += far**2 / (2 * beta) if far < beta else far - beta / 2
    return total / count


def mask_by_hand(
    logits: list[list[list[list[float]]]], labels: list[int], wanted: list[list[list[float]]], softmax: bool
) -> float:
    costs = []
    for planes, label, mask in zip(logits, labels, wanted, strict=True):
        for y, row in enumerate(mask):
            for x, inside in enumerate(row):
                if softmax:
                    total = log(sum(exp(plane[y][x]) for plane in planes))
                    costs.append(inside * (total - planes[label][y][x]) + (1 - inside) * (total - planes[0][y][x]))
                else:
                    logit = planes[label][y][x]
                    costs.append(inside * log(1 + exp(-logit)) + (1 - inside) * log(1 + exp(logit)))
    return sum(costs) / len(costs)

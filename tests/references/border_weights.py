"""U-Net's border weights by measuring the distance from every pixel to every pixel of every object."""

from math import exp, inf


def border_weights_by_hand(instances: list[list[int]], w0: float, sigma: float) -> list[list[float]]:
    pixels: dict[int, list[tuple[int, int]]] = {}
    for y, row in enumerate(instances):
        for x, number in enumerate(row):
            if number:
                pixels.setdefault(number, []).append((y, x))

    def weight(y: int, x: int) -> float:
        nearest = [min((y - v) ** 2 + (x - u) ** 2 for v, u in own) ** 0.5 for own in pixels.values()]
        first, second = sorted([*nearest, inf, inf])[:2]
        return 1 + w0 * exp(-((first + second) ** 2) / (2 * sigma**2))

    return [[weight(y, x) for x in range(len(row))] for y, row in enumerate(instances)]

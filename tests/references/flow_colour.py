"""The colour of one motion, by the turn of a colour wheel walked step by step."""

import math

WHEEL = (
    [(255, 255 * i / 15, 0) for i in range(15)]
    + [(255 - 255 * i / 6, 255, 0) for i in range(6)]
    + [(0, 255, 255 * i / 4) for i in range(4)]
    + [(0, 255 - 255 * i / 11, 255) for i in range(11)]
    + [(255 * i / 13, 0, 255) for i in range(13)]
    + [(255, 0, 255 - 255 * i / 6) for i in range(6)]
)


def colour_of(dx: float, dy: float, largest: float) -> tuple[int, ...]:
    length = math.hypot(dx, dy) / largest
    turn = math.atan2(dy, dx) / (2 * math.pi) % 1.0  # 0 to the right, a quarter downwards: the row axis points down
    place = turn * 55
    first = math.floor(place)
    colour = []
    for one, two in zip(WHEEL[first % 55], WHEEL[(first + 1) % 55], strict=True):
        hue = one + (two - one) * (place - first)
        colour.append(int(255 - length * (255 - hue)) if length <= 1 else int(0.75 * hue))
    return tuple(colour)

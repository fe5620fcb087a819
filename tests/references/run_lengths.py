"""COCO's run lengths by the letter of their description: one pixel, one bit at a time."""

import numpy as np


def run_lengths(mask: np.ndarray) -> list[int]:
    """Lengths of runs, column by column, the first one outside."""
    counts, inside = [0], False
    for column in range(mask.shape[1]):
        for row in range(mask.shape[0]):
            if bool(mask[row, column]) != inside:
                inside = not inside
                counts.append(0)
            counts[-1] += 1
    return counts


def characters(counts: list[int]) -> str:
    """Signed numbers in groups of five bits of two's complement, the fewest that keep the sign."""
    text = ""
    for place, count in enumerate(counts):
        number = count - counts[place - 2] if place > 2 else count
        groups = 1
        while not -(2 ** (5 * groups - 1)) <= number < 2 ** (5 * groups - 1):
            groups += 1
        bits = number % 2 ** (5 * groups)
        for group in range(groups):
            last = group == groups - 1
            text += chr(48 + (bits >> (5 * group)) % 32 + (0 if last else 32))
    return text

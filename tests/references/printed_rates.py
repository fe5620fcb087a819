"""All ways to fill a small table of two cells with whole people, tried one by one in exact arithmetic."""

from fractions import Fraction
from itertools import product


def matches(parts: int, wholes: int, percent: str) -> bool:
    """Whether the exact rate is within half of the printed figure's last digit."""
    digits = len(percent.partition(".")[2])
    return bool(wholes) and abs(Fraction(100 * parts, wholes) - Fraction(percent)) <= Fraction(1, 2 * 10**digits)


def ways(sizes: tuple[int, int], unanswered: int, rates: tuple[str, str, str, str]) -> set[tuple[int, ...]]:
    """Wrong answers and answers of both cells that give the rates of first, second, both, and the first's precision."""
    found = set()
    answers = [range(max(size - unanswered, 0), size + 1) for size in sizes]
    for first, second in product(*answers):
        for wrong, other in product(range(first + 1), range(second + 1)):
            figures = [(wrong, first), (other, second), (wrong + other, first + second)]
            figures.append((first - wrong, first - wrong + other))
            if all(matches(*figure, percent) for figure, percent in zip(figures, rates, strict=True)):
                found.add((wrong, first, other, second))
    return found

"""Numbers as people read them, written the same way in every table, card and chart."""

import math
from numbers import Integral
from typing import Any

import numpy as np

Number = float | int | np.floating[Any] | np.integer[Any]


def number_text(value: Number | None, decimals: int = 3) -> str:
    """The number in words for people: 12,345 or 0.914 or 1,204.5 or 3.1e-05; "n/a" for NaN and None.

    Whole numbers keep every digit. Others get `decimals` places, fewer where the number is large, and an exponent
    where the places would show nothing but zeros, or where there would be more than nine digits.

    >>> [number_text(value) for value in (12345, 0.91449, 1204.52, 0.0000314, float("nan"))]
    ['12,345', '0.914', '1,204.5', '3.1e-05', 'n/a']
    """
    if value is None or math.isnan(value):
        return "n/a"
    if isinstance(value, Integral):
        return f"{int(value):,}"
    size = abs(float(value))
    if math.isinf(size):
        return "∞" if value > 0 else "-∞"
    if size >= 1e9 or 0 < size < 0.5 * 10**-decimals:
        return f"{value:.1e}"
    places = decimals if size < 100 else min(decimals, 1)  # beyond three digits before the point, few matter after it
    text = f"{value:,.{places}f}"
    return text.lstrip("-") if not float(text.replace(",", "")) else text

"""The cells and names of a confusion matrix, as SVG shapes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.drawing import svg
from pixelwise.drawing.number_text import Number
from pixelwise.errors import InputError

_WIDTH = 480  # as the other charts
_RIGHT, _WRONG = "var(--right, #0072b2)", "var(--wrong, #c24f00)"
# Above this opacity a cell is dark enough for white letters; below it the page's ink reads better.
_DARK = 0.6
MOST_WITH_NUMBERS = 12
"""Classes up to which cells show their percentages; beyond, "100" no longer fits."""
_LARGEST_CELL = 42


def draw_matrix(matrix: NDArray[Any], names: Sequence[str], top: Number) -> tuple[tuple[Number, Number], list[str]]:
    """The size (width, height) of the drawing and its parts, below a title of height `top`."""
    _check(matrix, names)
    count = len(names)
    if not count:
        return (_WIDTH, top + 30), [svg.text(0, top + 16, "no classes", fill=svg.MUTED)]
    wide = max(svg.width_of(name) for name in names)
    left = min(130.0, max(wide, 40.0)) + 12  # 130: names may take about a quarter of the width; 40: "truth"
    cell = min(_LARGEST_CELL, (_WIDTH - left - 10) / count)
    letters = min(svg.FONT, max(7.0, cell * 0.9))  # 7: the smallest that prints legibly
    # Names of columns stand upright, unless the cells are wide enough for them.
    upright = wide > cell - 4
    cells_top = top + 22 + (min(110.0, wide) + 6 if upright else 18)
    parts = [
        svg.text(left, top + 14, "predicted →", fill=svg.MUTED),
        svg.text(0, cells_top - 6, "truth ↓", fill=svg.MUTED),
    ]
    for index, name in enumerate(names):
        middle = cells_top + (index + 0.5) * cell
        row = svg.fitting(name, left - 10, letters)
        parts.append(svg.text(left - 8, middle + letters * 0.35, row, "end", size=letters, tip=name))
        parts.append(_column_name(name, left + (index + 0.5) * cell, cells_top - 6, letters, upright))
        parts += _row(matrix[index], index, names, (left, cells_top + index * cell), cell)
    frame = f' fill-opacity="0" stroke-width="1" stroke="{svg.FAINT}" pointer-events="none"'
    parts.append(svg.rect((left, cells_top), (cell * count, cell * count), "none", frame))
    height = cells_top + cell * count + 24
    parts.append(svg.text(left, height - 6, "share of each row; blue right, orange wrong", fill=svg.MUTED, size=11))
    # The title and the note below need some width even when the matrix is small.
    return (min(_WIDTH, max(left + 280.0, left + cell * count + 2)), height), parts


def _column_name(name: str, x: Number, y: Number, letters: Number, upright: bool) -> str:
    if not upright:
        return svg.text(x, y, name, "middle", size=letters)
    turn = f' transform="rotate(-90 {x + letters * 0.35:.1f} {y:.1f})"'
    return svg.text(x + letters * 0.35, y, svg.fitting(name, 110, letters), size=letters, extra=turn, tip=name)


def _row(
    counts: NDArray[Any], index: int, names: Sequence[str], corner: tuple[Number, Number], cell: Number
) -> list[str]:
    total = float(counts.sum())
    parts = []
    for column, count in enumerate(counts.tolist()):
        share = count / total if total else 0.0
        x, y = corner[0] + column * cell, corner[1]
        words = f"{share:.1%}" if total else "n/a"
        tip = f"{names[index]} taken for {names[column]}: {count:,} ({words})"
        paint = _RIGHT if column == index else _WRONG
        strength = share**0.7  # below 1, so that an error of a few percent can still be seen
        look = f' fill-opacity="{strength:.3f}" stroke="{svg.FAINT}" stroke-width="0.5" class="cell"'
        parts.append(svg.rect((x, y), (cell, cell), paint, look, tip))
        if len(names) <= MOST_WITH_NUMBERS:
            ink = "#fff" if strength > _DARK else svg.INK if share >= 0.005 else svg.MUTED
            short = f"{share:.0%}".rstrip("%") if total else "–"
            middle = (x + cell / 2, y + cell / 2 + 4)
            parts.append(svg.text(*middle, short, "middle", ink, extra=' pointer-events="none"'))
    return parts


def _check(matrix: NDArray[Any], names: Sequence[str]) -> None:
    if matrix.shape != (len(names), len(names)):
        raise InputError(
            f"a confusion matrix of {len(names)} x {len(names)} for {len(names)} names",
            f"shape {matrix.shape}",
            hint="rows are the truth, columns the prediction",
        )
    if matrix.size and not (np.isfinite(matrix).all() and (matrix >= 0).all()):
        raise InputError("counts of 0 and more", "a negative or non-finite count", hint="count pixels, not shares")

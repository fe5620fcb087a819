"""Charts as inline SVG, in the fonts and colours of the page: readable in print, in the dark and without colour."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from pixelwise.drawing import svg
from pixelwise.drawing.axes import Axis, axis, drawable
from pixelwise.drawing.matrix import MOST_WITH_NUMBERS, draw_matrix
from pixelwise.drawing.number_text import Number, number_text
from pixelwise.errors import InputError

Point = tuple[Number, Number]

_WIDTH = 480  # letters of 12 then have 9 CSS pixels on a phone 400 wide, and 14 at full width
_TITLE = 24  # room for the title line
# Dark enough for white paper (contrast 3:1 and more); pages replace them by lighter ones in the dark.
_COLOURS = tuple(
    f"var(--series-{index}, {colour})"
    for index, colour in enumerate(("#0072b2", "#d55e00", "#00855f", "#a8408a", "#8a6d00", "#56606e"), start=1)
)
# Lines differ in their dashes too, for readers and printers without colour.
_DASHES = ("", "7 3", "2 3", "9 3 2 3", "12 4")
_FEW = 40  # points up to which each gets a mark of its own with its values


def line_chart(
    series: Mapping[str, Sequence[Point]],
    x_label: str,
    y_label: str,
    title: str,
    y_range: tuple[Number, Number] | None = None,
) -> str:
    """Lines of (x, y) points as SVG, one per name, in the order given.

    The y axis covers all values, and `y_range` as well where it is given; nothing is cut off. NaN and infinite values
    leave a gap. Series without a value stay in the key, marked "no data".
    """
    points = {name: [point for point in line if all(map(drawable, point))] for name, line in series.items()}
    every = [point for line in points.values() for point in line]
    key, key_height = _key(points, top=_TITLE)
    top = _TITLE + key_height + 30
    bottom = top + 200
    y = axis([*(point[1] for point in every), *(y_range or ())], bottom, top)
    left = 12 + max(svg.width_of(y.text(tick)) for tick in y.ticks)
    x = axis([point[0] for point in every], left, _WIDTH - 12, tight=True, about=8)
    parts = [_heading(title), *key, svg.text(0, top - 12, y_label, fill=svg.MUTED)]
    for tick in y.ticks:
        parts.append(svg.line((left, y.at(tick)), (_WIDTH, y.at(tick))))
        parts.append(svg.text(left - 6, y.at(tick) + 4, y.text(tick), "end", svg.MUTED))
    parts += [svg.text(x.at(tick), bottom + 18, x.text(tick), "middle", svg.MUTED) for tick in x.ticks]
    parts.append(svg.text(_WIDTH, bottom + 36, x_label, "end", svg.MUTED))
    if not every:
        parts.append(svg.text((left + _WIDTH) / 2, (top + bottom) / 2, "no data", "middle", svg.MUTED))
    for index, (name, line) in enumerate(series.items()):
        parts.append(_curve(name, line, (x, y), index))
    ends = [f"{name}: {f'ends at {number_text(line[-1][1])}' if line else 'no data'}" for name, line in points.items()]
    label = f"{title}. Line chart of {y_label} by {x_label}. " + "; ".join(ends)
    return svg.drawing((_WIDTH, bottom + 42), label, "lines", parts)


def bar_chart(
    values: Mapping[str, Number],
    title: str,
    x_label: str,
    reference: tuple[str, Number] | None = None,
    intervals: Mapping[str, tuple[Number, Number]] | None = None,
) -> str:
    """Horizontal bars from 0 as SVG, one per name in the order given, each with its number.

    `reference` is a named value drawn as a dashed line across all bars; `intervals` are (low, high) ends drawn as
    whiskers. A NaN has no bar and is written "n/a".

    Raises:
        InputError: an interval for a name that has no bar.
    """
    intervals = intervals or {}
    if unknown := [name for name in intervals if name not in values]:
        raise InputError("intervals for names that have a bar", repr(unknown[0]), hint=f"names are {list(values)[:8]}")
    left = min(160.0, max([20.0, *(svg.width_of(name) for name in values)])) + 10  # 160: a third of the width
    ends = [end for pair in intervals.values() for end in pair]
    x = axis([0, *values.values(), *ends, *([reference[1]] if reference else [])], left, _WIDTH - 60, about=5)
    top = _TITLE + (22 if reference else 6)
    bottom = top + 24 * len(values)
    parts = [_heading(title)]
    for tick in x.ticks:
        parts.append(svg.line((x.at(tick), top), (x.at(tick), bottom)))
        parts.append(svg.text(x.at(tick), bottom + 16, x.text(tick), "middle", svg.MUTED))
    rows = [_bar(*item, intervals.get(item[0]), x, top + 24 * index) for index, item in enumerate(values.items())]
    parts += [shape for shapes, _ in rows for shape in shapes]
    if not values:
        parts.append(svg.text(left, top, "no data", fill=svg.MUTED))
    if reference:
        parts += _reference(*reference, x, (top, bottom))
    parts += [words for _, words in rows]  # last, so that no line crosses a number
    parts.append(svg.text(_WIDTH - 60, bottom + 34, x_label, "end", svg.MUTED))
    label = f"{title}. Bar chart of {x_label}. " + "; ".join(f"{name}: {number_text(v)}" for name, v in values.items())
    return svg.drawing((_WIDTH, bottom + 40), label, "bars", parts)


def matrix_chart(matrix: NDArray[Any], names: Sequence[str], title: str) -> str:
    """The confusion matrix as SVG: rows are the truth, columns the prediction, each row shaded by its shares.

    Takes counts (K, K), none negative. The diagonal is blue, errors are orange; up to 12 classes show their
    percentages, and every cell tells its count when a pointer rests on it. A row without pixels is empty, its shares
    "n/a".

    Raises:
        InputError: the matrix is not (K, K) for K names, or holds negative or non-finite counts.
    """
    size, parts = draw_matrix(matrix, names, top=_TITLE)
    right = sum(float(matrix[index, index]) for index in range(len(names)))
    share = right / float(matrix.sum()) if matrix.sum() else float("nan")
    label = (
        f"{title}. Confusion matrix of {len(names)} classes, truth by prediction. On the diagonal: {_percent(share)}"
    )
    kind = "matrix" if len(names) <= MOST_WITH_NUMBERS else "matrix crowded"
    return svg.drawing(size, label, kind, [_heading(title), *parts])


def _percent(share: float) -> str:
    return "n/a" if math.isnan(share) else f"{share:.1%}"


def _heading(title: str) -> str:
    return svg.text(0, 14, svg.fitting(title, _WIDTH, 14), size=14, extra=' font-weight="600"', tip=title)


def _look(index: int) -> tuple[str, str]:
    dash = _DASHES[index % len(_DASHES)]
    return _COLOURS[index % len(_COLOURS)], f' stroke-dasharray="{dash}"' if dash else ""


def _key(points: Mapping[str, Sequence[Point]], top: Number) -> tuple[list[str], float]:
    """Which line is which, in as many rows as needed, and the height of that."""
    parts: list[str] = []
    x, row = 0.0, 0
    for index, (name, line) in enumerate(points.items()):
        words = svg.fitting(name, _WIDTH / 2) + ("" if line else " (no data)")
        wide = 32 + svg.width_of(words) + 16
        if x and x + wide > _WIDTH:
            x, row = 0.0, row + 1
        y = top + 14 + 18 * row
        colour, dash = _look(index)
        parts.append(svg.line((x, y - 4), (x + 26, y - 4), colour, f' stroke-width="2"{dash}'))
        parts.append(svg.text(x + 32, y, words, tip=name))
        x += wide
    return parts, 18.0 * (row + 1) if points else 0.0


def _curve(name: str, line: Sequence[Point], axes: tuple[Axis, Axis], index: int) -> str:
    """The line, broken where a value is missing; a value alone between gaps becomes a dot."""
    colour, dash = _look(index)
    steps, dots, drawing = [], [], False
    drawn = [all(map(drawable, point)) for point in line]
    for place, point in enumerate(line):
        if drawn[place]:
            x, y = axes[0].at(point[0]), axes[1].at(point[1])
            steps.append(f"{'L' if drawing else 'M'}{x:.1f} {y:.1f}")
            alone = not drawing and not (place + 1 < len(line) and drawn[place + 1])
            if alone or len(line) <= _FEW:
                tip = svg.escaped(f"{name}: {number_text(point[1])} at {number_text(point[0])}")
                dots.append(
                    f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" style="fill:{colour}"><title>{tip}</title></circle>'
                )
        drawing = drawn[place]
    look = f'fill="none" style="stroke:{colour}" stroke-width="2" stroke-linejoin="round"{dash}'
    path = f'<path d="{"".join(steps)}" {look}/>'
    return (path if steps else "") + "".join(dots)


def _reference(name: str, value: Number, x: Axis, ends: tuple[Number, Number]) -> list[str]:
    """The dashed line across all bars, and its name above; without a value only the name."""
    words = f"{name} {number_text(value)}"
    half = svg.width_of(words) / 2
    place = x.at(value) if drawable(value) else x.start
    parts = [svg.text(max(half, min(place, _WIDTH - half)), ends[0] - 8, words, "middle")]
    if drawable(value):
        look = ' stroke-dasharray="4 3" class="reference"'
        parts.append(svg.line((place, ends[0] - 4), (place, ends[1]), svg.INK, look))
    return parts


def _bar(
    name: str, value: Number, interval: tuple[Number, Number] | None, x: Axis, top: Number
) -> tuple[list[str], str]:
    """The shapes of one row (name, bar, whiskers) and its number."""
    zero, words, end = x.at(0), number_text(value), x.at(0)
    parts = [svg.text(x.start - 10, top + 16, svg.fitting(name, x.start - 10), "end", tip=name)]
    if drawable(value):
        left, right = sorted((zero, x.at(value)))
        end = right
        tip = f"{name}: {words}"
        parts.append(svg.rect((left, top + 4), (right - left, 16), _COLOURS[0], ' class="bar"', tip))
    if interval and all(map(drawable, interval)):
        low, high = x.at(interval[0]), x.at(interval[1])
        ink = ' stroke-width="1.5" class="interval"'
        parts.append(svg.line((low, top + 12), (high, top + 12), svg.INK, ink))
        parts += [svg.line((end_, top + 8), (end_, top + 16), svg.INK, ink) for end_ in (low, high)]
        end = max(end, high)
    ink = svg.MUTED if words == "n/a" else svg.INK
    return parts, svg.text(end + 6, top + 16, words, fill=ink, extra=svg.HALO)

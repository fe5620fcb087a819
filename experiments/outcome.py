"""What an experiment leaves behind: a table of every single figure, a chart, and lines that say what they amount to."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.intervals import Interval, paired, t_interval, verdict
from pixelwise.drawing import bar_chart
from pixelwise.files import write_text


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes rows as CSV, the first one's names as the header; makes the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
    print(f"wrote {path}")


def write_chart(path: Path, svg: str) -> None:
    """Writes an SVG chart as a file of its own; makes the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Charts are made to stand inside a page; a file of its own must say what it is.
    named = svg if "xmlns=" in svg else svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    write_text(path, named)
    print(f"wrote {path}")


def compared(
    out: Path, name: str, measure: str, values: Mapping[str, Sequence[float]], claims: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Interval]:
    """Prints each contestant's mean and each claimed gain with its interval; writes the table and a chart.

    Args:
        out: folder.
        name: of the experiment, and of its files.
        measure: what is measured, such as "mean IoU".
        values: per contestant one value per seed, in the same order of seeds.
        claims: pairs (better, worse) by name.
    """
    rows = [
        {"contestant": who, "seed": seed, measure: value}
        for who, line in values.items()
        for seed, value in enumerate(line)
    ]
    write_table(out / f"{name}.csv", rows)
    means = {who: t_interval(line) for who, line in values.items()}
    ends = {who: (found.low, found.high) for who, found in means.items() if found.count > 1}
    chart = bar_chart({who: found.mean for who, found in means.items()}, name, measure, intervals=ends)
    write_chart(out / f"{name}.svg", chart)
    for who, found in means.items():
        print(f"{who:34} {measure} {found}")
    gains = {}
    for better, worse in claims:
        gains[better, worse] = paired(values[better], values[worse])
        print(f"{better} over {worse}: {gains[better, worse]}; the claim {verdict(gains[better, worse])}")
    return gains

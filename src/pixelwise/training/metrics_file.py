"""metrics.csv, the figures of a run epoch by epoch: reading and writing."""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

from pixelwise.files import write_text

Row = dict[str, float]
"""One epoch: column names and values; a figure that was not measured is missing or NaN."""


def read_rows(path: Path) -> list[Row]:
    """The rows of a metrics.csv; none where there is no file yet. Empty cells are NaN."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [{name: float(cell) if cell else math.nan for name, cell in row.items()} for row in csv.DictReader(file)]


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Writes the rows, whole or not at all; columns come in the order in which they first occur."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    write_text(path, text.getvalue())


def _cell(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.10g}"

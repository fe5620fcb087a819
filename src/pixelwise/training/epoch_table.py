"""metrics.csv: one row for each epoch, also across resumed runs (Lightning's own CSV logger starts an empty file then)."""

import csv
import io
import math
import time
from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as lightning
from lightning.pytorch.callbacks import Callback

from pixelwise.files import write_text

Row = dict[str, float]


def read_rows(path: Path) -> list[Row]:
    """The rows of a metrics.csv; none where there is no file yet. Empty cells are NaN."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [{name: float(cell) if cell else math.nan for name, cell in row.items()} for row in csv.DictReader(file)]


class EpochTable(Callback):
    """Writes the file anew after each epoch, and tells a listener about the row."""

    def __init__(self, path: Path, resumed_epoch: int, report: Callable[[Row], None] | None) -> None:
        self._path = path
        self._report = report
        self._rows = [row for row in read_rows(path) if row["epoch"] <= resumed_epoch]
        self._started = 0.0

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Starts the clock."""
        self._started = time.perf_counter()

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Adds the row of this epoch; epochs count from 1."""
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        row: Row = {"epoch": trainer.current_epoch + 1, "step": trainer.global_step, "learning_rate": rate}
        row |= {name: float(value) for name, value in sorted(trainer.callback_metrics.items())}
        row["seconds"] = round(time.perf_counter() - self._started, 3)
        self._rows.append(row)
        columns = list(dict.fromkeys(name for each in self._rows for name in each))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in each.items()} for each in self._rows)
        write_text(self._path, text.getvalue())
        if self._report is not None:
            self._report(row)


def _cell(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.10g}"

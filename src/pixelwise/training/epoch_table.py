"""Keeps metrics.csv during training, also across resumed runs, where Lightning's own CSV logger starts anew."""

import time
from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as lightning
from lightning.pytorch.callbacks import Callback

from pixelwise.training.metrics_file import Row, read_rows, write_rows


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
        row: Row = {"epoch": trainer.current_epoch + 1.0, "step": float(trainer.global_step), "learning_rate": rate}
        row |= {name: float(value) for name, value in sorted(trainer.callback_metrics.items())}
        if (trainer.current_epoch + 1) % (trainer.check_val_every_n_epoch or 1):
            # Lightning goes on giving what it was told last.
            row = {name: value for name, value in row.items() if not name.startswith("val_")}
        row["seconds"] = round(time.perf_counter() - self._started, 3)
        self._rows.append(row)
        write_rows(self._path, self._rows)
        if self._report is not None:
            self._report(row)

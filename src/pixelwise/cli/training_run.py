"""What training any task has in common on the command line: settings given, progress, an interrupt."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pixelwise.cli.screen import note, progress_bar
from pixelwise.errors import InputError
from pixelwise.training import Listener, Run, train
from pixelwise.training.metrics_file import read_rows

SHOWN = {
    "val_epe": "val EPE",
    "val_epe_of_no_motion": "(no motion)",
    "val_mean_iou": "val mean IoU",
    "val_worst_group_iou": "worst group",
    "val_ap50": "val AP50",
    "val_mask_ap50": "val mask AP50",
}
"""Scores on validation images that are told of an epoch, and how they are called."""


def run_training(task: str, data: Path, out: Path, given: dict[str, Any], **where: Any) -> Run:
    """Trains with the settings that were given, showing progress.

    Args:
        task: what to train.
        data: the folder.
        out: the run folder.
        given: settings by name; those that are None were left away.
        where: the other arguments of `pixelwise.train`.

    Raises:
        InputError: as `pixelwise.train`.
        KeyboardInterrupt: stopped; says how to go on.
    """
    settings = {name: value for name, value in given.items() if value is not None}
    try:
        with progress_bar("examining") as examined:
            return train(task, data, out=out, listener=Listener(note, examined, show_epoch), **where, **settings)
    except KeyboardInterrupt as stopped:
        raise KeyboardInterrupt(where_it_stopped(task, data, out)) from stopped


def model_settings_of(given: dict[str, Any], assigned: Sequence[str]) -> dict[str, Any] | None:
    """The model's settings by name, or None without any.

    Args:
        given: those with options of their own; None was left away.
        assigned: texts NAME=VALUE; a value is what JSON reads in it, else the text.

    Raises:
        InputError: an assignment without a name, or a name given twice.
    """
    values = {name: value for name, value in given.items() if value is not None}
    for each in assigned:
        name, equals, text = each.partition("=")
        if not name or not equals:
            raise InputError("--set NAME=VALUE", repr(each), "such as --set upsampling=bilinear")
        if name in values:
            raise InputError("each setting of the model once", f"{name} twice", f"keep one of the values of {name}")
        try:
            values[name] = json.loads(text)
        except (ValueError, RecursionError):
            values[name] = text
    return values or None


def where_it_stopped(task: str, data: Path, out: Path) -> str:
    """What an interrupted run has finished, and the command that continues it."""
    if not (out / "run.json").is_file():
        return "interrupted before the first epoch; nothing was written\nhint: run it again"
    done = max((row["epoch"] for row in read_rows(out / "metrics.csv")), default=0)
    command = shlex.join(["pixelwise", "train", task, str(data), "--out", str(out), "--resume"])
    return f"interrupted; {done:.0f} epochs are finished and kept in {out}\nhint: continue with {command}"


def show_epoch(row: dict[str, float]) -> None:
    """One line for each finished epoch."""
    parts = [f"epoch {row['epoch']:.0f}", f"loss {row.get('loss', float('nan')):.4f}"]
    if "val_loss" in row:
        parts.append(f"val loss {row['val_loss']:.4f}")
    parts += [f"{label} {row[name]:.4f}" for name, label in SHOWN.items() if name in row]
    note("  ".join([*parts, f"{row['seconds']:.1f} s"]))

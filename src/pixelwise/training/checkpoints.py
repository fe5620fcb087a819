"""Checkpoints of a run: written by Lightning, found and read here, as data only: no pickled code is run."""

import pickle
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint

from pixelwise.errors import InputError

MONITORED = "val_mean_iou"


def checkpoint_callbacks(run: Path, validates: bool) -> list[Callback]:
    """Callbacks that keep the last two epochs (should one be damaged, the other continues the run) and the best one."""
    folder = run / "checkpoints"
    last = ModelCheckpoint(
        folder,
        filename="epoch-{epoch:05d}",
        monitor="epoch",
        mode="max",
        save_top_k=2,
        auto_insert_metric_name=False,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )
    if not validates:
        return [last]
    best = ModelCheckpoint(folder, filename="best", monitor=MONITORED, mode="max", enable_version_counter=False)
    return [best, last]


def newest_checkpoint(run: Path) -> Path | None:
    """The checkpoint of the last finished epoch that can be read, or None where training must start over."""
    for path in sorted((run / "checkpoints").glob("epoch-*.ckpt"), reverse=True):
        try:
            read_checkpoint(path)
        except InputError:
            continue
        return path
    return None


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint, tensors and plain values only.

    Raises:
        InputError: the file is missing, damaged, or holds anything else.
    """
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, ValueError) as error:
        raise InputError(
            f"a checkpoint at {path}", f"{type(error).__name__}: {str(error)[:200]}", "delete it and use --resume again"
        ) from error
    return content


def weights_in(path: Path) -> dict[str, torch.Tensor]:
    """The network's weights in a checkpoint, by the names they have in model.safetensors."""
    prefix = "model.model."
    state = read_checkpoint(path)["state_dict"]
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}

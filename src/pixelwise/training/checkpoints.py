"""Checkpoints of a run: written whole or not at all, and read as data only: no pickled code is run."""

import io
import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
import torch
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO

from pixelwise.errors import InputError
from pixelwise.files import write_bytes

KEPT = 2
"""Epochs kept: should the newest file be damaged, the one before continues the run."""

BEST = "best.ckpt"
PARTS = ("epoch", "state_dict", "optimizer_states", "lr_schedulers", "loops")
"""What a checkpoint must hold to continue from; Lightning writes it all."""


class WholeCheckpoints(TorchCheckpointIO):
    """Lightning's reading and writing of checkpoints, but a file appears under its name only when it is complete.

    Lightning itself writes to the system's temporary folder first and then copies, where a stop leaves half a file.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Writes one checkpoint.

        Raises:
            OSError: the disk is full; writing from memory keeps the system's own error, which torch.save hides.
        """
        content = io.BytesIO()
        torch.save(checkpoint, content)
        write_bytes(Path(path), content.getvalue())


class EpochCheckpoints(Checkpoint):
    """Keeps the last two epochs, and the one with the best score on validation images as best.ckpt.

    Lightning's ModelCheckpoint forgets which epoch was best when the run folder was moved, because it compares paths.
    """

    def __init__(self, folder: Path, watched: str, lowest: bool = False) -> None:
        """Sets the rules.

        Args:
            folder: where the files go.
            watched: the logged score.
            lowest: whether the lowest score is the best.
        """
        self._folder = folder
        self._watched = watched
        self._sign = -1.0 if lowest else 1.0
        self._best = -math.inf

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Writes the epoch that has just ended, then removes what is too old."""
        score = self._sign * float(trainer.callback_metrics.get(self._watched, math.nan))
        if score > self._best:  # never true for not-a-number: nothing was measured
            self._best = score
            trainer.save_checkpoint(self._folder / BEST)
        trainer.save_checkpoint(self._folder / f"epoch-{trainer.current_epoch:05d}.ckpt")
        for old in sorted(self._folder.glob("epoch-*.ckpt"))[:-KEPT]:
            old.unlink()

    def state_dict(self) -> dict[str, float]:
        """What a checkpoint keeps of this: the best score so far."""
        return {"best": self._best}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """Takes the best score from a checkpoint."""
        self._best = state_dict["best"]


def newest_checkpoint(run: Path, note: Callable[[str], None] = lambda _: None) -> Path | None:
    """The checkpoint of the last finished epoch that can be read, or None where training must start over.

    Args:
        run: the run folder.
        note: told about each file that cannot be read.
    """
    for path in sorted((run / "checkpoints").glob("epoch-*.ckpt"), reverse=True):
        try:
            read_checkpoint(path)
        except InputError as error:
            note(f"passing over a damaged checkpoint: {path} ({error.got})")
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
        missing = [name for name in PARTS if name not in content]
    # torch.load meets damaged bytes with nearly any exception, depending on where they lie.
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"a checkpoint at {path}", f"{type(error).__name__}: {str(error)[:200]}", "delete it and use --resume again"
        ) from error
    if missing:
        raise InputError(f"a checkpoint at {path}", f"none of {', '.join(missing)}", "delete it and use --resume again")
    return content


def finished_epochs(checkpoint: Path | None) -> int:
    """How many epochs a run had finished at a checkpoint; 0 without one."""
    return 0 if checkpoint is None else int(read_checkpoint(checkpoint)["epoch"]) + 1


def weights_in(path: Path, prefix: str = "model.model.") -> dict[str, torch.Tensor]:
    """The network's weights in a checkpoint, by the names they have in model.safetensors.

    Where a moving average is kept, these are the averaged weights.

    Args:
        path: the checkpoint.
        prefix: what their names begin with, by the task's names of its parts.
    """
    state = read_checkpoint(path)["state_dict"]
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}

"""One training run on Lightning, from built parts: interrupted anywhere, it continues from its last finished epoch."""

import logging
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import lightning.pytorch as lightning
import torch
from lightning.pytorch.callbacks import Callback, TQDMProgressBar, WeightAveraging
from lightning.pytorch.loggers import TensorBoardLogger
from torch.optim.swa_utils import get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset

from pixelwise.training.checkpoints import EpochCheckpoints, WholeCheckpoints, finished_epochs
from pixelwise.training.draws import SeededOrder
from pixelwise.training.epoch_table import EpochTable
from pixelwise.training.learning_task import LearningTask
from pixelwise.training.loop import Loop
from pixelwise.training.metrics_file import Row

PRECISIONS: dict[str, Literal["32-true", "bf16-mixed", "16-mixed"]] = {
    "32": "32-true",
    "bf16": "bf16-mixed",
    "16": "16-mixed",
}


def fit(
    task: LearningTask,
    training: Dataset[Any],
    validation: Dataset[Any],
    run: Path,
    checkpoint: Path | None,
    device: str,
    workers: int,
    report: Callable[[Row], None] | None,
) -> None:
    """Trains the task's network and leaves checkpoints, metrics.csv and TensorBoard events in the run folder.

    Args:
        task: the network with its steps and its loop.
        training: asked for items by (epoch, index), see `SeededOrder`; has a length.
        validation: whole images, given one by one; may be empty.
        run: the run folder.
        checkpoint: where to continue; None starts at the beginning.
        device: "auto", "cpu", "cuda" or another name that Lightning knows.
        workers: processes that read images beside the training process; 0 reads in it.
        report: called with each epoch's row of metrics.csv.

    Raises:
        KeyboardInterrupt: the run was stopped by Ctrl-C or a termination signal.
    """
    loop = task.loop
    epochs = finished_epochs(checkpoint)
    with quiet_lightning():
        trainer = lightning.Trainer(
            accelerator=device,
            devices=1,
            max_epochs=loop.epochs,
            precision=PRECISIONS[loop.precision],
            gradient_clip_val=loop.clip or None,
            check_val_every_n_epoch=loop.validate_every,
            callbacks=_callbacks(loop, run, EpochTable(run / "metrics.csv", epochs, report)),
            plugins=[WholeCheckpoints()],
            logger=TensorBoardLogger(run, name="", version="tensorboard"),
            log_every_n_steps=1,
            enable_model_summary=False,
            enable_progress_bar=sys.stdout.isatty(),
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
        )
        with interrupts_reach_the_caller():
            trainer.fit(
                task,
                seeded_loader(training, loop, workers, epochs),
                DataLoader(validation, batch_size=None, shuffle=False) if length_of(validation) else None,
                ckpt_path=checkpoint,
                weights_only=True,
            )


def seeded_loader(training: Dataset[Any], loop: Loop, workers: int, first_epoch: int = 0) -> DataLoader[object]:
    """Batches of training items in the seeded order of each epoch."""
    return DataLoader(
        training,
        batch_size=loop.batch_size,
        sampler=SeededOrder(length_of(training), loop.seed, first_epoch),
        collate_fn=loop.collate,
        num_workers=workers,
        persistent_workers=workers > 0,
        # The loader draws a number whenever it starts; from torch's own source this would shift dropout's draws.
        generator=torch.Generator(),
    )


def length_of(data: Dataset[Any]) -> int:
    """How many items a data set has; torch's own class does not promise a length."""
    assert isinstance(data, Sized)
    return len(data)


def _callbacks(loop: Loop, run: Path, table: EpochTable) -> list[Callback]:
    callbacks: list[Callback] = [table, EpochCheckpoints(run / "checkpoints", loop.watched, loop.lowest)]
    if loop.ema > 0:
        # This form of the average leaves equal values equal to the last bit; the plain one lets constants drift.
        average = get_ema_multi_avg_fn(loop.ema)  # type: ignore[no-untyped-call]  # torch leaves it unannotated
        callbacks.append(WeightAveraging(multi_avg_fn=average))
    if sys.stdout.isatty():
        callbacks.append(TQDMProgressBar(leave=False))
    return callbacks


@contextmanager
def interrupts_reach_the_caller() -> Iterator[None]:
    """Makes Ctrl-C a KeyboardInterrupt again, which Lightning turns into an exit, and later ones heard again."""
    here = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT) if here else None
    try:
        yield
    except SystemExit as stopped:
        raise KeyboardInterrupt from stopped
    finally:
        if here:
            signal.signal(signal.SIGINT, handler)


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Holds back what Lightning says of its own choices; what concerns the user reaches them through pixelwise."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    with warnings.catch_warnings():
        # Reading in the training process is a choice here, and a run folder that exists is checked before.
        warnings.filterwarnings("ignore", ".*does not have many workers.*")
        # No validation image is a choice too, and the report says so.
        warnings.filterwarnings("ignore", ".*have no `val_dataloader`.*")
        # Two modules that Lightning and TensorBoard import warn about their own future.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=FutureWarning)
        logger.setLevel(logging.WARNING)
        try:
            yield
        finally:
            logger.setLevel(level)

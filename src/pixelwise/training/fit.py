"""One training run on Lightning, from built parts: interrupted anywhere, it continues from its last finished epoch."""

import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import lightning.pytorch as lightning
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging, TQDMProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader

from pixelwise.training.checkpoints import checkpoint_callbacks, newest_checkpoint, read_checkpoint
from pixelwise.training.crops import Crops, WholeImages, collate
from pixelwise.training.draws import SeededOrder
from pixelwise.training.epoch_table import EpochTable
from pixelwise.training.metrics_file import Row
from pixelwise.training.settings import SegmentationSettings
from pixelwise.training.task import SegmentationTask

PRECISIONS: dict[str, Literal["32-true", "bf16-mixed", "16-mixed"]] = {
    "32": "32-true",
    "bf16": "bf16-mixed",
    "16": "16-mixed",
}


def fit(
    task: SegmentationTask,
    crops: Crops,
    validation: WholeImages,
    run: Path,
    device: str,
    workers: int,
    report: Callable[[Row], None] | None,
) -> None:
    """Trains the task's network in place and leaves checkpoints, metrics.csv and TensorBoard events in the run folder.

    Args:
        task: the network with its loss and settings.
        crops: training crops.
        validation: whole images; may be empty.
        run: the run folder; where it holds checkpoints, training continues after the newest.
        device: "auto", "cpu", "cuda" or another name that Lightning knows.
        workers: processes that read images beside the training process; 0 reads in it.
        report: called with each epoch's row of metrics.csv.
    """
    settings = task.settings
    checkpoint = newest_checkpoint(run)
    resumed_epoch = 0 if checkpoint is None else read_checkpoint(checkpoint)["epoch"] + 1
    with quiet_lightning():
        trainer = lightning.Trainer(
            accelerator=device,
            devices=1,
            max_epochs=settings.epochs,
            precision=PRECISIONS[settings.precision],
            callbacks=_callbacks(
                settings, run, len(validation) > 0, EpochTable(run / "metrics.csv", resumed_epoch, report)
            ),
            logger=TensorBoardLogger(run, name="", version="tensorboard"),
            log_every_n_steps=1,
            enable_model_summary=False,
            enable_progress_bar=sys.stdout.isatty(),
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
        )
        trainer.fit(
            task,
            crop_loader(crops, settings, workers),
            DataLoader(validation, batch_size=None, shuffle=False) if len(validation) else None,
            ckpt_path=checkpoint,
            weights_only=True,
        )


def crop_loader(crops: Crops, settings: SegmentationSettings, workers: int) -> DataLoader[object]:
    """Batches of crops in the seeded order of each epoch."""
    return DataLoader(
        crops,
        batch_size=settings.batch_size,
        sampler=SeededOrder(len(crops), settings.seed),
        collate_fn=collate,
        num_workers=workers,
        persistent_workers=workers > 0,
    )


def _callbacks(settings: SegmentationSettings, run: Path, validates: bool, table: EpochTable) -> list[Callback]:
    callbacks = [table, *checkpoint_callbacks(run, validates)]
    if settings.ema > 0:
        callbacks.append(EMAWeightAveraging(decay=settings.ema))
    if sys.stdout.isatty():
        callbacks.append(TQDMProgressBar(leave=False))
    return callbacks


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Holds back what Lightning says of its own choices; what concerns the user reaches them through pixelwise."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    with warnings.catch_warnings():
        # Reading in the training process is a choice here, and a run folder that exists is checked before.
        warnings.filterwarnings("ignore", ".*does not have many workers.*")
        warnings.filterwarnings("ignore", ".*Checkpoint directory .* exists and is not empty.*")
        # Two modules that Lightning and TensorBoard import warn about their own future.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=FutureWarning)
        logger.setLevel(logging.WARNING)
        try:
            yield
        finally:
            logger.setLevel(level)

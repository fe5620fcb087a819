"""Balanced crops with border and boundary losses: a run that was stopped comes out as one that was not."""

from pathlib import Path
from typing import Any

import pytest
import torch

from pixelwise.data.folder import open_folder
from pixelwise.data.transforms import strong
from pixelwise.models import UNet
from pixelwise.models.normalise import Normalised
from pixelwise.training.checkpoints import newest_checkpoint, read_checkpoint
from pixelwise.training.fit import fit
from pixelwise.training.metrics_file import read_rows
from pixelwise.training.segmentation.crops import Crops
from pixelwise.training.segmentation.sampling import count_pixels
from pixelwise.training.segmentation.settings import SegmentationSettings
from pixelwise.training.segmentation.start import training_and_validation
from pixelwise.training.segmentation.task import SegmentationTask

SETTINGS = SegmentationSettings(
    sampling="balanced",
    loss="border_cross_entropy+dice+0.01*boundary",
    augment="strong",
    epochs=2,
    batch_size=7,
    ema=0.9,
    learning_rate=0.01,
)
STEPS = 4  # 28 training images in batches of 7


class Stopped(Exception):  # noqa: N818 - a stop, not an error
    """What ends a run before its time."""


class Stopping(SegmentationTask):
    """Stops before one of its steps."""

    stop_at = -1

    def training_step(self, batch: Any, number: int) -> torch.Tensor:
        if self.global_step == self.stop_at:
            raise Stopped
        return super().training_step(batch, number)


def trained(data: Path, run: Path, workers: int = 0, stop_at: int = -1, maps_from_crops: bool = True) -> Path:
    """Trains, or continues where the run has a checkpoint, as `pixelwise.train` does it."""
    folder = open_folder(data)
    training, validation = training_and_validation(folder, SETTINGS)
    classes = folder.classes.names
    pixels = count_pixels((training.labels(index) for index in range(len(training))), len(classes))
    loss = SETTINGS.loss if maps_from_crops else "cross_entropy"
    crops = Crops(training, strong((32, 32)), 1, SETTINGS.seed, loss, pixels)
    torch.manual_seed(SETTINGS.seed)
    network = UNet(len(classes), width=4, depth=2, dropout=0.3)
    task = Stopping(
        Normalised(network, (0.5,) * 3, (0.2,) * 3), SETTINGS, classes, torch.ones(len(classes)), 2 * STEPS, "1GB"
    )
    task.stop_at = stop_at
    fit(task, crops, validation, run, newest_checkpoint(run), "cpu", workers, None)
    return run


def outcome(run: Path) -> tuple[dict[str, torch.Tensor], list[dict[str, float]]]:
    newest = newest_checkpoint(run)
    assert newest is not None
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in read_rows(run / "metrics.csv")]
    return read_checkpoint(newest)["state_dict"], rows


def assert_same(one: Path, other: Path) -> None:
    (weights, rows), (others, other_rows) = outcome(one), outcome(other)
    assert weights.keys() == others.keys()
    assert all(torch.equal(weights[name], others[name]) for name in weights)
    assert rows == other_rows
    assert len(rows) == SETTINGS.epochs


@pytest.fixture(scope="module")
def unbroken(pasture_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(pasture_folder, tmp_path_factory.mktemp("unbroken"))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_run_stopped_within_its_second_epoch_comes_out_bit_by_bit(
    pasture_folder: Path, unbroken: Path, tmp_path: Path, workers: int
) -> None:
    with pytest.raises(Stopped):
        trained(pasture_folder, tmp_path, workers, stop_at=STEPS + 2)
    assert_same(trained(pasture_folder, tmp_path, workers), unbroken)


def test_maps_made_by_the_readers_or_by_the_training_step_are_the_same(
    pasture_folder: Path, unbroken: Path, tmp_path: Path
) -> None:
    assert_same(trained(pasture_folder, tmp_path, maps_from_crops=False), unbroken)

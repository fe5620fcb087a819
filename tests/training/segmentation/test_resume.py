"""A run that was stopped comes out as one that was not."""

import csv
import shutil
import signal
from pathlib import Path

import pytest
import torch

from pixelwise.errors import InputError
from pixelwise.inference.run_folder import read_record
from pixelwise.training import train
from pixelwise.training.checkpoints import newest_checkpoint, read_checkpoint
from references.separate_processes import pixelwise, run_python, stopped_training

# Everything that draws or keeps state: dropout, strong augmentation, a moving average, momentum, a schedule.
OPTIONS = {
    "model_settings": {"width": 4, "depth": 2, "dropout": 0.3},
    "crop": 32,
    "epochs": 3,
    "batch_size": 7,
    "augment": "strong",
    "turns": True,
    "ema": 0.9,
    "keep": "last",
    "learning_rate": 0.01,
    "schedule": "poly",
    "class_weights": "balanced",
}
STEPS = 4  # 28 training images in batches of 7
PROGRAM = f"""
import sys
from pixelwise.training import train
train("segmentation", sys.argv[1], out=sys.argv[2], workers=int(sys.argv[3]), resume=sys.argv[4] == "resume",
      **({{}} if sys.argv[4] == "resume" else {OPTIONS!r}))
"""
KILLED = (
    """
import os, signal, sys
from pixelwise.training.segmentation.task import SegmentationTask
step = SegmentationTask.training_step
def stop(self, batch, number):
    if self.global_step == int(sys.argv[5]):
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, batch, number)
SegmentationTask.training_step = stop
"""
    + PROGRAM
)


def rows_without_seconds(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open(newline="") as file:
        return [{name: cell for name, cell in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def assert_same_run(one: Path, other: Path) -> None:
    assert (one / "model.safetensors").read_bytes() == (other / "model.safetensors").read_bytes()
    assert rows_without_seconds(one) == rows_without_seconds(other)
    best, others = (read_checkpoint(run / "checkpoints" / "best.ckpt")["state_dict"] for run in (one, other))
    assert all(torch.equal(best[name], others[name]) for name in best)


@pytest.fixture(scope="module")
def unbroken(pasture_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("unbroken") / "run"
    done = run_python(PROGRAM, pasture_folder, run, 0, "new")
    assert done.returncode == 0, done.stderr
    return run


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_killed_within_its_second_epoch_comes_out_bit_by_bit(
    pasture_folder: Path, unbroken: Path, tmp_path: Path, workers: int
) -> None:
    run = tmp_path / "run"
    killed = run_python(KILLED, pasture_folder, run, workers, "new", STEPS + 2)
    assert killed.returncode == -signal.SIGKILL
    assert [path.name for path in (run / "checkpoints").glob("epoch-*")] == ["epoch-00000.ckpt"]
    resumed = run_python(PROGRAM, pasture_folder, run, workers, "resume")
    assert resumed.returncode == 0, resumed.stderr
    assert_same_run(run, unbroken)


def test_a_run_killed_before_its_first_checkpoint_starts_over_also_in_another_place(
    pasture_folder: Path, unbroken: Path, tmp_path: Path
) -> None:
    killed = run_python(KILLED, pasture_folder, tmp_path / "run", 0, "new", 2)
    assert killed.returncode == -signal.SIGKILL
    shutil.move(tmp_path / "run", tmp_path / "moved")
    train("segmentation", pasture_folder, out=tmp_path / "moved", resume=True)
    assert_same_run(tmp_path / "moved", unbroken)


def unfinish(run: Path, without: int) -> None:
    """Takes a finished run back to where it had `without` epochs less and no weights."""
    (run / "model.safetensors").unlink()
    (run / "report.html").unlink()
    record = (run / "run.json").read_text()
    (run / "run.json").write_text(record.replace('"finished": true', '"finished": false'))
    for path in sorted((run / "checkpoints").glob("epoch-*"), reverse=True)[:without]:
        path.unlink()


def test_a_run_stopped_after_its_last_epoch_keeps_its_average(
    pasture_folder: Path, unbroken: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(unbroken, tmp_path / "run")
    unfinish(run, without=0)
    train("segmentation", pasture_folder, out=run, resume=True)
    assert_same_run(run, unbroken)
    assert read_record(run).finished


def test_a_damaged_newest_checkpoint_is_passed_over(pasture_folder: Path, unbroken: Path, tmp_path: Path) -> None:
    run = shutil.copytree(unbroken, tmp_path / "run")
    unfinish(run, without=0)
    newest = run / "checkpoints" / "epoch-00002.ckpt"
    newest.write_bytes(newest.read_bytes()[:5000])
    assert newest_checkpoint(run) == run / "checkpoints" / "epoch-00001.ckpt"
    done = pixelwise("train", "segmentation", pasture_folder, "--out", run, "--resume")
    assert done.returncode == 0, done.stderr
    assert f"passing over a damaged checkpoint: {newest}" in done.stdout
    assert "continuing after epoch 2 of 3" in done.stdout
    assert_same_run(run, unbroken)


class Trap:
    """Unpickled as anything but data, it makes a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.mark,)


def test_a_checkpoint_with_a_program_in_it_is_refused_and_not_run(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints" / "epoch-00000.ckpt"
    path.parent.mkdir()
    torch.save({"epoch": 0, "state_dict": Trap(tmp_path / "ran")}, path)
    with pytest.raises(InputError, match=r"wanted a checkpoint at .*UnpicklingError[\s\S]*hint: delete it"):
        read_checkpoint(path)
    assert newest_checkpoint(tmp_path) is None
    assert not (tmp_path / "ran").exists()


def test_a_file_that_holds_something_else_is_no_checkpoint(tmp_path: Path) -> None:
    torch.save({"epoch": 0}, tmp_path / "one.ckpt")
    with pytest.raises(InputError, match="none of state_dict, optimizer_states"):
        read_checkpoint(tmp_path / "one.ckpt")
    torch.save([1, 2], tmp_path / "list.ckpt")
    with pytest.raises(InputError, match="none of epoch"):
        read_checkpoint(tmp_path / "list.ckpt")


def test_a_checkpoint_of_another_network_is_named(pasture_folder: Path, unbroken: Path, tmp_path: Path) -> None:
    run = shutil.copytree(unbroken, tmp_path / "run")
    unfinish(run, without=0)
    record = (run / "run.json").read_text()
    (run / "run.json").write_text(record.replace('"width": 4', '"width": 5'))
    with pytest.raises(InputError, match=r"tensors of this network in .*epoch-00002.ckpt"):
        train("segmentation", pasture_folder, out=run, resume=True)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"epochs": 5, "seed": 0}, "epochs 3 -> 5"),
        ({"model_settings": {"width": 8}}, "width 4 -> 8"),
        ({"model": "unet_paper"}, "model 'unet' -> 'unet_paper'"),
    ],
)
def test_other_settings_are_refused(
    pasture_folder: Path, unbroken: Path, tmp_path: Path, given: dict[str, object], text: str
) -> None:
    run = shutil.copytree(unbroken, tmp_path / "run")
    unfinish(run, without=1)
    with pytest.raises(InputError, match=f"the settings the run was started with, got {text}\nhint: leave these"):
        train("segmentation", pasture_folder, out=run, resume=True, **given)


def test_other_data_and_other_classes_are_refused(pasture_folder: Path, unbroken: Path, tmp_path: Path) -> None:
    run = shutil.copytree(unbroken, tmp_path / "run")
    unfinish(run, without=1)
    data = shutil.copytree(pasture_folder, tmp_path / "data")
    classes = data / "classes.txt"
    classes.write_text(classes.read_text().replace("cow", "ox"))
    with pytest.raises(InputError, match=r"the classes the run was started with \(0 background, 1 cow"):
        train("segmentation", data, out=run, resume=True)
    splits = data / "splits.csv"
    splits.write_text(splits.read_text().replace("test", "train", 1))
    with pytest.raises(InputError, match=r"the data the run was started on \(data\), got other files or another split"):
        train("segmentation", data, out=run, resume=True)


def test_a_finished_run_and_no_run_are_refused(pasture_folder: Path, unbroken: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"got .*, which has finished\nhint: pixelwise evaluate"):
        train("segmentation", pasture_folder, out=unbroken, resume=True)
    with pytest.raises(InputError, match=r"wanted a run folder with run.json, got none at"):
        train("segmentation", pasture_folder, out=tmp_path / "none", resume=True)


def test_an_interrupt_tells_how_to_continue_and_later_options_are_remembered(
    pasture_folder: Path, tmp_path: Path
) -> None:
    classes, splits = tmp_path / "names.txt", tmp_path / "parts.csv"
    shutil.copy(pasture_folder / "classes.txt", classes)
    shutil.copy(pasture_folder / "splits.csv", splits)
    data = shutil.copytree(pasture_folder, tmp_path / "my data")
    (data / "classes.txt").unlink()
    (data / "splits.csv").unlink()
    run = tmp_path / "run"
    command = ["train", "segmentation", data, "--out", run]
    options = ["--classes", classes, "--splits", splits, "--width", 4, "--depth", 2, "--crop", 32, "--epochs", 2]
    stopped = stopped_training(5, signal.SIGINT, *command, *options)
    assert stopped.returncode == 1
    assert "Traceback" not in stopped.stderr
    assert f"interrupted; 1 epochs are finished and kept in {run}" in stopped.stderr
    assert f"hint: continue with pixelwise train segmentation '{data}' --out {run} --resume" in stopped.stderr
    resumed = pixelwise(*command, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert "continuing after epoch 1 of 2" in resumed.stdout
    assert [row["epoch"] for row in rows_without_seconds(run)] == ["1", "2"]

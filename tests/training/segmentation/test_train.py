"""What a training run does, refuses and leaves behind."""

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pixelwise.data.folder import open_folder
from pixelwise.data.pasture import Knobs, write_folder
from pixelwise.errors import InputError
from pixelwise.inference import load
from pixelwise.training import Listener, SegmentationSettings, checkpoints, train
from pixelwise.training.metrics_file import read_rows, write_rows
from pixelwise.training.segmentation.class_weights import balanced_weights
from pixelwise.training.segmentation.start import training_and_validation
from pixelwise.training.segmentation.task import SegmentationTask
from references.sample_folders import put_labels, put_pairs
from references.separate_processes import run_python

Settings = dict[str, Any]


def weights(run: Path) -> bytes:
    return (run / "model.safetensors").read_bytes()


def test_one_seed_gives_one_result_and_another_seed_another(
    pasture_folder: Path, tmp_path: Path, tiny: Settings
) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        torch.manual_seed(seed * 7 + len(name))  # what was drawn before must not matter
        torch.rand(ord(name))
        train("segmentation", pasture_folder, out=tmp_path / name, seed=seed, augment="strong", **tiny)
    assert weights(tmp_path / "a") == weights(tmp_path / "b")
    assert weights(tmp_path / "a") != weights(tmp_path / "c")


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "sgd", "schedule": "constant", "loss": "dice"},
        {"optimizer": "rmsprop", "schedule": "poly", "loss": "cross_entropy+dice", "class_weights": "balanced"},
        {"optimizer": "adam", "schedule": "cosine", "augment": "none", "turns": True, "precision": "bf16"},
    ],
    ids=["sgd", "rmsprop", "adam"],
)
def test_every_choice_trains(pasture_folder: Path, tmp_path: Path, tiny: Settings, settings: Settings) -> None:
    run = train("segmentation", pasture_folder, out=tmp_path / "run", **tiny, **settings)
    assert run.scores is not None
    assert 0 <= run.scores.mean_iou <= 1
    assert read_rows(tmp_path / "run" / "metrics.csv")[0]["loss"] > 0
    assert run.predictor().record.settings["optimizer"] == settings["optimizer"]


def test_a_short_training_beats_guessing_clearly(tmp_path: Path) -> None:
    write_folder(tmp_path / "data", Knobs(size=(48, 48), scale=(0.5, 0.8), objects=(1, 1)), images=60, seed=0)
    (tmp_path / "classes.txt").write_text("0 background\n1-4 animal\n")
    run = train(
        "segmentation",
        tmp_path / "data",
        out=tmp_path / "run",
        classes=tmp_path / "classes.txt",
        model_settings={"width": 8, "depth": 3},
        crop=48,
        epochs=8,
        learning_rate=0.01,
        batch_size=4,
    )
    assert run.scores is not None
    # Seeds 0, 1 and 2 reach 0.79, 0.68 and 0.80; background everywhere has 0.41.
    assert run.scores.mean_iou > run.scores.majority_mean_iou + 0.15
    losses = [row["loss"] for row in read_rows(tmp_path / "run" / "metrics.csv")]
    assert losses[-1] < 0.8 * losses[0]


def test_a_run_folder_holds_what_it_promises(trained_run: Path) -> None:
    record = json.loads((trained_run / "run.json").read_text())
    assert record["format"] == 1
    assert record["finished"] is True
    assert set(record["versions"]) == {"python", "pixelwise", "torch", "lightning", "numpy"}
    assert [row["epoch"] for row in read_rows(trained_run / "metrics.csv")] == [1, 2]
    assert "validation" in (trained_run / "report.html").read_text()
    events = EventAccumulator(str(trained_run / "tensorboard")).Reload()
    assert {"loss", "val_mean_iou", "val_iou/cow"} <= set(events.Tags()["scalars"])
    assert not list(trained_run.rglob(".part-*"))


def test_batch_normalisation_learns_in_training_and_rests_in_validation(
    pasture_folder: Path, tmp_path: Path, tiny: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: dict[str, set[bool]] = {"training_step": set(), "validation_step": set()}
    for name, seen in modes.items():
        step: Callable[..., Any] = getattr(SegmentationTask, name)

        def watched(self: Any, *batch: Any, step: Any = step, seen: set[bool] = seen) -> Any:
            seen.add(all(part.training for part in self.model.modules()))
            return step(self, *batch)

        monkeypatch.setattr(SegmentationTask, name, watched)
    run = train("segmentation", pasture_folder, out=tmp_path / "run", **(tiny | {"epochs": 2}))
    assert modes == {"training_step": {True}, "validation_step": {False}}
    means = [tensor for name, tensor in run.predictor().model.state_dict().items() if "running_mean" in name]
    assert means
    assert all(bool((mean != 0).any()) for mean in means)


@pytest.mark.parametrize(("holdout", "images", "held"), [(0.25, 8, 2), (0.0, 8, 0), (0.2, 1, 0), (0.9, 2, 1)])
def test_without_a_val_split_a_share_is_held_out(tmp_path: Path, holdout: float, images: int, held: int) -> None:
    put_pairs(tmp_path / "images", tmp_path / "labels", " ".join(f"i{number}" for number in range(images)))
    folder = open_folder(tmp_path)
    training, validation = training_and_validation(folder, SegmentationSettings(holdout=holdout))
    assert (len(training), len(validation)) == (images - held, held)
    assert {item.name for item in (*training.items, *validation.items)} == {item.name for item in folder.items}


def test_one_image_smaller_than_the_crop_trains_without_validation(tmp_path: Path, tiny: Settings) -> None:
    put_pairs(tmp_path / "data" / "images", tmp_path / "data" / "labels", "only")
    run = train("segmentation", tmp_path / "data", out=tmp_path / "run", crops_per_image=3, **(tiny | {"crop": 48}))
    assert run.scores is None
    assert "No image was held out" in (tmp_path / "run" / "report.html").read_text()
    assert load(tmp_path / "run").predict(tmp_path / "data" / "images" / "only.png").labels.shape == (12, 16)


def test_grey_images_of_16_bits_and_the_papers_valid_network_train(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        file = tmp_path / "data" / "images" / f"{name}.tif"
        file.parent.mkdir(parents=True, exist_ok=True)
        deep = np.random.default_rng(ord(name)).integers(0, 65536, (40, 50), np.uint16)
        tifffile.imwrite(file, deep, photometric="minisblack")
        put_labels(tmp_path / "data" / "labels" / f"{name}.png", height=40, width=50)
    small = {"model_settings": {"width": 2, "depth": 2}, "crop": 40, "epochs": 1}
    run = train("segmentation", tmp_path / "data", out=tmp_path / "run", model="unet_paper", **small)
    assert run.scores is not None
    assert int(run.scores.confusion.sum()) == 40 * 50  # one image is held out; each of its pixels is scored
    assert 0.4 < run.predictor().record.mean[0] < 0.6


def test_a_large_validation_image_is_scored_without_its_loss(
    pasture_folder: Path, tmp_path: Path, tiny: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    train("segmentation", pasture_folder, out=tmp_path / "all", **tiny)
    built = SegmentationTask.__init__

    def poor(self: SegmentationTask, *parts: Any) -> None:
        built(self, *parts)
        self.budget = 64 * 64 * 5 * 4 - 1  # a byte less than the scores of one image

    monkeypatch.setattr(SegmentationTask, "__init__", poor)
    train("segmentation", pasture_folder, out=tmp_path / "poor", **tiny)
    (full,), (spared,) = (read_rows(tmp_path / name / "metrics.csv") for name in ("all", "poor"))
    assert "val_loss" not in spared
    assert full["val_mean_iou"] == spared["val_mean_iou"]
    assert weights(tmp_path / "all") == weights(tmp_path / "poor")


def test_a_loss_that_is_not_finite_names_the_files(
    pasture_folder: Path, tmp_path: Path, tiny: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(self: SegmentationTask, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return scores.sum() * torch.nan

    monkeypatch.setattr(SegmentationTask, "loss", nowhere)
    with pytest.raises(InputError, match=r"got nan in epoch 1 on (\d{6}\.png, ){6}\d{6}\.png\nhint: lower"):
        train("segmentation", pasture_folder, out=tmp_path / "run", **tiny)
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_weights_that_are_not_finite_are_not_kept(
    pasture_folder: Path, tmp_path: Path, tiny: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = SegmentationTask.validation_step

    def spoil(self: SegmentationTask, whole: Any, number: int) -> None:
        step(self, whole, number)
        next(self.model.parameters()).data.fill_(torch.inf)

    monkeypatch.setattr(SegmentationTask, "validation_step", spoil)
    with pytest.raises(InputError, match=r"wanted finite weights, got .* at the end of epoch 1\nhint: start a new run"):
        train("segmentation", pasture_folder, out=tmp_path / "run", **tiny)
    assert not (tmp_path / "run" / "checkpoints").exists()


@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_that_vanishes_is_named_from_any_process(
    pasture_folder: Path, tmp_path: Path, tiny: Settings, workers: int
) -> None:
    data = shutil.copytree(pasture_folder, tmp_path / "data")
    victim = open_folder(data).only("train").items[0].image

    def damage(row: dict[str, float]) -> None:
        victim.write_bytes(b"")

    with pytest.raises(InputError, match=victim.name):
        listener = Listener(epoch=damage)
        train("segmentation", data, out=tmp_path / "run", workers=workers, listener=listener, **(tiny | {"epochs": 2}))
    assert checkpoints.newest_checkpoint(tmp_path / "run") is not None


def test_a_full_disk_leaves_the_earlier_checkpoint_and_no_half_file(
    pasture_folder: Path, tmp_path: Path, tiny: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = checkpoints.write_bytes
    full = True

    def write_or_fail(path: Path, content: bytes) -> None:
        if full and path.name == "epoch-00001.ckpt":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(path, content)

    monkeypatch.setattr(checkpoints, "write_bytes", write_or_fail)
    settings = tiny | {"epochs": 3}
    with pytest.raises(OSError, match="No space left on device"):
        train("segmentation", pasture_folder, out=tmp_path / "run", **settings)
    assert checkpoints.finished_epochs(checkpoints.newest_checkpoint(tmp_path / "run")) == 1
    full = False
    train("segmentation", pasture_folder, out=tmp_path / "run", resume=True)
    train("segmentation", pasture_folder, out=tmp_path / "unbroken", **settings)
    assert weights(tmp_path / "run") == weights(tmp_path / "unbroken")


def test_a_real_write_that_fails_is_a_message_with_code_1(pasture_folder: Path, tmp_path: Path) -> None:
    program = """
import resource, signal, sys
from pixelwise.cli.main import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write fails instead
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
main(sys.argv[1:])
"""
    command = ("train", "segmentation", pasture_folder, "--out", tmp_path / "run", "--width", 4, "--depth", 2)
    done = run_python(program, *command, "--crop", 32, "--epochs", 2)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "the system refused" in done.stderr
    assert "hint: check the path and the disk" in done.stderr
    assert not [path for path in (tmp_path / "run").rglob("*") if path.suffix == ".ckpt" or path.name[:5] == ".part"]


def test_class_weights_stay_calm_and_absent_classes_weigh_nothing() -> None:
    # 1/sqrt(0.9) : 1/sqrt(0.1) = 1 : 3, mean 1
    assert balanced_weights((900, 100, 0, 0, 0)).tolist() == pytest.approx([0.5, 1.5, 0, 0, 0])


def test_metrics_come_back_as_they_were_written(tmp_path: Path) -> None:
    rows = [{"epoch": 1.0, "loss": 0.25}, {"epoch": 2.0, "loss": float("nan"), "val_iou/a, b": 0.125}]
    write_rows(tmp_path / "metrics.csv", rows)
    first, second = read_rows(tmp_path / "metrics.csv")
    assert first["loss"] == 0.25
    assert np.isnan(first["val_iou/a, b"])
    assert np.isnan(second["loss"])
    assert second["val_iou/a, b"] == 0.125
    assert read_rows(tmp_path / "none.csv") == []


def test_the_picture_of_a_report_needs_no_other_file(trained_run: Path) -> None:
    page = (trained_run / "report.html").read_text()
    assert "<script" not in page
    assert 'src="http' not in page
    assert "Settings of this run" in page
    assert "data:image/" in page

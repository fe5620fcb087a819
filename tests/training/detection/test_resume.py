"""A detection run that was killed comes out as one that was not."""

import shutil
import signal
from pathlib import Path

import pytest

from pixelwise.errors import InputError
from pixelwise.training import train
from pixelwise.training.metrics_file import read_rows
from references.box_folders import put_coco, some_objects
from references.separate_processes import run_python

# Everything that draws or keeps state: strong augmentation, scales, a moving average, momentum, warm-up, sampling.
OPTIONS = {
    "model": "mask_rcnn_resnet18_fpn",
    "model_settings": {"width": 4, "fpn_channels": 8},
    "epochs": 2,
    "batch_size": 2,
    "anchors_drawn": 32,
    "regions_drawn": 16,
    "augment": "strong",
    "scales": [40, 64],
    "sampling": "balanced",
    "ema": 0.9,
    "warm_up": 3,
    "learning_rate": 0.01,
    "keep": "last",
}
STEPS = 3  # 5 training images in batches of 2
PROGRAM = f"""
import sys
from pixelwise.training import train
train("detection", sys.argv[1], out=sys.argv[2], resume=sys.argv[3] == "resume",
      **({{}} if sys.argv[3] == "resume" else {OPTIONS!r}))
"""
KILLED = (
    """
import os, signal, sys
from pixelwise.training.detection.task import DetectionTask
step = DetectionTask.training_step
def stop(self, batch, number):
    if self.global_step == int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, batch, number)
DetectionTask.training_step = stop
"""
    + PROGRAM
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return put_coco(tmp_path_factory.mktemp("data") / "data", some_objects())


def test_a_run_killed_within_its_second_epoch_comes_out_bit_by_bit(data: Path, tmp_path: Path) -> None:
    train("detection", data, out=tmp_path / "unbroken", **OPTIONS)
    killed = run_python(KILLED, data, tmp_path / "run", "new", STEPS + 1)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert [path.name for path in (tmp_path / "run" / "checkpoints").glob("epoch-*")] == ["epoch-00000.ckpt"]
    train("detection", data, out=tmp_path / "run", resume=True)
    files = [tmp_path / name / "model.safetensors" for name in ("run", "unbroken")]
    assert files[0].read_bytes() == files[1].read_bytes()
    one, other = (read_rows(tmp_path / name / "metrics.csv") for name in ("run", "unbroken"))
    assert [row["loss"] for row in one] == [row["loss"] for row in other]
    assert [row["val_loss"] for row in one] == [row["val_loss"] for row in other]
    with pytest.raises(InputError, match=r"which has finished\nhint: pixelwise evaluate"):
        train("detection", data, out=tmp_path / "run", resume=True)
    with pytest.raises(InputError, match=r"wanted a run of segmentation to resume, got .*, one of detection"):
        train("segmentation", data, out=tmp_path / "run", resume=True)
    unfinish(tmp_path / "run")
    changed = shutil.copytree(data, tmp_path / "changed")
    (changed / "annotations.json").write_text((changed / "annotations.json").read_text() + " ")
    with pytest.raises(InputError, match="got other files or another split"):
        train("detection", changed, out=tmp_path / "run", resume=True)
    with pytest.raises(InputError, match=r"got epochs 2 -> 5"):
        train("detection", data, out=tmp_path / "run", resume=True, epochs=5)


def unfinish(run: Path) -> None:
    record = (run / "run.json").read_text()
    (run / "run.json").write_text(record.replace('"finished": true', '"finished": false'))

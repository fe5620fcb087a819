"""Balanced sampling, summed losses and deep supervision through `pixelwise.train`."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from pixelwise.errors import InputError
from pixelwise.training import Listener, train
from pixelwise.training.segmentation import crops

Settings = dict[str, Any]
LOSS = "border_cross_entropy+dice+0.01*boundary"


def test_balanced_crops_and_their_maps_reach_training(
    pasture_folder: Path, tmp_path: Path, tiny: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[crops.Crops] = []
    cut = crops.Crops.__getitem__

    def watched(self: crops.Crops, key: Any) -> Any:
        seen.append(self)
        return cut(self, key)

    monkeypatch.setattr(crops.Crops, "__getitem__", watched)
    notes: list[str] = []
    listener = Listener(notes.append)
    train("segmentation", pasture_folder, out=tmp_path / "a", sampling="balanced", loss=LOSS, listener=listener, **tiny)
    assert "counting the classes of 28 label maps" in notes
    assert all(each.class_pixels is not None and each.loss == LOSS for each in seen)
    seen.clear()
    train("segmentation", pasture_folder, out=tmp_path / "b", **tiny)
    assert all(each.class_pixels is None for each in seen)


def test_an_interrupted_balanced_run_continues_bit_by_bit(pasture_folder: Path, tmp_path: Path, tiny: Settings) -> None:
    settings = tiny | {"epochs": 2, "sampling": "balanced", "loss": LOSS, "augment": "strong"}

    def stop(row: dict[str, float]) -> None:
        if row["epoch"] == 1:
            raise KeyboardInterrupt

    train("segmentation", pasture_folder, out=tmp_path / "whole", **settings)
    with pytest.raises(KeyboardInterrupt):
        train("segmentation", pasture_folder, out=tmp_path / "parts", listener=Listener(epoch=stop), **settings)
    train("segmentation", pasture_folder, out=tmp_path / "parts", resume=True)
    one, other = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "parts"))
    assert one == other


def test_deep_supervision_without_side_outputs_is_refused_before_a_folder_is_made(
    pasture_folder: Path, tmp_path: Path, tiny: Settings
) -> None:
    data = shutil.copytree(pasture_folder, tmp_path / "data")
    with pytest.raises(InputError, match=r"side outputs for deep supervision, got UNet, without\nhint"):
        train("segmentation", data, out=tmp_path / "run", deep_supervision=0.4, **tiny)
    assert not (tmp_path / "run").exists()

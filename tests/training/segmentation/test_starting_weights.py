"""Training that starts from a trained network."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from pixelwise.errors import InputError
from pixelwise.inference.run_folder import read_record
from pixelwise.training import train

TINY = {"epochs": 1, "crop": 32, "batch_size": 7, "model_settings": {"width": 4, "depth": 2}}


def test_fixed_stages_keep_the_weights_they_come_with(pasture_folder: Path, trained_run: Path, tmp_path: Path):
    run = tmp_path / "run"
    train("segmentation", pasture_folder, out=run, weights=str(trained_run), freeze=1, encoder_rate=0.1, seed=3, **TINY)
    before, after = load_file(trained_run / "model.safetensors"), load_file(run / "model.safetensors")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    fixed = {name for name in before if name.startswith("down.0.")}
    assert fixed.isdisjoint(changed)
    assert set(before) - fixed == changed
    assert "0 left, 0 unused" in (run / "starting_weights.txt").read_text()


def test_the_scaling_of_images_comes_with_the_weights(pasture_folder: Path, trained_run: Path, tmp_path: Path):
    record = (trained_run / "run.json").read_text()
    other = tmp_path / "other"
    other.mkdir()
    mean = read_record(trained_run).mean[0]
    (other / "run.json").write_text(record.replace(str(mean), "0.123", 1))
    (other / "model.safetensors").write_bytes((trained_run / "model.safetensors").read_bytes())
    train("segmentation", pasture_folder, out=tmp_path / "run", weights=str(other), **TINY)
    assert read_record(tmp_path / "run").mean[0] == 0.123


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"freeze": 1}, "trained weights for the stages that are kept fixed"),
        ({"weights": "nothing.safetensors"}, "a file of weights"),
        ({"weights": "resnet9000"}, "a run folder, a file of weights, or published weights"),
        ({"weights": "resnet18", "encoder_rate": 2.0}, "encoder_rate from 0 to 1"),
        ({"encoder_rate": 0.5, "model": "patch", "model_settings": {}}, "a network with an encoder"),
    ],
)
def test_what_cannot_be_is_refused(pasture_folder: Path, tmp_path: Path, settings: dict[str, object], wanted: str):
    with pytest.raises(InputError, match=wanted):
        train("segmentation", pasture_folder, out=tmp_path / "run", **(TINY | settings))

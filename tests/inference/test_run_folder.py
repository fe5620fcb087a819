"""A run folder is read as data; whatever is wrong in it is named."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from pixelwise.errors import InputError
from pixelwise.inference import load
from pixelwise.inference.run_folder import read_record, write_record


@pytest.fixture
def run(trained_run: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("run.json", "model.safetensors"):
        shutil.copy(trained_run / name, folder / name)
    return folder


def edit(run: Path, **changes: Any) -> None:
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(record | changes))


def test_a_record_comes_back_as_it_was_written(run: Path, tmp_path: Path) -> None:
    record = read_record(run)
    write_record(tmp_path / "copy", record)
    assert read_record(tmp_path / "copy") == record


def test_a_loaded_network_is_the_trained_one(run: Path) -> None:
    predictor = load(run)
    stored = safetensors.torch.load_file(run / "model.safetensors")
    found = predictor.model.model.state_dict()
    assert found.keys() == stored.keys()
    assert all(torch.equal(found[name], stored[name]) for name in stored)
    assert not predictor.model.training
    assert predictor.classes == ("background", "cow", "camel", "sheep", "horse")


def test_what_is_missing_is_named(run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"run folder with run.json, got none at .*\nhint: pass a folder made by"):
        load(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"got none at"):
        load(run / "run.json")
    (run / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"a run that has not finished training\nhint: continue it with .* --resume"):
        load(run)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"run"', "{}", "\udcff", "[" * 100_000])
def test_a_damaged_record_is_named(run: Path, text: str) -> None:
    (run / "run.json").write_bytes(text.encode("utf-8", errors="surrogateescape"))
    with pytest.raises(InputError, match=r"wanted JSON with a format number in .*run\.json"):
        load(run)


def test_a_run_of_another_format_is_named(run: Path) -> None:
    edit(run, format=99)
    with pytest.raises(InputError, match=r"a run of format 1 in .*, got format 99\nhint: use the version of pixelwise"):
        load(run)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"model": "../../etc/passwd"}, "a model of the catalog"),
        ({"model": ["unet"]}, "the fields of a run .* got model"),
        ({"model_settings": {"width": 10**12}}, "settings of unet up to 4096"),
        ({"model_settings": {"width": 4, "depth": 10**6}}, "settings of unet up to 4096"),
        ({"model_settings": {"width": 4, "depth": 4096}}, "settings with which unet can be built"),
        ({"model_settings": {"width": 4, "depth": 3}}, "tensors of this network"),
        ({"model_settings": {"width": 5, "depth": 2}}, "tensors of this network"),
        ({"model_settings": {"width": "4", "depth": 2}}, "settings with which unet can be built"),
        ({"model_settings": {"__class__": 1}}, "settings of unet"),
        ({"model_settings": 3}, "got model_settings 3"),
        ({"mean": [0, 0]}, "got mean"),
        ({"mean": ["a", 0, 0]}, "got mean"),
        ({"std": [1, 0, 1]}, "got std"),
        ({"std": [1, float("nan"), 1]}, "got std"),
        ({"class_pixels": [1]}, "for 5 classes"),
        ({"class_pixels": 5}, "got class_pixels 5"),
        ({"classes": 5}, "wanted"),
        ({"classes": {"names": []}}, "wanted"),
        ({"settings": None}, "got settings None"),
        ({"finished": "no"}, "got finished 'no'"),
        ({"surprise": 1}, "unexpected keyword argument 'surprise'"),
    ],
)
def test_a_hostile_record_is_refused_by_name(run: Path, changes: dict[str, Any], text: str) -> None:
    edit(run, **changes)
    with pytest.raises(InputError, match=text):
        load(run)


def test_weights_of_another_network_are_listed(run: Path) -> None:
    file = run / "model.safetensors"
    tensors = safetensors.torch.load_file(file)
    bias = tensors.pop("classify.bias")
    safetensors.torch.save_file(tensors | {"extra": bias}, file)
    with pytest.raises(InputError, match=r"got 2 that are missing, extra, .*: classify\.bias, extra\nhint:"):
        load(run)
    safetensors.torch.save_file(tensors | {"classify.bias": bias.long()}, file)
    with pytest.raises(InputError, match=r"got 1 that .*: classify\.bias"):
        load(run)


@pytest.mark.parametrize("keep", [0, 7, 3000])
def test_a_damaged_weights_file_is_named(run: Path, keep: int) -> None:
    file = run / "model.safetensors"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"wanted a safetensors file at .*\nhint: copy the run again"):
        load(run)


def test_a_pickle_in_the_place_of_weights_is_not_run(run: Path) -> None:
    torch.save({"classify.bias": torch.zeros(5)}, run / "model.safetensors")
    with pytest.raises(InputError, match="wanted a safetensors file"):
        load(run)

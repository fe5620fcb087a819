"""Files of weights: read without running anything from them, whatever they hold."""

import pickle
from collections import OrderedDict
from pathlib import Path

import pytest
import safetensors.torch
import torch

from pixelwise.backbones import resnet18
from pixelwise.backbones.weight_files import read_state
from pixelwise.errors import InputError

STATE = {"a.weight": torch.arange(6.0).view(2, 3), "a.bias": torch.ones(2)}


class Hostile:
    """A pickle that makes a file when it is read without care."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.target,)


def refused(path: Path) -> str:
    with pytest.raises(InputError) as refusal:
        read_state(path)
    text = str(refusal.value)
    assert str(path) in text
    return text


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("ending", [".pth", ".pt", ".PTH"])
def test_a_pickled_state_dict_comes_back(tmp_path: Path, zipped: bool, ending: str):
    path = tmp_path / f"w{ending}"
    torch.save(OrderedDict(STATE), path, _use_new_zipfile_serialization=zipped)
    state = read_state(path)
    assert list(state) == list(STATE)
    assert all(torch.equal(state[name], value) for name, value in STATE.items())


def test_a_safetensors_file_comes_back(tmp_path: Path):
    path = tmp_path / "w.safetensors"
    safetensors.torch.save_file(STATE, path)
    state = read_state(path)
    assert state.keys() == STATE.keys()
    assert all(torch.equal(state[name], value) for name, value in STATE.items())


@pytest.mark.parametrize("zipped", [True, False])
def test_a_hostile_pickle_is_refused_and_does_nothing(tmp_path: Path, zipped: bool):
    path, target = tmp_path / "w.pth", tmp_path / "made"
    torch.save({**STATE, "x": Hostile(target)}, path, _use_new_zipfile_serialization=zipped)
    text = refused(path)
    assert not target.exists()
    assert text == (
        f"wanted a file of weights that can be read without running code from it, got {path}, which holds more than "
        "tensors, or is damaged\n"
        "hint: load it where you trust it, and save its state dict with safetensors.torch.save_file"
    )
    # It is hostile: read without care, it acts.
    torch.load(path, weights_only=False)
    assert target.exists()


def test_a_bare_hostile_pickle_is_refused_and_does_nothing(tmp_path: Path):
    path, target = tmp_path / "w.pth", tmp_path / "made"
    path.write_bytes(pickle.dumps(Hostile(target)))
    assert "without running code" in refused(path)
    assert not target.exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_damaged_files_are_named(tmp_path: Path, zipped: bool):
    whole = tmp_path / "whole.pth"
    torch.save(STATE, whole, _use_new_zipfile_serialization=zipped)
    content = whole.read_bytes()
    damaged = [b"", b"\0", b"text, no weights", *(content[: len(content) * part // 8] for part in range(1, 8))]
    for number, each in enumerate(damaged):
        path = tmp_path / f"{number}.pth"
        path.write_bytes(each)
        assert "\nhint: " in refused(path)


def test_damaged_safetensors_are_named(tmp_path: Path):
    whole = tmp_path / "whole.safetensors"
    safetensors.torch.save_file(STATE, whole)
    content = whole.read_bytes()
    for number, each in enumerate([b"", b"\xff" * 20, content[:4], content[:40], content[:-1], b"{}" + content]):
        path = tmp_path / f"{number}.safetensors"
        path.write_bytes(each)
        assert "wanted a whole safetensors file" in refused(path)


def test_other_contents_are_described(tmp_path: Path):
    path = tmp_path / "w.pth"
    torch.save({"model": STATE, "epoch": 3, **STATE}, path)
    assert refused(path) == (
        f"wanted a state dict: tensors by name, got {path}, which holds other things under model, epoch\n"
        'hint: save only the weights in a file, such as torch.load(path, weights_only=True)["model"]'
    )
    torch.save([torch.ones(1)], path)
    assert "which holds a list" in refused(path)
    torch.save({3: torch.ones(1)}, path)
    assert "names that are no text" in refused(path)
    torch.save({f"key{number}": number for number in range(7)}, path)
    assert "under key0, key1, key2, key3, key4 ..." in refused(path)


def test_a_whole_network_is_refused(tmp_path: Path):
    path = tmp_path / "w.pth"
    torch.save(resnet18(width=1, num_classes=1), path)
    assert "without running code" in refused(path)


def test_missing_files_and_folders_and_other_endings_are_named(tmp_path: Path):
    assert f"got no file {tmp_path / 'no.pth'}\nhint: check the path" in refused(tmp_path / "no.pth")
    assert f"got no file {tmp_path}" in refused(tmp_path)
    other = tmp_path / "w.onnx"
    other.write_bytes(b"")
    assert "ends in .safetensors, .pth or .pt" in refused(other)

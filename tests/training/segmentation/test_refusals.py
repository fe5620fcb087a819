"""What training refuses, before it makes a folder."""

from pathlib import Path
from typing import Any

import pytest

from pixelwise.errors import InputError
from pixelwise.training import train
from references.sample_folders import put_image, put_labels, put_pairs

Settings = dict[str, Any]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"epochs": 0}, "wanted epochs from 1 to 100000, got 0"),
        ({"learning_rate": float("nan")}, "wanted learning_rate from 1e-12 to 100, got nan"),
        ({"seed": -1}, "wanted seed from 0 to"),
        ({"batch_size": 2.5}, "wanted int for batch_size, got 2.5"),
        ({"turns": 1}, "wanted bool for turns, got 1"),
        (
            {"loss": "focal"},
            r"wanted loss to be one or a sum of cross_entropy, .*, boundary, got 'focal'\nhint: such as",
        ),
        ({"deep_supervision": 0.4}, "wanted a network with side outputs for deep supervision, got UNet, without"),
        ({"deep_supervision": -1.0}, "wanted deep_supervision from 0 to 10, got -1"),
        ({"sampling": "rare"}, "wanted sampling to be one of uniform, balanced, got 'rare'"),
        ({"epoch": 3}, r"wanted settings among model, .*, got epoch\nhint: check the spelling"),
        ({"model": "resnet"}, r"wanted a model of the catalog \(unet, unet_paper"),
        ({"model_settings": {"wide": 3}}, r"wanted settings of unet \(width, depth"),
        ({"model_settings": {"width": 0}}, "wanted U-Net with width >= 1"),
        ({"model_settings": {"width": 10**9}}, "settings of unet up to 4096"),
        ({"model_settings": {"width": 4096, "depth": 9}}, "a network whose weights and gradients fit the"),
        ({"model_settings": {"width": "many"}}, "settings with which unet can be built"),
        ({"model_settings": {"dropout": 2.0}}, "settings with which unet can be built"),
        ({"device": "tpu"}, "wanted a device of auto, cpu, cuda, got 'tpu'"),
        ({"workers": -1}, "wanted 0 or more workers, got -1"),
        ({"memory": "lots"}, "wanted a memory size such as 512MB"),
        ({"precision": "16", "device": "cpu"}, "wanted a GPU for float16, got a CPU"),
        ({"task": "painting"}, "wanted a task of: segmentation, .*got 'painting'"),
    ],
)
def test_bad_settings_are_named_before_a_folder_is_made(
    pasture_folder: Path, tmp_path: Path, settings: Settings, text: str
) -> None:
    with pytest.raises(InputError, match=text):
        train(**{"task": "segmentation", "data": pasture_folder, "out": tmp_path / "run"} | settings)
    assert not (tmp_path / "run").exists()


def test_a_folder_in_the_way_is_left_alone(pasture_folder: Path, trained_run: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match=r"which is there already\nhint: choose another --out"):
        train("segmentation", pasture_folder, out=tmp_path)
    with pytest.raises(InputError, match=r"which is there already\nhint: choose another --out"):
        train("segmentation", pasture_folder, out=tmp_path / "thesis.txt")
    with pytest.raises(InputError, match=r"which holds a run already\nhint: .* --resume"):
        train("segmentation", pasture_folder, out=trained_run)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_what_the_doctor_calls_fatal_is_refused(tmp_path: Path) -> None:
    put_pairs(tmp_path / "images", tmp_path / "labels", "a b")
    put_image(tmp_path / "images" / "c.png", seed=9)
    with pytest.raises(InputError, match=r"got 1: images/c.png: no label map.*\nhint: .*pixelwise data check"):
        train("segmentation", tmp_path, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_training_on_ignored_pixels_alone_is_refused(tmp_path: Path) -> None:
    put_image(tmp_path / "images" / "a.png", seed=1)
    put_labels(tmp_path / "labels" / "a.png", values=(255,))
    (tmp_path / "classes.txt").write_text("ground\nsky\n")
    with pytest.raises(InputError, match=r"wanted labelled pixels .* got none: every pixel means ignore"):
        train("segmentation", tmp_path, out=tmp_path / "run")

"""The demo, made small: it ends in a report, and a second call keeps what is finished."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from pixelwise import demo
from pixelwise.data.pasture import Knobs
from pixelwise.training import Listener


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """With more, small networks wait for each other longer than they compute."""
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(2)


def test_the_demo_ends_in_a_report_and_continues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "SCENES", 20)
    monkeypatch.setattr(demo, "SCENE_SIDE", 512)
    monkeypatch.setattr(demo, "CHECKED_SIDE", 320)
    monkeypatch.setattr(demo, "KNOBS", Knobs(size=(48, 48)))
    small = {"model_settings": {"width": 4, "depth": 2}, "epochs": 2, "batch_size": 8, "crop": 48, "seed": 0}
    monkeypatch.setattr(demo, "SETTINGS", small)
    notes: list[str] = []
    report = demo.run_demo(tmp_path / "demo", Listener(notes.append))
    page = report.read_text()
    for text in ("In short", "The data: Pasture", "Training", "labels flipped", "The worst images", "Your own images"):
        assert text in page
    assert "<script" not in page
    assert notes[-1].endswith(" 0 labels flipped")
    weights = (tmp_path / "demo" / "run" / "model.safetensors").stat().st_mtime_ns
    again: list[str] = []
    assert demo.run_demo(tmp_path / "demo", Listener(again.append)) == report
    assert not [note for note in again if "training" in note or "making" in note]
    assert (tmp_path / "demo" / "run" / "model.safetensors").stat().st_mtime_ns == weights

"""Settings shared by all tests: few threads, one place for the real data sets, the same random draws every time."""

from pathlib import Path

import pytest
import torch

from pixelwise.data.pasture import Knobs, write_folder
from pixelwise.training import train

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def two_threads() -> None:
    """The reference machine has two cores; more threads would change sums in the last bit."""
    torch.set_num_threads(2)


@pytest.fixture(autouse=True)
def same_draws() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets beside the checkout; the test is skipped where it is absent."""
    if not DATA.is_dir():
        pytest.skip(f"no real data at {DATA}")
    return DATA


@pytest.fixture(scope="session")
def pasture_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty generated scenes of 64x64 pixels with splits and attributes; tests that change it copy it first."""
    folder = tmp_path_factory.mktemp("pasture") / "data"
    write_folder(folder, Knobs(size=(64, 64)), images=40, seed=0)
    return folder


@pytest.fixture(scope="session")
def detection_run(pasture_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Mask R-CNN trained on these scenes for two epochs; copy it to change it."""
    folder = tmp_path_factory.mktemp("detection_run") / "run"
    torch.set_num_threads(1)
    network = {"width": 4, "fpn_channels": 8}
    drawn = {"anchors_drawn": 64, "regions_drawn": 32}
    train(
        "detection",
        pasture_folder,
        out=folder,
        model="mask_rcnn_resnet18_fpn",
        model_settings=network,
        epochs=2,
        learning_rate=0.003,
        warm_up=5,
        **drawn,
    )
    torch.set_num_threads(2)
    return folder


@pytest.fixture(scope="session")
def trained_run(pasture_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on these scenes: two epochs of a tiny network, which tells classes apart a little. Copy it to change it."""
    folder = tmp_path_factory.mktemp("run") / "run"
    torch.set_num_threads(1)  # with more, small networks wait for each other longer than they compute
    settings = {"width": 4, "depth": 2}
    train("segmentation", pasture_folder, out=folder, model_settings=settings, crop=64, epochs=2, learning_rate=0.01)
    torch.set_num_threads(2)
    return folder

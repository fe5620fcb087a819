"""Settings shared by all tests: few threads, one place for the real data sets, the same random draws every time."""

from pathlib import Path

import pytest
import torch

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

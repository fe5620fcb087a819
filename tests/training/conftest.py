"""Small networks on one thread: with more, they wait for each other longer than they compute."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def tiny() -> dict[str, Any]:
    """Settings of a training of a second or two."""
    return {"model_settings": {"width": 4, "depth": 2}, "crop": 32, "epochs": 1, "batch_size": 7}

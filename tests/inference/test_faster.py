"""Folded and in bfloat16: the same network within its rounding."""

from pathlib import Path

import pytest
import torch
from torch import nn

from pixelwise.errors import InputError
from pixelwise.inference import load
from pixelwise.inference.faster import InBfloat16


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    return torch.rand(3, 96, 80, generator=torch.Generator().manual_seed(0))


def test_a_folded_run_gives_the_same_probabilities(trained_run: Path, image: torch.Tensor):
    plain, folded = load(trained_run), load(trained_run, fold=True)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in folded.model.modules())
    wanted, found = (each.predict(image, probabilities=True).probabilities for each in (plain, folded))
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)


def test_bfloat16_stays_within_its_rounding(trained_run: Path, image: torch.Tensor):
    wanted = load(trained_run).predict(image, probabilities=True).probabilities
    found = load(trained_run, precision="bf16").predict(image, probabilities=True).probabilities
    assert found.dtype == torch.float32
    assert 0 < (found - wanted).abs().max() < 0.1


def test_float64_is_not_rounded():
    layer = nn.Conv2d(3, 2, 3).double()
    images = torch.rand(1, 3, 8, 8, dtype=torch.float64)
    assert torch.equal(InBfloat16(layer)(images), layer(images))


def test_other_precisions_are_refused(trained_run: Path):
    with pytest.raises(InputError, match="a precision of 32 or bf16"):
        load(trained_run, precision="16")

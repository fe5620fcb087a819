"""What is kept of the scores, against each pixel by hand."""

import math

import pytest
import torch

from pixelwise.dense.tiles import reductions
from pixelwise.dense.tiles.reductions import reduction
from pixelwise.errors import InputError
from references.reductions import reduced_by_hand

NAMES = ["argmax", "probabilities", "max_probability", "margin", "entropy", "top2", "top2_probabilities", "top3"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("band", [1, 2**22])
def test_equal_to_each_pixel_by_hand(name: str, band: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reductions, "BAND_VALUES", band)
    scores = torch.randn(5, 7, 4, dtype=torch.float64) * 3
    expected = torch.from_numpy(reduced_by_hand(name, scores.numpy()))
    found = reduction(name)(scores).double()
    found = found if found.ndim == 3 else found[None]
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_scores_stay_what_they_are():
    scores = torch.randn(2, 3, 4)
    assert reduction(None)(scores).data_ptr() == scores.data_ptr()
    assert reduction(None)(scores.bfloat16()).dtype == torch.float32


def test_number_types():
    few, many = torch.randn(3, 2, 2), torch.randn(300, 2, 2)
    assert reduction("argmax")(few).dtype == reduction("top2")(few).dtype == torch.uint8
    assert reduction("argmax")(many).dtype == reduction("top2")(many).dtype == torch.int64
    assert reduction("entropy")(few.half()).dtype == torch.float32
    assert reduction("entropy")(few.double()).dtype == torch.float64


def test_extreme_scores_give_numbers():
    sure = torch.tensor([1000.0, -1000.0, -torch.inf]).view(3, 1, 1)
    assert reduction("max_probability")(sure).item() == 1
    assert reduction("margin")(sure).item() == 1
    assert reduction("entropy")(sure).item() == 0
    equal = torch.full((4, 1, 1), 1e4)
    assert reduction("margin")(equal).item() == 0
    assert reduction("entropy")(equal).item() == pytest.approx(math.log(4))
    assert reduction("argmax")(equal).item() == 0


def test_unknown_names_are_refused():
    for name in ("max", "top0", "top", "argmax "):
        with pytest.raises(InputError) as refusal:
            reduction(name)
        assert f"got reduce = {name!r}" in str(refusal.value)
        assert "None, argmax, probabilities, max_probability, margin, entropy, top2" in str(refusal.value)


def test_too_few_classes_are_refused():
    with pytest.raises(InputError, match="at least 2 classes for reduce='probabilities', got one of 1"):
        reduction("probabilities")(torch.zeros(1, 2, 2))
    with pytest.raises(InputError, match="at least 3 classes for reduce='top3', got one of 2"):
        reduction("top3")(torch.zeros(2, 2, 2))
